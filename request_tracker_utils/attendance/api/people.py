"""JSON routes of people with punches."""

from typing import Any

from flask_openapi3 import APIBlueprint, Tag
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import people, people_changes
from request_tracker_utils.attendance.current import subject_of
from request_tracker_utils.attendance.models import AttendancePerson
from request_tracker_utils.attendance.people_accounts import account_id_of, account_names
from request_tracker_utils.attendance.people_changes import PersonFields
from request_tracker_utils.attendance.people_errors import AccountTaken, InvalidPersonField, PersonNotFound, UserIdTaken
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.schemas.people import (
    PeopleMessage,
    PeoplePage,
    PeopleQuery,
    PersonIn,
    PersonOut,
    PersonPatch,
    PersonPath,
)
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import NotFound
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.access_log import record_list, record_lookup
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.paging import page_answer

PEOPLE = Tag(name="attendance people", description="People with punches, and their user IDs at the terminals of each site.")
ALL = "/api/attendance-people/"
ONE = f"{ALL}<int:person_id>"

api = APIBlueprint("attendance_people_api", __name__, abp_tags=[PEOPLE])


@api.get(ALL, responses={200: PeoplePage})
@require(AttendancePermission.READ)
def list_people(query: PeopleQuery) -> Answer:
    """List people by name."""
    with reading() as session:
        page = people.list_people(session, query.search, size=query.page_size, after=query.cursor(), offset=query.offset)
        count, ids = people.count_people(session, query.search), people.ids_of(session, [each.id for each in page.rows])
        accounts = account_names(session, page.rows)
    record_list("people with punches", len(page.rows))
    return page_answer(query, count, page.next_cursor, [PersonOut.of(each, ids[each.id], accounts.get(each.id, "")) for each in page.rows])


@api.post(ALL, responses={201: PersonOut})
@require(AttendancePermission.MANAGE)
@may_raise(AccountTaken, InvalidPersonField, UserIdTaken)
def add_person(body: PersonIn) -> Answer:
    """Add a person."""
    with transaction() as session:
        person = people_changes.create(session, _fields(session, body), actor=current_actor(), now=utc_now())
        return shown_person(session, person), 201


@api.get(ONE, responses={200: PersonOut})
@require(AttendancePermission.READ)
@may_raise(NotFound, PersonNotFound)
def get_person(path: PersonPath) -> Answer:
    """Get a person."""
    with reading() as session:
        person = people.find_person(session, path.person_id)
        shown = shown_person(session, person)
    record_lookup("person with punches", subject_of(person))
    return shown


@api.patch(ONE, responses={200: PersonOut})
@require(AttendancePermission.MANAGE)
@may_raise(AccountTaken, InvalidPersonField, NotFound, PersonNotFound, UserIdTaken)
def change_person(path: PersonPath, body: PersonPatch) -> Answer:
    """Change some fields of a person. Others do not change."""
    with transaction() as session:
        fields = _fields(session, body)
        return shown_person(session, people_changes.change(session, path.person_id, fields, actor=current_actor(), now=utc_now()))


@api.delete(ONE, responses={200: PeopleMessage})
@require(AttendancePermission.MANAGE)
@may_raise(NotFound, PersonNotFound)
def delete_person(path: PersonPath) -> Answer:
    """Delete a person. The punches remain."""
    with transaction() as session:
        name = people.find_person(session, path.person_id).name
        people_changes.remove(session, path.person_id, actor=current_actor(), now=utc_now())
    return {"message": _("%(name)s was deleted. The punches remain.", name=name)}


def _fields(session: Session, body: PersonPatch) -> PersonFields:
    account_id = None if body.account is None else account_id_of(session, body.account)
    return PersonFields(body.name, account_id, body.notes, body.site_ids())


def shown_person(session: Session, person: AttendancePerson) -> dict[str, Any]:
    """A person as JSON."""
    return PersonOut.of(person, people.ids_of(session, [person.id])[person.id], account_names(session, [person]).get(person.id, ""))
