"""What differs between an asset's name in the asset store and its tag here."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from request_tracker_utils.reconciliation.repository import Discrepancies
from request_tracker_utils.tags.confirmation import LEAST_ABSENCE
from request_tracker_utils.tags.models import DiscrepancyKind, Tag, TagDiscrepancy, TagState
from request_tracker_utils.tags.service import GRACE_PERIOD
from request_tracker_utils.tags.tag_format import parse

LONGEST_NAME = 500
DISCREPANCIES = Discrepancies(TagDiscrepancy, DiscrepancyKind, identity=("kind", "asset_id", "tag"))


def of_name(
    asset_id: int, name: str, *, own: Tag | None, namesake: Tag | None, prefixes: Sequence[str], since: datetime
) -> TagDiscrepancy | None:
    """What is wrong with the name of an asset: `own` is the tag that the asset has here, `namesake` the tag that equals its name.

    None where nothing is wrong, and for tags that a job still works on. `since` is the earliest time at which the name was read: a tag
    that changed later is newer than the name.
    """
    if own is not None:
        matches = own.tag == name or _is_in_progress(own, since, GRACE_PERIOD)
        return None if matches else _new(DiscrepancyKind.RENAMED, own.tag, asset_id, name)
    if namesake is not None and _is_in_progress(namesake, since, GRACE_PERIOD):
        return None
    if namesake is not None and namesake.asset_id is not None:
        return _new(DiscrepancyKind.DUPLICATE, name, asset_id, name)
    if any(parse(name, prefix) for prefix in prefixes):
        return _new(DiscrepancyKind.UNKNOWN, name, asset_id, name)
    return _new(DiscrepancyKind.MISSPELLED, "", asset_id, name) if longest_prefix(name, prefixes) is not None else None


def of_absent_asset(tag: Tag, name: str | None, *, since: datetime) -> TagDiscrepancy | None:
    """The asset of the tag does not exist in the asset store, or is deleted there and has this name. An asset that is being created may
    be invisible for up to LEAST_ABSENCE, so its tag is no discrepancy until then."""
    if _is_in_progress(tag, since, LEAST_ABSENCE):
        return None
    return _new(DiscrepancyKind.MISSING, tag.tag, int(tag.asset_id or 0), name)


def longest_prefix(name: str, prefixes: Iterable[str]) -> str | None:
    """The longest of the prefixes with which the name starts, ignoring case."""
    matching = [prefix for prefix in prefixes if name[: len(prefix)].casefold() == prefix.casefold()]
    return max(matching, key=len, default=None)


def _is_in_progress(tag: Tag, since: datetime, patience: timedelta) -> bool:
    if max(tag.changed_at, tag.confirmed_at or tag.changed_at) >= since:
        return True
    return tag.due_at is not None and (tag.state == TagState.RESERVED or tag.changed_at > since - patience)


def _new(kind: DiscrepancyKind, tag: str, asset_id: int, name: str | None) -> TagDiscrepancy:
    return TagDiscrepancy(kind=str(kind), tag=tag, asset_id=asset_id, name=name[:LONGEST_NAME] if name is not None else None)
