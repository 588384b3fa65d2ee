"""Who read personal data: storing accesses without making readers wait, and searching them."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Condition, Thread

import structlog
from sqlalchemy import Select, insert, or_
from sqlalchemy.exc import SQLAlchemyError

from request_tracker_utils.accounts.event_records import EventRecords
from request_tracker_utils.accounts.login_events import like_pattern
from request_tracker_utils.accounts.models import AccessEvent
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.metrics import count_lost_access

log = structlog.get_logger(__name__)

MAX_PENDING = 10_000
"""Events in memory that are not stored yet. More are only logged."""
BATCH = 500
"""Events in one transaction."""
PAUSE = 0.2
"""Seconds in which events gather for one transaction."""
MAX_REMEMBERED = 10_000
"""Repeated accesses that are remembered so that they are stored once."""


@dataclass(frozen=True)
class Reading:
    """One access to store."""

    at: datetime
    kind: str
    what: str
    subject: str
    records: int
    complete: bool
    user_id: int | None
    name: str
    address: str

    def values(self) -> dict[str, object]:
        cut = {"what": self.what[:100], "subject": self.subject[:120], "name": self.name[:100], "address": self.address[:60]}
        return {**vars(self), **cut}


class AccessEventWriter:
    """Stores accesses. In a server process, a thread of its own does: a request neither waits for the database's write lock nor fails if
    the disk is full. If the process is killed, it loses at most the last few tenths of a second. Elsewhere, as in commands,
    they are stored immediately. An event that cannot be stored is logged and counted."""

    def __init__(self, app_context: Callable[[], AbstractContextManager[object]]) -> None:
        self._app_context = app_context
        self._pending: list[Reading] = []
        self._changed = Condition()
        self._is_writing = self._is_stopping = False
        self._thread: Thread | None = None
        self._recent: OrderedDict[tuple[object, ...], datetime] = OrderedDict()

    def start(self) -> None:
        """From now on, a thread stores what is added."""
        self._thread = Thread(target=self._run, name="access events", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stores what is pending."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._thread, self._is_stopping = None, False

    def add(self, reading: Reading, *, once_per: timedelta | None = None) -> None:
        if once_per is not None and self._is_repeated(reading, once_per):
            return
        if self._thread is None:
            self._store([reading])
            return
        with self._changed:
            has_room = len(self._pending) < MAX_PENDING and not self._is_stopping
            if has_room:
                self._pending.append(reading)
                self._changed.notify_all()
        if not has_room:
            _report_lost([reading], "too many accesses are pending")

    def flush(self, timeout: float) -> None:
        """Waits until everything added so far is stored, at most `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self._pending and not self._is_writing, timeout)

    def _is_repeated(self, reading: Reading, once_per: timedelta) -> bool:
        key = (reading.user_id, reading.name, reading.address, reading.kind, reading.what, reading.subject)
        with self._changed:
            before = self._recent.get(key)
            if before is not None and before <= reading.at < before + once_per:
                return True
            self._recent[key] = reading.at
            self._recent.move_to_end(key)
            while len(self._recent) > MAX_REMEMBERED:
                self._recent.popitem(last=False)
        return False

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._is_stopping)
                if not self._pending:
                    return
                self._changed.wait_for(lambda: self._is_stopping, PAUSE)
                batch, self._pending = self._pending[:BATCH], self._pending[BATCH:]
                self._is_writing = True
            self._store(batch)
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()

    def _store(self, readings: Sequence[Reading]) -> None:
        try:
            with self._app_context(), transaction(durable=False) as session:
                session.execute(insert(AccessEvent), [reading.values() for reading in readings])
        except (SQLAlchemyError, OSError) as error:
            _report_lost(readings, str(error))


@dataclass(frozen=True)
class Filter:
    """Selects events. Empty fields select everything; `text` is part of a name, an address, a subject or what was read."""

    text: str = ""
    kind: str = ""
    user_id: int | None = None
    subject: str = ""

    def apply(self, query: Select[AccessEvent]) -> Select[AccessEvent]:
        if self.text:
            columns = (AccessEvent.name, AccessEvent.address, AccessEvent.subject, AccessEvent.what)
            query = query.where(or_(*(column.ilike(like_pattern(self.text), escape="\\") for column in columns)))
        if self.kind:
            query = query.where(AccessEvent.kind == self.kind)
        if self.user_id is not None:
            query = query.where(AccessEvent.user_id == self.user_id)
        if self.subject:
            query = query.where(AccessEvent.subject == self.subject)
        return query


records = EventRecords(AccessEvent)


def _report_lost(readings: Sequence[Reading], reason: str) -> None:
    """The log has what the database lacks."""
    for reading in readings:
        count_lost_access(reading.kind)
        log.error("access to personal data was not stored", reason=reason, **{**reading.values(), "at": reading.at.isoformat()})
