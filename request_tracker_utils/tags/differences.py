"""Where the directory and the tags differ: what one is, and the record of those that were found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from request_tracker_utils.reconciliation.record import Record
from request_tracker_utils.tags.confirmation import LEAST_ABSENCE
from request_tracker_utils.tags.models import DifferenceKind, Tag, TagDifference, TagState
from request_tracker_utils.tags.service import GRACE_PERIOD
from request_tracker_utils.tags.tag_format import parse

LONGEST_NAME = 500
RECORD = Record(TagDifference, DifferenceKind, identity=("kind", "asset_id", "tag"), told=("name",))


@dataclass(frozen=True)
class Finding:
    """One difference as it is seen now; the fields are those of TagDifference."""

    kind: DifferenceKind
    tag: str
    asset_id: int
    name: str | None


def of_name(asset_id: int, name: str, *, own: Tag | None, bearer: Tag | None, prefixes: Sequence[str], since: datetime) -> Finding | None:
    """What is wrong with the asset's name: `own` is the tag that the asset has here, `bearer` the one that its name is.

    None where nothing is, and for tags that somebody works on: their turn comes without us. `since` is when the name was asked for
    at the earliest; what was done to a tag later is newer than the name.
    """
    if own is not None:
        agrees = own.tag == name or _is_under_way(own, since, GRACE_PERIOD)
        return None if agrees else Finding(DifferenceKind.RENAMED, own.tag, asset_id, name)
    if bearer is not None and _is_under_way(bearer, since, GRACE_PERIOD):
        return None
    if bearer is not None and bearer.asset_id is not None:
        return Finding(DifferenceKind.TWIN, name, asset_id, name)
    if any(parse(name, prefix) for prefix in prefixes):
        return Finding(DifferenceKind.UNKNOWN, name, asset_id, name)
    return Finding(DifferenceKind.MISSPELT, "", asset_id, name) if prefix_of(name, prefixes) is not None else None


def of_absent(tag: Tag, name: str | None, *, since: datetime) -> Finding | None:
    """The directory does not hold the tag's asset, or only as a deleted one of this name. An asset that is being created may
    stay out of sight for long, so its tag is given time."""
    if _is_under_way(tag, since, LEAST_ABSENCE):
        return None
    return Finding(DifferenceKind.GONE, tag.tag, int(tag.asset_id or 0), name)


def prefix_of(name: str, prefixes: Iterable[str]) -> str | None:
    """The longest of the prefixes with which the name begins, without case."""
    fitting = [prefix for prefix in prefixes if name[: len(prefix)].casefold() == prefix.casefold()]
    return max(fitting, key=len, default=None)


def _is_under_way(tag: Tag, since: datetime, patience: timedelta) -> bool:
    if max(tag.changed_at, tag.confirmed_at or tag.changed_at) >= since:
        return True
    return tag.due_at is not None and (tag.state == TagState.RESERVED or tag.changed_at > since - patience)


def record(session: Session, findings: Sequence[Finding], *, since: datetime, now: datetime) -> None:
    """Writes down what was seen: see Record.write."""
    rows = [
        {"kind": str(one.kind), "tag": one.tag, "asset_id": one.asset_id, "name": one.name[:LONGEST_NAME] if one.name is not None else None}
        for one in findings
    ]
    RECORD.write(session, rows, since=since, now=now)
