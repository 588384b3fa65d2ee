"""Reading and deleting recorded events: sign-ins, and accesses to personal data."""

from collections.abc import Iterator
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import AccessEvent, LoginEvent
from request_tracker_utils.core.db import affected

PAGE = 50
CHUNK = 1_000
"""Events read at once for an export."""

Event = TypeVar("Event", LoginEvent, AccessEvent)


class Filter(Protocol[Event]):
    """Selects events."""

    def apply(self, query: Select[Event]) -> Select[Event]: ...


class EventRecords(Generic[Event]):
    """The events of one table. The newest have the highest ids."""

    def __init__(self, model: type[Event]) -> None:
        self._model: type[Event] = model

    def newest(self, session: Session, filter: Filter[Event], *, before: int | None = None, limit: int = PAGE) -> list[Event]:
        """The newest events first; `before` is the id of the last event on the previous page."""
        query = filter.apply(select(self._model)).order_by(self._model.id.desc()).limit(limit)
        return list(session.scalars(query if before is None else query.where(self._model.id < before)))

    def all_events(self, session: Session, filter: Filter[Event]) -> Iterator[Event]:
        """All selected events, the newest first, read in chunks."""
        last: int | None = None
        while rows := self.newest(session, filter, before=last, limit=CHUNK):
            yield from rows
            last = rows[-1].id
            session.expunge_all()

    def delete_old(self, session: Session, *, before: datetime) -> int:
        """Deletes older events and returns how many."""
        return affected(session.execute(delete(self._model).where(self._model.at < before)))
