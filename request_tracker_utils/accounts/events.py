"""The record of who came in, tried to, and went."""

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
"""What can be repeated without end, such as a refused token, is recorded once in this time."""
CHUNK = 1_000


@dataclass(frozen=True)
class Filter:
    """What of the record is wanted. Empty fields want everything; `text` is a part of a name, an address or a detail."""

    text: str = ""
    kind: str = ""
    user_id: int | None = None

    def of(self, query: Select[LoginEvent]) -> Select[LoginEvent]:
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
    """What failures of an account are counted by."""
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
    """Writes an event down. `name` is for callers without an account here; `key` says what failures are counted by."""
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


def is_quiet(session: Session, kind: LoginKind, origin: Origin, *, now: datetime, key: str | None = None) -> bool:
    """Whether the like of it was recorded a moment ago, so that it need not be again."""
    like = (LoginEvent.network == origin.network, LoginEvent.kind == str(kind), LoginEvent.at > now - QUIET)
    return bool(session.scalar(select(exists().where(*like, *([LoginEvent.account_key == key] if key else [])))))


def seen_there(session: Session, kind: LoginKind, origin: Origin, *, key: str) -> bool:
    """Whether this kind of event is on record for this key and network."""
    like = (LoginEvent.account_key == key, LoginEvent.network == origin.network, LoginEvent.kind == str(kind))
    return bool(session.scalar(select(exists().where(*like))))


def newest(session: Session, wanted: Filter, *, before: int | None = None, limit: int = PAGE) -> list[LoginEvent]:
    """The newest first; `before` is the id of the last one of the page before."""
    query = wanted.of(select(LoginEvent)).order_by(LoginEvent.id.desc()).limit(limit)
    return list(session.scalars(query if before is None else query.where(LoginEvent.id < before)))


def every(session: Session, wanted: Filter) -> Iterator[LoginEvent]:
    """All that are wanted, the newest first, read by a thousand."""
    last: int | None = None
    while rows := newest(session, wanted, before=last, limit=CHUNK):
        yield from rows
        last = rows[-1].id
        session.expunge_all()


def forget(session: Session, *, before: datetime) -> int:
    """Deletes what is older, and returns how many."""
    return affected(session.execute(delete(LoginEvent).where(LoginEvent.at < before)))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
