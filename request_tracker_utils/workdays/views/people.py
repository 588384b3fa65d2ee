"""The year of a person, of a user of a terminal, and of the caller."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.people import find_person, person_of_account
from request_tracker_utils.attendance.terminal_names import names_of_users
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.web.access_log import record_lookup
from request_tracker_utils.web.auth import current_actor, require, signed_in
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.windows import day_of
from request_tracker_utils.workdays.year import of_person, of_user, year_of, years

pages = Blueprint("workday_people", __name__, url_prefix="/workdays")


@pages.get("/people/<int:person_id>")
@require(WorkdayPermission.READ)
def person(person_id: int) -> str:
    """A year of a person."""
    now = utc_now()
    with reading() as session:
        name = find_person(session, person_id).name
        values = _year(session, of_person(person_id), now, person_id)
    record_lookup("workdays", current.subject(person_id, 0, ""))
    return render_template("workdays/person.html", name=name, about="", address={"person_id": person_id}, person_id=person_id, **values)


@pages.get("/users/<int:terminal_id>/<user_id>")
@require(WorkdayPermission.READ)
def user(terminal_id: int, user_id: str) -> str:
    """A year of a user of a terminal."""
    now = utc_now()
    with reading() as session:
        terminal = find_terminal(session, terminal_id)
        name = names_of_users(session, {(terminal_id, user_id)}).get((terminal_id, user_id), "")
        values = _year(session, of_user(terminal_id, user_id), now, None)
    record_lookup("workdays", current.subject(None, terminal_id, user_id))
    address = {"terminal_id": terminal_id, "user_id": user_id}
    return render_template("workdays/person.html", name=name or user_id, about=f"{user_id} · {terminal.name}", address=address, **values)


@pages.get("/mine")
@signed_in
def mine() -> str:
    """A year of the person to whom the caller's account is linked."""
    now = utc_now()
    with reading() as session:
        own = person_of_account(session, current_actor().user_id)
        values = {} if own is None else _year(session, of_person(own.id), now, own.id)
    return render_template("workdays/mine.html", person=own, address={}, **values)


def _year(session: Session, of_person: Sequence[ColumnElement[bool]], now: datetime, person_id: int | None) -> dict[str, Any]:
    """The requested year, or the last one with workdays, and in it a month with its days listed."""
    today, known = current.today(now), years(session, of_person)
    year = request.args.get("year", type=int) or 0
    if not 1 <= year <= 9999:
        year = known[1] if known else today.year
    schedules = current.how(session).schedules
    months = year_of(session, of_person, year, now, lambda day: schedules.on(person_id, day_of(day)).holiday)
    chosen = request.args.get("month", type=int) or 0
    if not 1 <= chosen <= 12:
        chosen = max((month.first.month for month in months if month.workdays), default=today.month if year == today.year else 1)
    before = year - 1 if known and known[0] < year else None
    after = year + 1 if known and known[1] > year else None
    return {"months": months, "month": months[chosen - 1], "year": year, "before": before, "after": after, "today": today}
