"""The space that waiting lists may take in this app."""

from request_tracker_utils.core.db import Base
from request_tracker_utils.imports.waiting import MEGABYTE, Quota
from request_tracker_utils.web.registry import registry, settings


class OtherWaitingLists(list[type[Base]]):
    """Domains with waiting lists of their own add the table of these, see `Quota`."""


def quota() -> Quota:
    per_person, total = settings().import_megabytes_per_person * MEGABYTE, settings().import_megabytes * MEGABYTE
    return Quota(per_person, total, registry().get(OtherWaitingLists))
