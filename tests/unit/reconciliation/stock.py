"""A small domain for the engine's tests: quantities of supplies, counted by hand and recorded in a ledger."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Index, String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.reconciliation import service
from request_tracker_utils.reconciliation.models import IGNORED, Discrepancy
from request_tracker_utils.reconciliation.reconciler import Comparison, Entry, Kind, Option, Reconciliation
from request_tracker_utils.reconciliation.repository import Discrepancies
from tests.services.differences import Steps

ADA, JOB = Actor("ada"), Actor("job")
MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class StockBase(DeclarativeBase):
    """Apart from the program's tables."""


class StockKind(StrEnum):
    QUANTITY = "quantity"
    UNLISTED = "unlisted"
    """Counted, but not in the ledger."""


class Resolution(StrEnum):
    CORRECT = "corrected"
    ORDER = "ordered"
    IGNORE = IGNORED


class StockDiscrepancy(Discrepancy, StockBase):
    __tablename__ = "stock_differences"
    __table_args__ = (Index("uq_stock_differences_kind_supply", "kind", "supply", unique=True),)

    supply: Mapped[str] = mapped_column(String(50))
    counted: Mapped[int | None]

    @property
    def label(self) -> str:
        return self.supply


class Permission(StrEnum):
    READ = "stock:read"
    EDIT = "stock:edit"


DISCREPANCIES = Discrepancies(StockDiscrepancy, StockKind, identity=("kind", "supply"))


def nothing(*_: object) -> None:
    """The default for what happens in the middle."""


class Stock:
    """The reconciler. `counted` is the other system, `ledger` ours. Tests replace `while_finding`, `while_rechecking` and
    `while_applying`, which are called in the middle."""

    def __init__(self, counted: dict[str, int | None] | None = None, ledger: dict[str, int] | None = None) -> None:
        self.counted, self.ledger = counted or {}, ledger or {}
        self.may_order = True
        self.applied: list[tuple[str, str, str]] = []
        self.while_finding: Callable[[str], None] = nothing
        self.while_rechecking: Callable[[], None] = nothing
        self.while_applying: Callable[[], None] = nothing

    def find(self, comparison: Comparison[StockDiscrepancy]) -> None:
        comparison.expect(len(self.counted))
        for supply in self.counted:
            self.while_finding(supply)
            with comparison.transaction() as session:
                found = self._difference(supply)
                comparison.record(session, [found] if found else [])
            comparison.advance(1)

    def recheck(self, discrepancy: StockDiscrepancy, *, now: datetime) -> StockDiscrepancy | None:
        self.while_rechecking()
        return self._difference(discrepancy.supply)

    def options(self, session: Session, discrepancies: Sequence[StockDiscrepancy]) -> list[Entry[StockDiscrepancy]]:
        orders = [Option(Resolution.ORDER, "Order more")] if self.may_order else []
        correct, ignore = Option(Resolution.CORRECT, "Correct the ledger"), Option(Resolution.IGNORE, "Ignore")
        return [Entry(each, [correct, *orders, ignore]) for each in discrepancies]

    def apply(self, discrepancy: StockDiscrepancy, resolution: str, *, actor: Actor) -> str:
        self.while_applying()
        self.applied.append((discrepancy.supply, resolution, actor.name))
        if resolution == Resolution.CORRECT:
            self.ledger[discrepancy.supply] = discrepancy.counted or 0
        return f"{discrepancy.supply}: {resolution}."

    def _difference(self, supply: str) -> StockDiscrepancy | None:
        counted = self.counted.get(supply)
        if supply not in self.ledger:
            return StockDiscrepancy(kind=str(StockKind.UNLISTED), supply=supply, counted=counted)
        matches = counted == self.ledger[supply]
        return None if matches else StockDiscrepancy(kind=str(StockKind.QUANTITY), supply=supply, counted=counted)


@contextmanager
def tables() -> Iterator[None]:
    StockBase.metadata.create_all(db.engine)
    yield
    StockBase.metadata.drop_all(db.engine)


def reconciliation(stock: Stock) -> Reconciliation[StockDiscrepancy]:
    return Reconciliation(
        name="stock_differences",
        address="/stock/differences",
        template="stock/differences.html",
        title="Stock",
        comparison_task="compare-stock",
        comparison_title="Compare stock with %(source)s",
        job_description="Compare stock",
        resolution_task="resolve-stock",
        kinds=[Kind(StockKind.QUANTITY, "Quantity", ""), Kind(StockKind.UNLISTED, "Unlisted", "")],
        resolutions=Resolution,
        discrepancies=DISCREPANCIES,
        reconciler=lambda: stock,
        source=lambda: "the shelves",
        read=Permission.READ,
        resolve=Permission.EDIT,
    )


def compare(stock: Stock, at: datetime = MONDAY, *, steps: Steps | None = None) -> int:
    """With a clock that advances a millisecond with each call."""
    times = iter(at + timedelta(milliseconds=number) for number in range(1_000_000))
    progress = steps or Steps()
    return service.compare(transaction, DISCREPANCIES, stock, actor=JOB, clock=lambda: next(times), progress=progress)


def resolve(
    stock: Stock,
    discrepancy_id: int,
    resolution: str = Resolution.CORRECT,
    *,
    fingerprint: str | None = None,
    actor: Actor = ADA,
    at: datetime = MONDAY + DAY,
) -> str:
    clock = {"clock": lambda: at}
    return service.resolve(transaction, DISCREPANCIES, stock, discrepancy_id, resolution, fingerprint=fingerprint, actor=actor, **clock)


def rows() -> list[StockDiscrepancy]:
    with reading() as session:
        return list(session.scalars(select(StockDiscrepancy).order_by(StockDiscrepancy.id)))


def found() -> dict[str, int | None]:
    """Supply → counted, of the open ones."""
    return {row.supply: row.counted for row in rows() if row.settled_at is None}


def only() -> StockDiscrepancy:
    (row,) = rows()
    return row
