"""Stored punches for tests."""

from collections.abc import Sequence
from datetime import datetime

from request_tracker_utils.attendance.models import Source, Terminal
from request_tracker_utils.attendance.reading import Record
from request_tracker_utils.attendance.storing import Receipt, chunks, prepare, store_punches
from request_tracker_utils.core.db import transaction
from tests.services.attendance import NOW


def store(
    into: Terminal, records: Sequence[Record], *, follows: bool = False, source: Source = Source.POLL, received_at: datetime = NOW
) -> int:
    """Stores the records as one log, or after those that are stored. Returns how many are new."""
    receipt = Receipt.of(into, source, received_at)
    with transaction() as session:
        placing = prepare(session, receipt, records, days={each.time.date() for each in records}, follows=follows)
        return sum(store_punches(session, receipt, chunk) for chunk in chunks(placing.rows(records)))
