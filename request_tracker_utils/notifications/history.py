"""Searching messages that were sent: filters, pages, and the names of their recipients."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from sqlalchemy import ColumnElement, literal_column, or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.core.errors import NotFound
from request_tracker_utils.core.keyset import Cursor, KeysetQuery, Page, Segment
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.notifications.models import DeliveryReport, Notification, NotificationStatus

PAGE_SIZE = 50
CHUNK = 1_000
"""Messages read at once for an export."""
MATCHING_PEOPLE = 50
"""At most this many people match a name in the filter for recipients."""
REPORTS = 100
"""Reports that a page shows of a message."""
UNFINISHED: ColumnElement[bool] = literal_column("notifications.status NOT IN ('sent', 'delivered')")
"""The condition of a partial index: few messages are on their way, and few have failed."""


@dataclass(frozen=True)
class Filter:
    """Selects messages. Empty fields select everything. `recipient` is part of a person's name, or a whole address; `since` and `until`
    are days in `zone`, both included."""

    status: str = ""
    channel: str = ""
    recipient: str = ""
    event: str = ""
    since: date | None = None
    until: date | None = None
    zone: tzinfo = UTC

    def __bool__(self) -> bool:
        return bool(self.status or self.channel or self.recipient or self.event or self.since or self.until)

    def conditions(self, session: Session) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.status:
            found.append(Notification.status == self.status)
            if self.status not in (NotificationStatus.SENT, NotificationStatus.DELIVERED):
                found.append(UNFINISHED)
        if self.channel:
            found.append(Notification.notification_type == self.channel)
        if self.event:
            found.append(Notification.event == self.event)
        if self.recipient:
            found.append(self._is_recipient(session))
        if self.since:
            found.append(Notification.created_at >= self._midnight(self.since))
        if self.until and self.until < date.max:
            found.append(Notification.created_at < self._midnight(self.until + timedelta(days=1)))
        return found

    def _is_recipient(self, session: Session) -> ColumnElement[bool]:
        """People with such a name, or else the address: SQLite would read all messages for a condition of two columns."""
        ids = _people(session, self.recipient)
        is_address = Notification.address.in_({self.recipient, self.recipient.lower()})
        if not ids:
            return is_address
        is_person = Notification.recipient_user_id.in_(ids)
        return or_(is_person, is_address) if "@" in self.recipient else is_person

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone)


def page(
    session: Session, selected: Filter, *, only_to: int | None = None, after: Cursor | None = None, offset: int = 0, size: int = PAGE_SIZE
) -> Page[Notification]:
    """A page of messages, newest first; only those to the person `only_to` if given."""
    return _query(session, selected, only_to).page(session, size=size, after=after, offset=offset)


def named_messages(session: Session, selected: Filter, *, only_to: int | None = None) -> Iterator[tuple[Notification, str]]:
    """All selected messages, newest first, each with the name of its recipient; read in chunks."""
    query, after = _query(session, selected, only_to), None
    while True:
        found = query.page(session, size=CHUNK, after=after)
        known = names(session, found.rows)
        yield from ((each, known.get(each.recipient_user_id or 0, "")) for each in found.rows)
        session.expunge_all()
        after = found.next_cursor
        if after is None:
            return


def message(session: Session, message_id: int, *, only_to: int | None = None) -> Notification:
    """Raises NotFound, also for a message to another person than `only_to`."""
    found = session.get(Notification, message_id)
    if found is None or (only_to is not None and found.recipient_user_id != only_to):
        raise NotFound(_("Message %(id)s does not exist, or was deleted because of its age.", id=message_id))
    return found


def names(session: Session, messages: Collection[Notification]) -> dict[int, str]:
    """The names of the recipients by their ids."""
    ids = {each.recipient_user_id for each in messages if each.recipient_user_id is not None}
    found = session.execute(select(User.id, User.name).where(User.id.in_(ids))).all() if ids else []
    return {user_id: name for user_id, name in found}  # noqa: C416 — mypy does not accept dict(found)


def reports(session: Session, found: Notification) -> list[DeliveryReport]:
    """What the provider has reported about the message, oldest first."""
    if not found.provider or not found.provider_id:
        return []
    about = select(DeliveryReport).where(DeliveryReport.provider == found.provider, DeliveryReport.message_id == found.provider_id)
    return list(session.scalars(about.order_by(DeliveryReport.at, DeliveryReport.report_id).limit(REPORTS)))


def _query(session: Session, selected: Filter, only_to: int | None) -> KeysetQuery[Notification]:
    own = [] if only_to is None else [Notification.recipient_user_id == only_to]
    order = Segment((Notification.created_at, Notification.id))
    return KeysetQuery(Notification, [order], selected.conditions(session), within=own, descending=True)


def _people(session: Session, text: str) -> Sequence[int]:
    """The people with such a name. The others with it are found by typing more of the name."""
    named = select(User.id).where(User.name_key.contains(text.lower(), autoescape=True))
    return session.scalars(named.order_by(User.name_key != text.lower(), User.name_key).limit(MATCHING_PEOPLE)).all()
