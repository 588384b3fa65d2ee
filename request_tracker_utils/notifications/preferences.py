"""How people are reached: their addresses, the channels that they chose, and their quiet hours."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, bindparam, case, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.core.db import upsert_into
from request_tracker_utils.core.encryption import Encryption, NotDecrypted
from request_tracker_utils.core.messages import Channel, MessageKind
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.notifications.models import NotificationPreference, SuppressedAddress

PURPOSE = "chat addresses"
"""The purpose for which chat addresses are encrypted, see `core/encryption.py`."""


@dataclass(frozen=True)
class Person:
    """How a person with an account can be reached at this moment."""

    user_id: int
    name: str
    active: bool
    email: str
    phone: str
    """Empty unless it is confirmed."""
    phone_is_unconfirmed: bool
    chat_urls: str
    """Encrypted."""
    chosen: frozenset[Channel]
    muted: frozenset[str]
    quiet_from: time | None
    quiet_until: time | None
    suppressed: frozenset[Channel]

    def address(self, channel: Channel) -> str:
        """As it is stored with a message; empty for chat addresses, which contain secrets."""
        return {Channel.EMAIL: self.email, Channel.SMS: self.phone, Channel.CHAT: ""}[channel]

    def can_be_reached_by(self, channel: Channel) -> bool:
        destination = {Channel.EMAIL: self.email, Channel.SMS: self.phone, Channel.CHAT: self.chat_urls}[channel]
        return self.active and bool(destination) and channel not in self.suppressed

    def obstacle(self, channel: Channel) -> str:
        """Why nothing can be sent to the person on this channel; empty if it can."""
        if not self.active:
            return _("The account %(name)s is deactivated.", name=self.name)
        if channel in self.suppressed:
            return _("Nothing is sent to %(address)s: see the suppressed addresses.", address=self.address(channel))
        if channel is Channel.EMAIL:
            return "" if self.email else _("The account %(name)s has no email address. Add it under People.", name=self.name)
        if channel is Channel.CHAT:
            return "" if self.chat_urls else _("The account %(name)s has no chat address.", name=self.name)
        if self.phone_is_unconfirmed:
            return _("The phone number of %(name)s is not confirmed. Ask them to confirm it under Your account.", name=self.name)
        return "" if self.phone else _("The account %(name)s has no phone number.", name=self.name)

    def obstacles(self, channels: Sequence[Channel]) -> str:
        """Why nothing can be sent on any of these channels, without repeating for each that the person does not use it: an email address
        is enough."""
        unused = {Channel.SMS: not self.phone and not self.phone_is_unconfirmed, Channel.CHAT: not self.chat_urls}
        reasons = {channel: self.obstacle(channel) for channel in channels}
        telling = [reason for channel, reason in reasons.items() if not unused.get(channel, False)]
        return " ".join(dict.fromkeys(filter(None, telling or reasons.values())))

    def has_turned_off(self, kind: MessageKind) -> bool:
        return kind.optional and (kind.name in self.muted or not self.chosen & kind.channels)

    def channels(self, kind: MessageKind) -> list[Channel]:
        """On which such a message is sent: the chosen ones. What cannot be turned off is sent on any other if none of those works."""
        possible = [channel for channel in Channel if channel in kind.channels and self.can_be_reached_by(channel)]
        chosen = [channel for channel in possible if channel in self.chosen]
        return chosen if chosen or kind.optional else possible[:1]

    def quiet_until_after(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When the quiet hours end in which `now` is; None outside of them."""
        return end_of_quiet_hours(self.quiet_from, self.quiet_until, now, zone)


def end_of_quiet_hours(begin: time | None, end: time | None, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When the quiet hours end in which `now` is; None outside of them. They may last past midnight."""
    if begin is None or end is None or begin == end:
        return None
    local = now.astimezone(zone)
    clock = local.time().replace(tzinfo=None)
    if begin < end:
        is_quiet, next_day = begin <= clock < end, False
    else:
        is_quiet, next_day = clock >= begin or clock < end, clock >= begin
    if not is_quiet:
        return None
    day = local.date() + timedelta(days=next_day)
    # When clocks change, the time may occur twice or not at all: quiet is not interrupted, so the later reading counts.
    ends_at = max(datetime.combine(day, end, zone).replace(fold=fold).astimezone(now.tzinfo) for fold in (0, 1))
    return ends_at if ends_at > now else None


def people(session: Session, user_ids: Collection[int]) -> dict[int, Person]:
    """Those of the people who have an account, in one query."""
    if not user_ids:
        return {}
    session.flush()
    found = session.connection().execute(_query(), {"user_ids": sorted(set(user_ids))})
    return {row.id: _person(row) for row in found}


def preference(session: Session, user_id: int) -> NotificationPreference:
    """What the person has chosen, or the defaults, which are not stored."""
    found = session.get(NotificationPreference, user_id)
    return found or NotificationPreference(user_id=user_id, email=True, sms=True, chat=True, muted=[])


def choose(
    session: Session,
    user_id: int,
    *,
    channels: Collection[Channel],
    muted: Collection[str],
    quiet_from: time | None,
    quiet_until: time | None,
) -> None:
    """Stores what the person has chosen, except for the chat addresses. Quiet hours need both times."""
    both = quiet_from is not None and quiet_until is not None
    _store(
        session,
        user_id,
        **{channel.value: channel in channels for channel in Channel},
        muted=sorted(set(muted)),
        quiet_from=quiet_from if both else None,
        quiet_until=quiet_until if both else None,
    )


def set_chat_urls(session: Session, user_id: int, urls: str, encryption: Encryption) -> None:
    """Stores Apprise addresses, one per line, that were checked; empty removes them."""
    _store(session, user_id, chat_urls=encryption.encrypt(urls) if urls else None)


def chat_urls(person: Person, encryption: Encryption) -> str | None:
    """One per line. None if they cannot be decrypted, since SECRET_KEY has changed: the person has to enter them again."""
    try:
        return encryption.decrypt(person.chat_urls) if person.chat_urls else ""
    except NotDecrypted:
        return None


def _store(session: Session, user_id: int, **values: object) -> None:
    defaults: Mapping[str, object] = {"email": True, "sms": True, "chat": True, "muted": []}
    insert = upsert_into(session)(NotificationPreference).values(user_id=user_id, **{**defaults, **values})
    session.execute(insert.on_conflict_do_update(index_elements=[NotificationPreference.user_id], set_=values))
    session.expire_all()


@cache
def _query() -> Select[Any]:
    """Built once, and of tables: it is part of each request that sends messages."""
    users, chosen = User.__table__.c, NotificationPreference.__table__.c
    by_email, by_phone = SuppressedAddress.__table__.alias(), SuppressedAddress.__table__.alias()
    is_email = and_(by_email.c.channel == Channel.EMAIL, by_email.c.address_key == func.lower(func.trim(users.email)))
    is_phone = and_(by_phone.c.channel == Channel.SMS, by_phone.c.address_key == users.phone)
    joined = User.__table__.outerjoin(NotificationPreference.__table__, chosen.user_id == users.id)
    return (
        select(
            users.id,
            users.name,
            users.active,
            users.email,
            case((users.phone_confirmed_at.is_not(None), users.phone)).label("phone"),
            and_(users.phone.is_not(None), users.phone_confirmed_at.is_(None)).label("phone_is_unconfirmed"),
            chosen.user_id.label("has_chosen"),
            chosen.email.label("by_email"),
            chosen.sms.label("by_sms"),
            chosen.chat.label("by_chat"),
            chosen.muted,
            chosen.chat_urls,
            chosen.quiet_from,
            chosen.quiet_until,
            by_email.c.channel.label("email_suppressed"),
            by_phone.c.channel.label("phone_suppressed"),
        )
        .select_from(joined.outerjoin(by_email, is_email).outerjoin(by_phone, is_phone))
        .where(users.id.in_(bindparam("user_ids", expanding=True)))
    )


def _person(row: Any) -> Person:
    by_default = row.has_chosen is None
    chosen = {Channel.EMAIL: row.by_email, Channel.SMS: row.by_sms, Channel.CHAT: row.by_chat}
    suppressed = {Channel.EMAIL: row.email_suppressed, Channel.SMS: row.phone_suppressed}
    return Person(
        user_id=row.id,
        name=row.name,
        active=row.active,
        email=row.email or "",
        phone=row.phone or "",
        phone_is_unconfirmed=bool(row.phone_is_unconfirmed),
        chat_urls=row.chat_urls or "",
        chosen=frozenset(channel for channel, is_chosen in chosen.items() if by_default or is_chosen),
        muted=frozenset(row.muted or ()),
        quiet_from=row.quiet_from,
        quiet_until=row.quiet_until,
        suppressed=frozenset(channel for channel, found in suppressed.items() if found),
    )
