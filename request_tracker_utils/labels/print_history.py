"""The history of printed labels, and of their scans."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, tuple_, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction, upsert_into
from request_tracker_utils.core.disk import disk_problem
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels.errors import PrintNotFound
from request_tracker_utils.labels.models import LabelledAsset, LabelPrint, PrintedLabel
from request_tracker_utils.labels.service import LabelNames

PAGE_SIZE = 50
CHUNK_SIZE = 500
MAX_NAME_LENGTH = 500

PrintListener = Callable[[Session, LabelNames, datetime], list[str]]


class PrintListeners(list[PrintListener]):
    """Called before labels are sent, in the transaction that records them; each returns notices to show beside the labels."""


@dataclass(frozen=True)
class UnscannedCursor:
    """The position of an asset in the list of unscanned labels."""

    printed_at: datetime
    asset_id: int


@dataclass
class PrintRecorder:
    """Records a print while it is streamed. Each chunk of labels is recorded before it is sent, so that every label that may exist on paper
    is in the history."""

    actor: Actor
    listeners: Sequence[PrintListener]
    format: str
    copies: int = 1
    print_id: int | None = None

    def record(self, labels: LabelNames) -> list[str]:
        """Records the labels in one short transaction and returns the listeners' notices. Raises Unavailable."""
        now = utc_now()
        try:
            with transaction() as session:
                print_id = self.print_id or start_print(session, format=self.format, copies=self.copies, actor=self.actor, now=now)
                add_labels(session, print_id, labels, actor=self.actor, now=now)
                notices = [notice for listener in self.listeners for notice in listener(session, labels, now)]
        except OperationalError as error:
            raise (disk_problem(error) or Unavailable(_("The database does not answer. Try again in a moment."))) from None
        self.print_id = print_id
        return notices


def start_print(session: Session, *, format: str, copies: int, actor: Actor, now: datetime) -> int:
    """Adds a print without labels and returns its ID."""
    started = LabelPrint(at=now, actor=actor.name, format=format[:60], copies=copies, labels=0)
    session.add(started)
    session.flush()  # assigns the ID
    return started.id


def add_labels(session: Session, print_id: int, labels: LabelNames, *, actor: Actor, now: datetime) -> None:
    """Adds labels, each of another asset, to a print."""
    if not labels:
        return
    rows = [{"asset_id": asset_id, "name": _storable(name)} for asset_id, name in labels]
    session.execute(insert(PrintedLabel), [{"print_id": print_id, **row} for row in rows])
    session.execute(update(LabelPrint).where(LabelPrint.id == print_id).values(labels=LabelPrint.labels + len(rows)))
    # Sorted by ID, so that two prints of the same assets cannot deadlock.
    newest = [{**row, "printed_at": now, "printed_by": actor.name} for row in sorted(rows, key=lambda row: str(row["asset_id"]))]
    statement = upsert_into(session)(LabelledAsset).values(newest)
    changes = {name: statement.excluded[name] for name in ("name", "printed_at", "printed_by")}
    session.execute(statement.on_conflict_do_update(index_elements=["asset_id"], set_={**changes, "scanned_at": None, "scanned_by": None}))


def mark_scanned(session: Session, asset_id: int, *, actor: Actor, now: datetime) -> str | None:
    """Marks the asset's label as scanned and returns the name on it; None if the history has no label of the asset."""
    marked = update(LabelledAsset).where(LabelledAsset.asset_id == asset_id).values(scanned_at=now, scanned_by=actor.name)
    return session.scalar(marked.returning(LabelledAsset.name))


def add_scanned_label(session: Session, asset_id: int, name: str, *, actor: Actor, now: datetime) -> None:
    """Adds a scanned label that was not printed here."""
    label = {"asset_id": asset_id, "name": _storable(name), "printed_at": now, "printed_by": ""}
    scan = {"scanned_at": now, "scanned_by": actor.name}
    statement = upsert_into(session)(LabelledAsset).values({**label, **scan})
    session.execute(statement.on_conflict_do_update(index_elements=["asset_id"], set_=scan))


def list_prints(session: Session, *, before: int | None = None, limit: int = PAGE_SIZE) -> list[LabelPrint]:
    """The newest first; `before` is the ID of the last print of the previous page."""
    query = select(LabelPrint).order_by(LabelPrint.id.desc()).limit(limit)
    return list(session.scalars(query if before is None else query.where(LabelPrint.id < before)))


def printed_assets(session: Session, print_id: int) -> list[int]:
    """The assets of a print, in the order of its labels. Raises PrintNotFound."""
    found = list(session.scalars(select(PrintedLabel.asset_id).where(PrintedLabel.print_id == print_id).order_by(PrintedLabel.id)))
    if not found:
        raise PrintNotFound(_("Print %(id)s does not exist. Choose one from the print history.", id=print_id), print_id=print_id)
    return found


def prints_of_asset(session: Session, asset_id: int, *, limit: int = 10) -> list[LabelPrint]:
    """The newest prints that contained a label of the asset."""
    labels = select(PrintedLabel.print_id).where(PrintedLabel.asset_id == asset_id).order_by(PrintedLabel.id.desc()).limit(limit)
    return list(session.scalars(select(LabelPrint).where(LabelPrint.id.in_(labels)).order_by(LabelPrint.id.desc())))


def label_of_asset(session: Session, asset_id: int) -> LabelledAsset | None:
    return session.get(LabelledAsset, asset_id)


def labelled(session: Session, asset_ids: Collection[int]) -> set[int]:
    """Those of the assets that have a label."""
    return set(session.scalars(select(LabelledAsset.asset_id).where(LabelledAsset.asset_id.in_(asset_ids))))


def recent_scans(session: Session, actor: Actor, *, limit: int = 10) -> list[LabelledAsset]:
    """The actor's last scans, newest first."""
    scans = select(LabelledAsset).where(LabelledAsset.scanned_at.is_not(None), LabelledAsset.scanned_by == actor.name)
    return list(session.scalars(scans.order_by(LabelledAsset.scanned_at.desc()).limit(limit)))


def list_unscanned(
    session: Session, *, until: datetime, after: UnscannedCursor | None = None, limit: int = PAGE_SIZE
) -> list[LabelledAsset]:
    """Assets whose newest label was printed at `until` or before and has not been scanned; the oldest first, after the cursor."""
    query = select(LabelledAsset).where(LabelledAsset.scanned_at.is_(None), LabelledAsset.printed_at <= until)
    if after is not None:
        query = query.where(tuple_(LabelledAsset.printed_at, LabelledAsset.asset_id) > (after.printed_at, after.asset_id))
    return list(session.scalars(query.order_by(LabelledAsset.printed_at, LabelledAsset.asset_id).limit(limit)))


def iterate_unscanned(session: Session, *, until: datetime) -> Iterator[LabelledAsset]:
    """All unscanned labels, fetched in chunks."""
    after: UnscannedCursor | None = None
    while rows := list_unscanned(session, until=until, after=after, limit=CHUNK_SIZE):
        yield from rows
        after = UnscannedCursor(rows[-1].printed_at, rows[-1].asset_id)
        session.expunge_all()


def _storable(name: str) -> str:
    """PostgreSQL stores no NUL characters."""
    return name.replace("\0", "")[:MAX_NAME_LENGTH]
