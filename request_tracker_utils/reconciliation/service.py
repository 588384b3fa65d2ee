"""Compares, and resolves a discrepancy: rechecks it, claims it so that no one else resolves it concurrently, and applies the resolution."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.reconciliation.errors import DiscrepancyChanged, DiscrepancyResolved
from request_tracker_utils.reconciliation.models import VANISHED, Discrepancy
from request_tracker_utils.reconciliation.reconciler import Comparison, Progress, Reconciler
from request_tracker_utils.reconciliation.repository import Discrepancies

D = TypeVar("D", bound=Discrepancy)


def compare(
    transaction: Transaction,
    discrepancies: Discrepancies[D],
    reconciler: Reconciler[D],
    *,
    actor: Actor,
    clock: Callable[[], datetime],
    progress: Progress,
) -> int:
    """Records every discrepancy and returns how many are open.

    Open ones that are not found again are marked as vanished, but only after `find` has compared everything. Raises what `find` and
    `progress` raise; then what was not compared stays as it was.
    """
    comparison = Comparison(transaction, discrepancies, clock=clock, progress=progress)
    reconciler.find(comparison)
    with transaction() as session:
        discrepancies.close_unseen(session, since=comparison.started_at, actor=actor, now=clock())
        return discrepancies.total_open(session)


def resolve(
    transaction: Transaction,
    discrepancies: Discrepancies[D],
    reconciler: Reconciler[D],
    discrepancy_id: int,
    resolution: str,
    *,
    fingerprint: str | None = None,
    actor: Actor,
    clock: Callable[[], datetime],
) -> str:
    """Applies the resolution and returns a sentence about the result. `fingerprint` is that of the entry that the person was shown.

    Raises DiscrepancyNotFound; DiscrepancyResolved when someone else was first; DiscrepancyChanged when the discrepancy or its options
    have changed, and nothing was done; errors of the domain, after which the discrepancy is open as before.
    """
    with transaction() as session:
        recorded = _get_open(session, discrepancies, discrepancy_id)
    now = clock()
    current = reconciler.recheck(recorded, now=now)
    with transaction() as session:
        recorded = _get_open(session, discrepancies, discrepancy_id, lock=True)
        unchanged = current is not None and current.content == recorded.content
        if unchanged:
            entry = reconciler.options(session, [recorded])[0]
            if fingerprint not in (None, entry.fingerprint) or resolution not in [option.resolution for option in entry.options]:
                message = _("Nothing was changed: the options for %(label)s have changed. Choose again.", label=recorded.label)
                raise DiscrepancyChanged(message)
            claimed_at = clock()
            discrepancies.close(session, discrepancy_id, resolution, actor=actor, now=claimed_at)
        else:
            _record_current(session, discrepancies, recorded, current, actor=actor, now=now)
    if not unchanged:
        raise DiscrepancyChanged(_how_it_changed(recorded, current))
    try:
        return reconciler.apply(recorded, resolution, actor=actor)
    except IntegrityError:
        _reopen(transaction, discrepancies, discrepancy_id, claimed_at)
        message = _("Nothing was changed: %(label)s was changed by someone else at the same time. Compare again.", label=recorded.label)
        raise DiscrepancyChanged(message) from None
    except AppError:
        _reopen(transaction, discrepancies, discrepancy_id, claimed_at)
        raise


def _get_open(session: Session, discrepancies: Discrepancies[D], discrepancy_id: int, *, lock: bool = False) -> D:
    """With `lock` it stays open until the transaction ends. Raises DiscrepancyNotFound, DiscrepancyResolved."""
    discrepancy = discrepancies.get(session, discrepancy_id, lock=lock)
    if discrepancy.settled_at is not None:
        who = discrepancy.settled_by or _("Someone else")
        raise DiscrepancyResolved(_("%(actor)s has already resolved the difference of %(label)s.", actor=who, label=discrepancy.label))
    return discrepancy


def _record_current(
    session: Session, discrepancies: Discrepancies[D], recorded: D, current: D | None, *, actor: Actor, now: datetime
) -> None:
    """Replaces what was recorded by what differs now."""
    if current is None or not discrepancies.is_same(current, recorded):
        discrepancies.close(session, recorded.id, VANISHED, actor=actor, now=now)
    if current is not None:
        discrepancies.write(session, [current], since=now, now=now)


def _how_it_changed(recorded: Discrepancy, current: Discrepancy | None) -> str:
    if current is None:
        return _("Nothing was changed: %(label)s already matches.", label=recorded.label)
    return _("Nothing was changed: %(label)s has changed in the meantime. The page now shows its current state.", label=recorded.label)


def _reopen(transaction: Transaction, discrepancies: Discrepancies[D], discrepancy_id: int, closed_at: datetime) -> None:
    with transaction() as session:
        discrepancies.reopen(session, discrepancy_id, closed_at=closed_at)
