"""What the CRM gets of a workday, as a digest, and as revisions: each is sent under its own idempotency key.

A revision that was sent may have arrived, whatever the answer was. So its content never changes: from then on, a change is a new revision.
One that was not sent yet just changes; and if it changes back to what the CRM has accepted, there is nothing left to send.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from request_tracker_utils.workdays.models import Workday

LEASE = timedelta(minutes=10)
"""How long an attempt to send a workday may take, see `core/outbox.py`."""


class Sent(NamedTuple):
    """The columns of a workday about its content and what the CRM knows of it, by name."""

    content_digest: str
    revision: int
    attempted_revision: int
    accepted_revision: int | None
    accepted_digest: str | None
    window_ends_at: datetime
    crm_due_at: datetime | None


def content_digest(clock_in: int | None, clock_out: int | None, reason: str) -> str:
    """`reason` is empty if the day is not an outlier. A terminal's name and address are not part of it, so that nothing is sent again when
    they change."""
    return hashlib.sha256(f"{clock_in}|{clock_out}|{reason}".encode()).hexdigest()


def idempotency_key(workday: Workday) -> str:
    """The key of a revision: a day that changes back to what it was before is a new one, which the CRM must not take for the first."""
    about = f"{workday.terminal_id}|{workday.user_id}|{workday.date.isoformat()}|{workday.content_digest}|{workday.revision}"
    return hashlib.sha256(about.encode()).hexdigest()


def sent_of(workday: Workday) -> Sent:
    return Sent(*(getattr(workday, name) for name in Sent._fields))


def changed_content(sent: Sent, digest: str, now: datetime) -> dict[str, Any]:
    """The columns that follow from a new content; nothing if it is the same.

    A new revision waits for the end of a running attempt to send the one before, or for its lease: requests that overtake each other would
    leave the CRM with the older one. The attempt finds that its claim is lost, by the revision, and makes the row due at once. A later time
    than that of a lease is the pause after a failure, which a new content does not wait for.
    """
    if digest == sent.content_digest:
        return {}
    back = sent.accepted_digest == digest and sent.attempted_revision == sent.accepted_revision
    if back:
        revision, due = sent.accepted_revision, None
    else:
        revision = sent.revision + 1 if sent.attempted_revision == sent.revision else sent.revision
        due = max(now, sent.window_ends_at, min(sent.crm_due_at or now, now + LEASE))
    return {
        "content_digest": digest,
        "revision": revision,
        "synced_to_crm": back,
        "crm_due_at": due,
        "crm_attempts": 0,
        "sync_attempts": 0,
        "crm_problem": None,
    }
