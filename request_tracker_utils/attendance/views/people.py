"""People with punches: the list, and each person with their user IDs and their account."""

import re
from dataclasses import dataclass, field
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import people, people_changes
from request_tracker_utils.attendance.current import subject_of
from request_tracker_utils.attendance.models import ALWAYS, AttendancePerson, PersonId
from request_tracker_utils.attendance.people_accounts import account_id_of, account_names
from request_tracker_utils.attendance.people_changes import PersonFields, SiteId
from request_tracker_utils.attendance.people_errors import AccountTaken, InvalidPersonField, PeopleMerged, PersonNotFound, UserIdTaken
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import LARGEST_ID, reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.access_log import record_list, record_lookup
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.paging import requested_cursor, requested_page

PAGE_SIZE, SUGGESTIONS = 50, 200
LONGEST_SENT = 3_000
EMPTY_ROWS = 2
"""Rows of the form for further user IDs."""
REFUSED = (InvalidPersonField, UserIdTaken, AccountTaken, PeopleMerged)
IdRow = tuple[str, str, str]

pages = Blueprint("attendance_people", __name__, url_prefix="/punches/people")


@dataclass(frozen=True)
class PersonForm:
    """What the form of a person contains, and why it was refused. `do` says which of the page's forms that was."""

    values: dict[str, str] = field(default_factory=dict)
    ids: list[IdRow] = field(default_factory=list)
    do: str = ""
    message: str = ""
    wrong: str = ""


@pages.get("")
@require(AttendancePermission.READ)
def listed() -> str:
    """People by name, with their user IDs."""
    text, page = request.args.get("q", "")[:LONGEST_SENT], requested_page()
    with reading() as session:
        found = people.list_people(session, text, size=PAGE_SIZE, after=requested_cursor(), offset=(page - 1) * PAGE_SIZE)
        ids = people.ids_of(session, [each.id for each in found.rows])
        values = {"ids": ids, "accounts": account_names(session, found.rows), "count": people.count_people(session, text)}
    record_list("people with punches", len(found.rows))
    return render_template("attendance/people.html", people=found.rows, text=text, page=page, next_cursor=found.next_cursor, **values)


@pages.get("/new")
@require(AttendancePermission.MANAGE)
def new() -> str:
    """An empty form."""
    return render_template("attendance/person.html", person=None, form=PersonForm(ids=_padded([])), suggestions=[])


@pages.post("")
@require(AttendancePermission.MANAGE)
def create() -> ResponseReturnValue:
    """Adds a person."""
    try:
        with transaction() as session:
            person = people_changes.create(session, _fields(session), actor=current_actor(), now=utc_now())
    except REFUSED as error:
        return render_template("attendance/person.html", person=None, form=_refused("save", error), suggestions=[]), error.status
    flash(_("%(name)s was added.", name=person.name), "success")
    return redirect(url_for(".show", person_id=person.id), 303)


@pages.get("/<int:person_id>")
@require(AttendancePermission.READ)
def show(person_id: int) -> str:
    """A person."""
    return _page(person_id)


@pages.post("/<int:person_id>")
@require(AttendancePermission.MANAGE)
def change(person_id: int) -> ResponseReturnValue:
    """Changes, merges, splits or deletes a person. All of that can be undone."""
    do, by = request.form.get("do", "save"), {"actor": current_actor(), "now": utc_now()}
    shown = person_id
    try:
        with transaction() as session:
            person = people.find_person(session, person_id)
            said = _("%(name)s was saved.", name=person.name)
            if do == "merge":
                people_changes.merge(session, person_id, [_other()], **by)  # type: ignore[arg-type]
                said = _("The people were merged.")
            elif do == "split":
                ids = [int(each) for each in request.form.getlist("id") if each.isascii() and each.isdigit()]
                shown = people_changes.split(session, person_id, ids, request.form.get("split_name", ""), **by).id  # type: ignore[arg-type]
                said = _("The person was split. This is the other person.")
            elif do == "delete":
                said = _("%(name)s was deleted. The punches remain.", name=person.name)
                people_changes.remove(session, person_id, **by)  # type: ignore[arg-type]
            else:
                people_changes.change(session, person_id, _fields(session), **by)  # type: ignore[arg-type]
    except REFUSED as error:
        return _page(person_id, _refused(do, error)), error.status
    flash(said, "success")
    return redirect(url_for(".listed") if do == "delete" else url_for(".show", person_id=shown), 303)


def _page(person_id: int, refused: PersonForm | None = None) -> str:
    with reading() as session:
        person = people.find_person(session, person_id)
        ids, account = people.ids_of(session, [person.id])[person.id], account_names(session, [person]).get(person.id, "")
        suggestions = [each for each in people.people_named(session, "", limit=SUGGESTIONS) if each.id != person.id]
    record_lookup("person with punches", subject_of(person))
    form = refused if refused is not None and refused.do == "save" else _stored(person, account, ids, refused)
    values = {"ids": ids, "account": account, "suggestions": suggestions, "always": ALWAYS}
    return render_template("attendance/person.html", person=person, form=form, **values)


def _stored(person: AttendancePerson, account: str, ids: list[PersonId], refused: PersonForm | None) -> PersonForm:
    rows = [(each.user_id, each.site, "" if each.valid_from == ALWAYS else str(each.valid_from)) for each in ids]
    values = {"name": person.name, "account": account, "notes": person.notes}
    if refused is None:
        return PersonForm(values, _padded(rows))
    return PersonForm(values, _padded(rows), refused.do, refused.message, refused.wrong)


def _refused(do: str, error: AppError) -> PersonForm:
    values = {name: request.form.get(name, "")[:LONGEST_SENT] for name in ("name", "account", "notes")}
    return PersonForm(values, _padded(_sent_ids()), do, error.message, str(error.fields.get("field", "")))


def _padded(rows: list[IdRow]) -> list[IdRow]:
    return [*rows, *[("", "", "")] * EMPTY_ROWS]


def _sent_ids() -> list[IdRow]:
    columns = (request.form.getlist(name)[: people_changes.MAX_IDS + 1] for name in ("user_id", "site", "valid_from"))
    return [(user_id[:200], site[:300], day[:30]) for user_id, site, day in zip(*columns, strict=False) if user_id.strip()]


def _fields(session: Session) -> PersonFields:
    """Raises InvalidPersonField."""
    sent = request.form
    ids = [SiteId(user_id, site, _day(day)) for user_id, site, day in _sent_ids()]
    account_id = account_id_of(session, sent.get("account", ""))
    return PersonFields(sent.get("name", ""), account_id, sent.get("notes", ""), ids)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else ALWAYS
    except ValueError:
        raise InvalidPersonField(_("Enter a day, such as 2026-03-02."), field="ids") from None


def _other() -> int:
    """The person to merge with: the number at the beginning of what was chosen. Raises InvalidPersonField, PersonNotFound."""
    number = re.match(r"\s*#?([0-9]{1,19})\b", request.form.get("other", ""))
    if number is None:
        raise InvalidPersonField(_("Choose another person to merge with."), field="people")
    if int(number[1]) > LARGEST_ID:
        raise PersonNotFound(_("Person %(id)s was not found.", id=number[1]))
    return int(number[1])
