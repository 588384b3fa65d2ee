"""Absences: the dates on which a person is away, and the colleague who decides for them meanwhile."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets.models import Absence
from request_tracker_utils.cable_tickets.permissions import TicketPermission, roles_with


def substitutes(session: Session, user_ids: Collection[int], *, today: date) -> dict[int, int]:
    """Who represents each of these people who is absent today: their substitute, or the substitute of an absent substitute, and so on.
    Nobody for those whose chain of substitutes ends with somebody who is absent or deactivated."""
    direct: dict[int, int] = {}
    unknown = set(user_ids)
    while unknown:
        is_today = (Absence.from_date <= today, Absence.until_date >= today)
        rows = session.execute(select(Absence.user_id, Absence.substitute_id).where(Absence.user_id.in_(unknown), *is_today)).all()
        direct |= {user_id: substitute_id for user_id, substitute_id in rows}  # noqa: C416 — mypy does not accept dict(rows)
        unknown = {substitute_id for _user_id, substitute_id in rows} - direct.keys()
    last = {user_id: found for user_id in user_ids if user_id in direct and (found := _last(direct, user_id)) is not None}
    usable = (User.id.in_(set(last.values())), User.active.is_(True), User.role.in_(roles_with(TicketPermission.READ)))
    able = set(session.scalars(select(User.id).where(*usable))) if last else set()
    return {user_id: substitute for user_id, substitute in last.items() if substitute in able}


def _last(direct: dict[int, int], user_id: int) -> int | None:
    """The end of the chain; None if it is a circle."""
    passed = {user_id}
    while user_id in direct:
        user_id = direct[user_id]
        if user_id in passed:
            return None
        passed.add(user_id)
    return user_id
