"""Absences: dates on which a person is away, and the substitute who decides for them."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets.errors import AbsenceNotFound, InvalidTicketField
from request_tracker_utils.cable_tickets.models import Absence
from request_tracker_utils.cable_tickets.names import REMIND_APPROVERS
from request_tracker_utils.cable_tickets.permissions import TicketPermission, roles_with
from request_tracker_utils.core.db import LARGEST_ID, after_commit, find_row
from request_tracker_utils.core.translation import gettext as _

LONGEST_AHEAD = timedelta(days=366)


def substitutes(session: Session, user_ids: Collection[int], *, today: date) -> dict[int, int]:
    """Who represents each of these people who is absent today: their substitute, or the substitute of an absent substitute, and so on.
    A chain that ends with an absent or deactivated person has no substitute."""
    direct: dict[int, int] = {}
    unknown = set(user_ids)
    while unknown:
        is_today = (Absence.from_date <= today, Absence.until_date >= today)
        rows = session.execute(select(Absence.user_id, Absence.substitute_id).where(Absence.user_id.in_(unknown), *is_today)).all()
        direct |= {user_id: substitute_id for user_id, substitute_id in rows}  # noqa: C416 — mypy does not accept dict(rows)
        unknown = {substitute_id for _user_id, substitute_id in rows} - direct.keys()
    last = {user_id: found for user_id in user_ids if user_id in direct and (found := _last(direct, user_id)) is not None}
    usable = set(session.scalars(select(User.id).where(User.id.in_(set(last.values())), *able()))) if last else set()
    return {user_id: substitute for user_id, substitute in last.items() if substitute in usable}


def _last(direct: dict[int, int], user_id: int) -> int | None:
    """The end of the chain; None if it is a circle."""
    passed = {user_id}
    while user_id in direct:
        user_id = direct[user_id]
        if user_id in passed:
            return None
        passed.add(user_id)
    return user_id


def plan(session: Session, user_id: int, *, substitute_id: int | None, begin: str, end: str, today: date) -> Absence:
    """Stores when the person is absent, and who decides for them. Raises InvalidTicketField with `field`."""
    days = {"from_date": _date(begin, "from_date"), "until_date": _date(end, "until_date")}
    _check_dates(session, user_id, days["from_date"], days["until_date"], today)
    _check_substitute(session, user_id, substitute_id, days["from_date"], days["until_date"])
    absence = Absence(user_id=user_id, substitute_id=substitute_id, **days)
    session.add(absence)
    session.flush()
    after_commit(session, REMIND_APPROVERS)
    return absence


def end(session: Session, user_id: int, absence_id: int, *, today: date) -> Absence:
    """Ends an absence: one that has not begun is deleted, and one that has begun lasts until yesterday. Raises AbsenceNotFound."""
    absence = find_row(session, Absence, absence_id)
    if absence is None or absence.user_id != user_id or absence.until_date < today:
        raise AbsenceNotFound(_("This absence does not exist, or has already ended."))
    yesterday = today - timedelta(days=1)
    if absence.from_date > yesterday:
        session.delete(absence)
    else:
        absence.until_date = yesterday
    return absence


def absences_of(session: Session, user_id: int, *, today: date) -> Sequence[tuple[Absence, str]]:
    """Present and planned ones, with the substitutes' names."""
    query = select(Absence, User.name).join(User, User.id == Absence.substitute_id).where(Absence.user_id == user_id)
    rows = session.execute(query.where(Absence.until_date >= today).order_by(Absence.from_date)).all()
    return [(absence, name) for absence, name in rows]


def represented(session: Session, user_id: int, *, today: date) -> Sequence[tuple[Absence, str]]:
    """Present and planned absences in which this person decides, with the names of those who are absent."""
    query = select(Absence, User.name).join(User, User.id == Absence.user_id).where(Absence.substitute_id == user_id)
    rows = session.execute(query.where(Absence.until_date >= today).order_by(Absence.from_date)).all()
    return [(absence, name) for absence, name in rows]


def possible_substitutes(session: Session, user_id: int) -> Sequence[User]:
    return session.scalars(select(User).where(*able(), User.id != user_id).order_by(User.name_key)).all()


def able() -> tuple[ColumnElement[bool], ...]:
    """Conditions of people who can decide a ticket at all."""
    return (User.active.is_(True), User.role.in_(roles_with(TicketPermission.READ)))


def _date(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidTicketField(_("Enter a date."), field=field) from None


def _check_dates(session: Session, user_id: int, begin: date, end: date, today: date) -> None:
    if end < begin:
        raise InvalidTicketField(_("The last day cannot be before the first."), field="until_date")
    if end < today:
        raise InvalidTicketField(_("Enter today or a later date."), field="until_date")
    if end > today + LONGEST_AHEAD:
        raise InvalidTicketField(_("Enter a date within the next year."), field="until_date")
    if begin < today - LONGEST_AHEAD:
        raise InvalidTicketField(_("Enter a date within the last year."), field="from_date")
    own = (Absence.user_id == user_id, Absence.from_date <= end, Absence.until_date >= begin)
    other = session.scalars(select(Absence).where(*own).order_by(Absence.from_date).limit(1)).one_or_none()
    if other is not None:
        values = {"begin": other.from_date.isoformat(), "end": other.until_date.isoformat()}
        message = _("You already have an absence from %(begin)s to %(end)s. End it, or choose other dates.", **values)
        raise InvalidTicketField(message, field="from_date")


def _check_substitute(session: Session, user_id: int, substitute_id: int | None, begin: date, end: date) -> None:
    if substitute_id == user_id:
        raise InvalidTicketField(_("You cannot be your own substitute. Choose somebody else."), field="substitute_id")
    usable = substitute_id is not None and 0 < substitute_id <= LARGEST_ID
    substitute = session.scalars(select(User).where(User.id == substitute_id, *able())).one_or_none() if usable else None
    if substitute is None:
        raise InvalidTicketField(_("Choose a colleague with an active account."), field="substitute_id")
    chain, reached = {substitute.id}, {substitute.id}
    while chain:
        overlapping = (Absence.user_id.in_(chain), Absence.from_date <= end, Absence.until_date >= begin)
        chain = set(session.scalars(select(Absence.substitute_id).where(*overlapping))) - reached
        reached |= chain
    if user_id in reached:
        message = _("%(name)s is absent on these dates, and you are their substitute. Choose somebody else.", name=substitute.name)
        raise InvalidTicketField(message, field="substitute_id")
