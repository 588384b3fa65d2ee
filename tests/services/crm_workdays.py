"""Workdays in the database, as if they had been computed, and runs that send them to a CRM."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.workdays.content import changed_content, content_digest, sent_of
from request_tracker_utils.workdays.crm.client import CrmClient
from request_tracker_utils.workdays.crm.outbox import Selection
from request_tracker_utils.workdays.crm.sync import CrmSync, SyncResult
from request_tracker_utils.workdays.models import Workday
from tests.services.attendance import ZONE, added
from tests.services.crm import TOKEN

DAY = date(2026, 3, 2)
CLOSED = datetime(2026, 3, 3, 10, tzinfo=UTC)
"""When the window of DAY closes."""
NOW = CLOSED + timedelta(hours=1)


def rows(count: int, terminal_id: int, *, first: int = 1, **values: Any) -> list[dict[str, Any]]:
    """Columns of workdays of users 1, 2, … from eight to five."""
    clock_in, clock_out = datetime(2026, 3, 2, 14, tzinfo=UTC), datetime(2026, 3, 2, 23, tzinfo=UTC)
    shared = {
        "terminal_id": terminal_id,
        "date": DAY,
        "timezone": ZONE,
        "punches": 2,
        "first_at": clock_in,
        "last_at": clock_out,
        "window_ends_at": CLOSED,
        "day_kind": "work",
        "clock_in": clock_in,
        "clock_out": clock_out,
        "worked_seconds": 9 * 3_600,
        "content_digest": content_digest(int(clock_in.timestamp()), int(clock_out.timestamp()), ""),
        "crm_due_at": CLOSED,
        "created_at": CLOSED,
        "updated_at": CLOSED,
    }
    return [{"user_id": str(number), **shared, **values} for number in range(first, first + count)]


def computed(count: int = 1, *, terminal_id: int | None = None, **values: Any) -> int:
    """Stores them; returns the ID of their terminal."""
    terminal_id = terminal_id or added("Entrance").id
    with transaction() as session:
        session.execute(insert(Workday), rows(count, terminal_id, **values))
    return terminal_id


def changed(user_id: str, *, now: datetime, hour: int = 15) -> None:
    """The person has come at another time, after all."""
    with transaction() as session:
        row = session.scalars(select(Workday).where(Workday.user_id == user_id)).one()
        row.clock_in = row.first_at = datetime(2026, 3, 2, hour, tzinfo=UTC)
        assert row.clock_out is not None
        digest = content_digest(int(row.clock_in.timestamp()), int(row.clock_out.timestamp()), "")
        for name, value in changed_content(sent_of(row), digest, now).items():
            setattr(row, name, value)


def stored() -> dict[str, Workday]:
    """By user ID."""
    with reading() as session:
        return {each.user_id: each for each in session.scalars(select(Workday))}


def sync(
    client: CrmClient, selection: Selection | None = None, *, now: datetime = NOW, limit: int | None = None, **options: Any
) -> SyncResult:
    """A run without pauses between attempts."""
    how = {"batch": 100, "attempts": 3, "pauses": (0.0,), **options}
    return CrmSync(client, transaction, lambda: now, **how).run(selection, limit=limit)


def nowhere(port: int) -> CrmClient:
    return CrmClient(f"http://127.0.0.1:{port}/", TOKEN, allow_http=True)
