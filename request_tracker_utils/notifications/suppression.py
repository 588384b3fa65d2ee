"""Addresses to which nothing is sent: they bounced, complained, unsubscribed, or answered STOP."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import affected, upsert_into
from request_tracker_utils.core.errors import NotFound
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.notifications.models import ReleasedAddress, SuppressedAddress

MAX_DETAIL = 500


class SuppressionReason(StrEnum):
    """The values are stored."""

    BOUNCED = "bounced"
    """No mailbox or phone receives messages there."""
    COMPLAINED = "complained"
    """The person marked a message as spam."""
    UNSUBSCRIBED = "unsubscribed"
    STOPPED = "stopped"
    """The person answered STOP; START ends it."""


def address_key(address: str) -> str:
    """How addresses are compared: `Ann@Example.org` and `ann@example.org` are one."""
    return address.strip().lower()


def suppress(
    session: Session, channel: Channel, address: str, reason: SuppressionReason, *, provider: str, now: datetime, detail: str = ""
) -> bool:
    """Sends nothing to this address from now on. Returns whether that is new; the first reason stays."""
    if not address_key(address):
        return False
    insert = upsert_into(session)(SuppressedAddress).values(
        channel=channel,
        address_key=address_key(address),
        reason=reason,
        detail=detail[:MAX_DETAIL] or None,
        provider=provider,
        at=now,
    )
    return session.scalar(insert.on_conflict_do_nothing().returning(SuppressedAddress.address_key)) is not None


def suppressed_among(session: Session, channel: Channel, addresses: Iterable[str]) -> dict[str, SuppressedAddress]:
    """Those of the addresses to which nothing may be sent, by `address_key`."""
    keys = sorted({address_key(address) for address in addresses} - {""})
    found = select(SuppressedAddress).where(SuppressedAddress.channel == channel, SuppressedAddress.address_key.in_(keys))
    return {row.address_key: row for row in session.scalars(found)} if keys else {}


def is_suppressed(session: Session, channel: Channel, address: str) -> bool:
    return bool(suppressed_among(session, channel, [address]))


def release(session: Session, channel: Channel, address: str, *, only: SuppressionReason | None = None) -> bool:
    """Messages may be sent there again. Returns whether the address was suppressed (for the reason `only`, if that is given)."""
    statement = delete(SuppressedAddress).where(SuppressedAddress.channel == channel, SuppressedAddress.address_key == address_key(address))
    return affected(session.execute(statement if only is None else statement.where(SuppressedAddress.reason == only))) == 1


def listed(session: Session, *, containing: str = "", offset: int = 0, limit: int) -> list[SuppressedAddress]:
    """Suppressed addresses, newest first; `containing` is part of an address."""
    query = select(SuppressedAddress).order_by(SuppressedAddress.at.desc(), SuppressedAddress.channel, SuppressedAddress.address_key)
    if containing:
        query = query.where(SuppressedAddress.address_key.contains(address_key(containing), autoescape=True))
    return list(session.scalars(query.offset(offset).limit(limit)))


def release_by_person(session: Session, channel: str, address: str, *, reason: str, actor: Actor, now: datetime) -> None:
    """The same as `release`, decided by a person, whose reason is recorded. Raises NotFound."""
    row = session.get(SuppressedAddress, (channel, address_key(address)))
    if row is None or not release(session, Channel(row.channel), row.address_key):
        raise NotFound(_("%(address)s is not suppressed, so messages are sent there.", address=address))
    known = {"channel": row.channel, "address_key": row.address_key, "suppressed_because": row.reason}
    session.add(ReleasedAddress(**known, reason=reason, released_by=actor.name, at=now))


def released(session: Session, *, limit: int) -> list[ReleasedAddress]:
    """Addresses that people have removed, newest first."""
    return list(session.scalars(select(ReleasedAddress).order_by(ReleasedAddress.at.desc(), ReleasedAddress.id.desc()).limit(limit)))
