"""The interface between the engine and a domain.

A domain supplies a Reconciler (find, recheck, options, apply) and describes its page in a Reconciliation; the engine does the rest:
the record, the claim, the tasks, the daily job, the command and the page.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.reconciliation.models import Discrepancy
from request_tracker_utils.reconciliation.repository import Discrepancies

D = TypeVar("D", bound=Discrepancy)


class Progress(Protocol):
    """Follows a comparison. Either method may raise to end it."""

    def expect(self, total: int) -> None: ...
    def advance(self, steps: int) -> None: ...


class Comparison(Generic[D]):
    """A comparison while it runs, as `Reconciler.find` gets it.

    Read the other system first and our rows second, in the transaction that records what differs. A row of ours that changed after
    `started_at` is newer than the other system's answer and no discrepancy.
    """

    def __init__(
        self, transaction: Transaction, discrepancies: Discrepancies[D], *, clock: Callable[[], datetime], progress: Progress
    ) -> None:
        self.started_at = clock()
        self._transaction, self._discrepancies, self._clock, self._progress = transaction, discrepancies, clock, progress

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A short transaction. Neither the other system nor the progress is called inside it. The next comparison finds the same again, so
        it does not wait for the disk."""
        with self._transaction(durable=False) as session:
            yield session

    def record(self, session: Session, found: Iterable[D]) -> None:
        """Records new rows of the discrepancies' table. They are not added to a session."""
        self._discrepancies.write(session, found, since=self.started_at, now=self._clock())

    def expect(self, total: int) -> None:
        """Sets the total number of steps."""
        self._progress.expect(total)

    def advance(self, steps: int) -> None:
        self._progress.advance(steps)


@dataclass(frozen=True)
class Option:
    """A way to resolve a discrepancy: a button. `effect` says what else happens, if the label does not."""

    resolution: StrEnum
    label: str
    effect: str = ""


@dataclass(frozen=True)
class Entry(Generic[D]):
    """A discrepancy and its options. `facts` is what the page shows besides the row."""

    discrepancy: D
    options: Sequence[Option]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Changes with everything that a person reads before choosing an option."""
        options = [f"{option.resolution} {option.label} {option.effect}" for option in self.options]
        return hashlib.sha256("\n".join([str(self.discrepancy.content), *options]).encode()).hexdigest()[:16]


class Reconciler(Protocol[D]):
    """What a domain does for the engine. No method is called inside a transaction, except `options`."""

    def find(self, comparison: Comparison[D]) -> None:
        """Records every discrepancy and returns once everything was compared. Raises what the other system raises."""

    def recheck(self, discrepancy: D, *, now: datetime) -> D | None:
        """What differs now about the subject of a recorded discrepancy, as a new row. Raises what the other system raises."""

    def options(self, session: Session, discrepancies: Sequence[D]) -> list[Entry[D]]:
        """The same discrepancies with their options, in the same order."""

    def apply(self, discrepancy: D, resolution: str, *, actor: Actor) -> str:
        """Does it, in short transactions, and returns a sentence about the result.

        Locks and reads again what it changes, and raises DiscrepancyChanged if that has changed. After an AppError or an
        IntegrityError the discrepancy is open again.
        """


@dataclass(frozen=True)
class BulkOption:
    """A resolution that can be applied to all discrepancies of a kind. `label` gets their number and the other system's name;
    it is the button and the title of the task. Those to which the resolution does not apply stay open."""

    resolution: StrEnum
    label: Callable[[int, str], str]
    eligible: ColumnElement[bool] = field(default_factory=true)


@dataclass(frozen=True)
class Kind:
    """A kind of discrepancy. `title` and `description` (with %(source)s) are translated where they are shown."""

    value: str
    title: str
    description: str
    bulk: Sequence[BulkOption] = ()


def _always_ready(_session: Session) -> None:
    """For reconciliations that need no preparation."""


def _no_context(_session: Session) -> Mapping[str, object]:
    return {}


@dataclass(frozen=True)
class Reconciliation(Generic[D]):
    """A domain's reconciliation, for the engine's entry points. Texts are translated where they are shown."""

    name: str
    """The blueprint's; its endpoints are `overview`, `compare`, `resolve` and `resolve_all`."""
    address: str
    template: str
    """Extends `reconciliation/differences.html` and fills its block `discrepancy`, which shows one `entry`."""
    title: str
    comparison_task: str
    """The kind of task that compares, and the daily job that starts it."""
    comparison_title: str
    """The task's title, with %(source)s."""
    job_description: str
    resolution_task: str
    """The kind of task that applies a bulk option."""
    kinds: Sequence[Kind]
    resolutions: type[StrEnum]
    discrepancies: Discrepancies[D]
    reconciler: Callable[[], Reconciler[D]]
    source: Callable[[], str]
    """The name of the other system, in the middle of a sentence."""
    read: StrEnum
    """The permission to see the page."""
    resolve: StrEnum
    """The permission to compare and to resolve."""
    restricted: Mapping[str, StrEnum] = field(default_factory=dict)
    """Resolutions that need a further permission."""
    personal_data: str = ""
    """What the page shows of people, for the access log; empty if nothing."""
    check_ready: Callable[[Session], None] = _always_ready
    """Raises Unavailable while nothing can be compared."""
    context: Callable[[Session], Mapping[str, object]] = _no_context
    """More variables for the template."""

    def kind(self, value: str) -> Kind | None:
        return next((kind for kind in self.kinds if kind.value == value), None)
