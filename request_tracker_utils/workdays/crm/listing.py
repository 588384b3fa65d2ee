"""Workdays that the CRM has not accepted: pages of them, and in which state each is."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import AttendancePerson
from request_tracker_utils.core.keyset import Cursor, KeysetQuery, Page, Segment
from request_tracker_utils.workdays.counts import IS_UNSYNCED
from request_tracker_utils.workdays.models import Workday

FAILED_RUNS = 3
"""After so many, a workday counts as failed. It is sent again all the same."""


class SyncState(StrEnum):
    OPEN = "open"
    """Its day has not ended."""
    PENDING = "pending"
    FAILING = "failing"
    """At least one run has failed."""
    FAILED = "failed"
    REJECTED = "rejected"
    """It waits for a person or a change."""
    SYNCED = "synced"


def state_of(workday: Workday, now: datetime) -> SyncState:
    if workday.crm_problem is not None and workday.crm_due_at is None:
        return SyncState.REJECTED
    if workday.synced_to_crm:
        return SyncState.SYNCED
    if workday.sync_attempts >= FAILED_RUNS:
        return SyncState.FAILED
    if workday.crm_problem is not None:
        return SyncState.FAILING
    return SyncState.OPEN if workday.window_ends_at > now else SyncState.PENDING


def with_problem(session: Session, *, size: int, after: Cursor | None) -> Page[Workday]:
    """Those that the last request has failed for, newest first, also those that were accepted before and sent again."""
    return _page(session, Segment((Workday.id,), [Workday.crm_problem.is_not(None)]), size, after)


def unsynced(session: Session, *, size: int, after: Cursor | None) -> Page[Workday]:
    """All that the CRM does not have, the last day first."""
    return _page(session, Segment((Workday.date, Workday.id), [IS_UNSYNCED]), size, after)


def people_names(session: Session, workdays: Iterable[Workday]) -> dict[int, str]:
    """The names of those people who are known, by ID."""
    ids = {row.person_id for row in workdays if row.person_id is not None}
    return (
        dict(session.execute(select(AttendancePerson.id, AttendancePerson.name).where(AttendancePerson.id.in_(ids))).all()) if ids else {}
    )


def _page(session: Session, segment: Segment, size: int, after: Cursor | None) -> Page[Workday]:
    query: KeysetQuery[Workday] = KeysetQuery(Workday, [segment], descending=True)
    return query.page(session, size=size, after=after)
