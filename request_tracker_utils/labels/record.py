"""The record of what was printed, and of what was scanned afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, tuple_, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import upsert_into
from request_tracker_utils.labels.errors import PrintNotFound
from request_tracker_utils.labels.models import LabelledAsset, LabelPrint, PrintedLabel

PAGE = 50
CHUNK = 500
LONGEST_NAME = 500


@dataclass(frozen=True)
class Place:
    """Of an asset among those whose label nobody has scanned: when it was printed, and the asset's number."""

    printed_at: datetime
    asset_id: int


def begin(session: Session, *, format: str, copies: int, actor: Actor, now: datetime) -> int:
    """A print without labels as yet; returns its number."""
    started = LabelPrint(at=now, actor=actor.name, format=format[:60], copies=copies, labels=0)
    session.add(started)
    session.flush()  # its number, for the labels
    return started.id


def add(session: Session, print_id: int, labels: list[tuple[int, str]], *, actor: Actor, now: datetime) -> None:
    """Adds labels to a print: assets by number, each once, with the name on the label."""
    if not labels:
        return
    says = [{"asset_id": asset_id, "name": name.replace("\0", "")[:LONGEST_NAME]} for asset_id, name in labels]
    session.execute(insert(PrintedLabel), [{"print_id": print_id, **each} for each in says])
    session.execute(update(LabelPrint).where(LabelPrint.id == print_id).values(labels=LabelPrint.labels + len(says)))
    # In the order of their numbers: two prints of the same assets then wait for each other, and not both for ever.
    newest = [{**each, "printed_at": now, "printed_by": actor.name} for each in sorted(says, key=lambda each: str(each["asset_id"]))]
    statement = upsert_into(session)(LabelledAsset).values(newest)
    written = {name: statement.excluded[name] for name in ("name", "printed_at", "printed_by")}
    session.execute(statement.on_conflict_do_update(index_elements=["asset_id"], set_={**written, "scanned_at": None, "scanned_by": None}))


def scan(session: Session, asset_id: int, *, actor: Actor, now: datetime) -> str | None:
    """Marks the asset's label as scanned and returns the name on it; None when no label of it is on record."""
    seen = update(LabelledAsset).where(LabelledAsset.asset_id == asset_id).values(scanned_at=now, scanned_by=actor.name)
    return session.scalar(seen.returning(LabelledAsset.name))


def scan_unprinted(session: Session, asset_id: int, name: str, *, actor: Actor, now: datetime) -> None:
    """Records a label that was not printed here: it hangs on a device, whoever printed it."""
    row = {"asset_id": asset_id, "name": name.replace("\0", "")[:LONGEST_NAME], "printed_at": now, "printed_by": ""}
    scanned = {"scanned_at": now, "scanned_by": actor.name}
    statement = upsert_into(session)(LabelledAsset).values({**row, **scanned})
    session.execute(statement.on_conflict_do_update(index_elements=["asset_id"], set_=scanned))


def prints(session: Session, *, before: int | None = None, limit: int = PAGE) -> list[LabelPrint]:
    """The newest first; `before` is the number of the last one of the page before."""
    query = select(LabelPrint).order_by(LabelPrint.id.desc()).limit(limit)
    return list(session.scalars(query if before is None else query.where(LabelPrint.id < before)))


def assets_of(session: Session, print_id: int) -> list[int]:
    """The assets of a print, in the order of its labels. Raises PrintNotFound."""
    found = list(session.scalars(select(PrintedLabel.asset_id).where(PrintedLabel.print_id == print_id).order_by(PrintedLabel.id)))
    if not found:
        raise PrintNotFound(f"There is no print {print_id} on record.", print_id=print_id)
    return found


def prints_of(session: Session, asset_id: int, *, limit: int = 10) -> list[LabelPrint]:
    """The newest prints that held a label of the asset."""
    labels = select(PrintedLabel.print_id).where(PrintedLabel.asset_id == asset_id).order_by(PrintedLabel.id.desc()).limit(limit)
    return list(session.scalars(select(LabelPrint).where(LabelPrint.id.in_(labels)).order_by(LabelPrint.id.desc())))


def of_asset(session: Session, asset_id: int) -> LabelledAsset | None:
    return session.get(LabelledAsset, asset_id)


def last_scans(session: Session, actor: Actor, *, limit: int = 10) -> list[LabelledAsset]:
    """What somebody scanned last, the newest first."""
    mine = select(LabelledAsset).where(LabelledAsset.scanned_at.is_not(None), LabelledAsset.scanned_by == actor.name)
    return list(session.scalars(mine.order_by(LabelledAsset.scanned_at.desc()).limit(limit)))


def unscanned(session: Session, *, until: datetime, after: Place | None = None, limit: int = PAGE) -> list[LabelledAsset]:
    """Assets whose newest label was printed at `until` or before, and which nobody has scanned since; the oldest first, behind the place
    `after`."""
    query = select(LabelledAsset).where(LabelledAsset.scanned_at.is_(None), LabelledAsset.printed_at <= until)
    if after is not None:
        query = query.where(tuple_(LabelledAsset.printed_at, LabelledAsset.asset_id) > (after.printed_at, after.asset_id))
    return list(session.scalars(query.order_by(LabelledAsset.printed_at, LabelledAsset.asset_id).limit(limit)))


def every_unscanned(session: Session, *, until: datetime) -> Iterator[LabelledAsset]:
    """All of them, read by five hundred."""
    after: Place | None = None
    while rows := unscanned(session, until=until, after=after, limit=CHUNK):
        yield from rows
        after = Place(rows[-1].printed_at, rows[-1].asset_id)
        session.expunge_all()
