"""The space that waiting lists may take in this app."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.imports.waiting import MEGABYTE, Quota
from request_tracker_utils.web.registry import registry, settings


class OtherWaitingLists(list[Callable[[Session, Actor | None], int]]):
    """Domains with waiting lists of their own add a function that measures them, see `Quota`."""


def quota() -> Quota:
    per_person, total = settings().import_megabytes_per_person * MEGABYTE, settings().import_megabytes * MEGABYTE
    return Quota(per_person, total, registry().get(OtherWaitingLists))
