"""The space that uploaded files may take in this app."""

from request_tracker_utils.imports.service import MEGABYTE, Quota
from request_tracker_utils.web.registry import settings


def quota() -> Quota:
    return Quota(settings().import_megabytes_per_person * MEGABYTE, settings().import_megabytes * MEGABYTE)
