"""Sign-ins, failed attempts, sign-outs and changes of accounts: recording and searching them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_network

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.event_records import EventRecords
from request_tracker_utils.accounts.models import LoginEvent, LoginKind, User
from request_tracker_utils.core.clock import column_is_over
from request_tracker_utils.core.ip_addresses import address_of, household

BLOCK = {4: 24, 6: 48}
"""Network bits that one attacker may have as a whole, by the version of the protocol."""


@dataclass(frozen=True)
class Origin:
    address: str = ""
    agent: str = ""
    browser: str = ""
    """Id of a browser in which this account has signed in before; `password` is the fingerprint of the password used then."""
    password: str = ""

    @property
    def network(self) -> str:
        """What failures are counted by: the known browser, the address, or the /64 network of an IPv6 address."""
        if self.browser:
            return f"browser {self.browser}"[:60]
        address = address_of(self.address)
        return self.address[:60] if address is None else str(household(address))

    @property
    def block(self) -> str:
        """The network of the address that one attacker may have as a whole."""
        address = address_of(self.address)
        return self.address[:60] if address is None else str(ip_network((address, BLOCK[address.version]), strict=False))

    def known_for(self, password: str) -> "Origin":
        """The origin without its known browser, unless that browser knew the password with this fingerprint."""
        return self if self.password == password else replace(self, browser="", password="")


NOWHERE = Origin()
"""The origin of commands."""


QUIET = timedelta(minutes=1)
"""Events that a caller can repeat without limit, such as rejected tokens, are recorded once in this time."""


@dataclass(frozen=True)
class Filter:
    """Selects events. Empty fields select everything; `text` is part of a name, an address or a detail."""

    text: str = ""
    kind: str = ""
    user_id: int | None = None

    def apply(self, query: Select[LoginEvent]) -> Select[LoginEvent]:
        if self.text:
            columns = (LoginEvent.name, LoginEvent.address, LoginEvent.detail)
            query = query.where(or_(*(column.ilike(like_pattern(self.text), escape="\\") for column in columns)))
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
        block=origin.block,
        agent=origin.agent[:200],
        detail=detail[:200] if detail else None,
    )
    session.add(event)
    return event


def recently_recorded(session: Session, kind: LoginKind, origin: Origin, *, now: datetime, key: str | None = None) -> bool:
    """Whether such an event was recorded less than QUIET ago."""
    like = (LoginEvent.network == origin.network, LoginEvent.kind == str(kind), ~column_is_over(LoginEvent.at, QUIET, now))
    return bool(session.scalar(select(exists().where(*like, *([LoginEvent.account_key == key] if key else [])))))


def is_recorded(session: Session, kind: LoginKind, origin: Origin, *, key: str) -> bool:
    """Whether this kind of event has ever been recorded for this key and network."""
    like = (LoginEvent.account_key == key, LoginEvent.network == origin.network, LoginEvent.kind == str(kind))
    return bool(session.scalar(select(exists().where(*like))))


records = EventRecords(LoginEvent)


def like_pattern(text: str) -> str:
    """Matches whatever contains the text, with the escape character `\\`."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
