"""Sign-ins, failed attempts, sign-outs and changes of accounts: recording and searching them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, exists, or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import LoginEvent, LoginKind, User
from request_tracker_utils.accounts.origin import Origin
from request_tracker_utils.core.db import affected

PAGE = 50
QUIET = timedelta(minutes=1)
"""Events that a caller can repeat without limit, such as rejected tokens, are recorded once in this time."""
CHUNK = 1_000


@dataclass(frozen=True)
class Filter:
    """Selects events. Empty fields select everything; `text` is part of a name, an address or a detail."""

    text: str = ""
    kind: str = ""
    user_id: int | None = None

    def apply(self, query: Select[LoginEvent]) -> Select[LoginEvent]:
        if self.text:
            part = f"%{_escaped(self.text)}%"
            columns = (LoginEvent.name, LoginEvent.address, LoginEvent.detail)
            query = query.where(or_(*(column.ilike(part, escape="\\") for column in columns)))
        if self.kind:
            query = query.where(LoginEvent.kind == self.kind)
        if self.user_id is not None:
            query = query.where(LoginEvent.user_id == self.user_id)
        return query


def account_key(user: User) -> str:
    """The key that an account's failures are counted by."""
    return f"user {user.id}"


def record(
    session: Session,
    kind: LoginKind,
    origin: Origin,
    *,
    now: datetime,
    user: User | None = None,
    name: str | None = None,
    key: str | None = None,
    detail: str | None = None,
) -> LoginEvent:
    """Adds an event. `name` is for callers without an account; `key` is what failures are counted by."""
    event = LoginEvent(
        at=now,
        kind=str(kind),
        user_id=user.id if user else None,
        name=user.name if user else name and name[:100],
        account_key=key or (account_key(user) if user else None),
        address=origin.address[:60],
        network=origin.network,
        agent=origin.agent[:200],
        detail=detail[:200] if detail else None,
    )
    session.add(event)
    return event


def recently_recorded(session: Session, kind: LoginKind, origin: Origin, *, now: datetime, key: str | None = None) -> bool:
    """Whether such an event was recorded less than QUIET ago."""
    like = (LoginEvent.network == origin.network, LoginEvent.kind == str(kind), LoginEvent.at > now - QUIET)
    return bool(session.scalar(select(exists().where(*like, *([LoginEvent.account_key == key] if key else [])))))


def is_recorded(session: Session, kind: LoginKind, origin: Origin, *, key: str) -> bool:
    """Whether this kind of event has ever been recorded for this key and network."""
    like = (LoginEvent.account_key == key, LoginEvent.network == origin.network, LoginEvent.kind == str(kind))
    return bool(session.scalar(select(exists().where(*like))))


def newest(session: Session, filter: Filter, *, before: int | None = None, limit: int = PAGE) -> list[LoginEvent]:
    """The newest events first; `before` is the id of the last event on the previous page."""
    query = filter.apply(select(LoginEvent)).order_by(LoginEvent.id.desc()).limit(limit)
    return list(session.scalars(query if before is None else query.where(LoginEvent.id < before)))


def all_events(session: Session, filter: Filter) -> Iterator[LoginEvent]:
    """All selected events, the newest first, read in chunks."""
    last: int | None = None
    while rows := newest(session, filter, before=last, limit=CHUNK):
        yield from rows
        last = rows[-1].id
        session.expunge_all()


def delete_old(session: Session, *, before: datetime) -> int:
    """Deletes older events and returns how many."""
    return affected(session.execute(delete(LoginEvent).where(LoginEvent.at < before)))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
