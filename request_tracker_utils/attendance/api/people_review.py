"""JSON routes of merged and split people, of users of terminals without a person, of conflicts of names, and of changes with their undo."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask_openapi3 import APIBlueprint

from request_tracker_utils.attendance import people_changes, people_history
from request_tracker_utils.attendance.api.people import ALL, PEOPLE, shown_person
from request_tracker_utils.attendance.people_conflicts import review
from request_tracker_utils.attendance.people_errors import (
    AccountTaken,
    InvalidPersonField,
    NameConflictGone,
    PeopleChangedSince,
    PeopleChangeNotFound,
    PeopleMerged,
    PersonNotFound,
    UserIdOfOther,
    UserIdTaken,
)
from request_tracker_utils.attendance.people_resolution import create_from_terminals, resolve
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.schemas.people import PersonOut, PersonPath
from request_tracker_utils.attendance.schemas.people_review import (
    ChangeOut,
    ChangePath,
    ChangesPage,
    ConflictOut,
    ConflictPage,
    ConflictPath,
    CreatedOut,
    CreateIn,
    MergeIn,
    ResolvedOut,
    ResolveIn,
    SplitIn,
    TerminalUser,
    UnassignedPage,
)
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import NotFound
from request_tracker_utils.core.keyset import Cursor
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.paging import PageQuery, page_answer

T = TypeVar("T")
ONE = f"{ALL}<int:person_id>"
CONFLICTS, UNASSIGNED, CHANGES = f"{ALL}conflicts/", f"{ALL}unassigned/", f"{ALL}changes/"

api = APIBlueprint("attendance_people_review_api", __name__, abp_tags=[PEOPLE])


@api.post(f"{ONE}/merge", responses={200: PersonOut})
@require(AttendancePermission.MANAGE)
@may_raise(AccountTaken, InvalidPersonField, PeopleMerged, NotFound, PersonNotFound)
def merge_people(path: PersonPath, body: MergeIn) -> Answer:
    """Merge other people into this one, who gets their user IDs, account and notes."""
    with transaction() as session:
        return shown_person(session, people_changes.merge(session, path.person_id, body.people, actor=current_actor(), now=utc_now()))


@api.post(f"{ONE}/split", responses={201: PersonOut})
@require(AttendancePermission.MANAGE)
@may_raise(InvalidPersonField, NotFound, PersonNotFound, UserIdOfOther)
def split_person(path: PersonPath, body: SplitIn) -> Answer:
    """Create another person with some of the user IDs of this one."""
    with transaction() as session:
        people_history.lock(session)
        rows = people_changes.rows_of(session, path.person_id, body.site_ids())
        person = people_changes.split(session, path.person_id, rows, body.name, actor=current_actor(), now=utc_now())
        return shown_person(session, person), 201


@api.get(CONFLICTS, responses={200: ConflictPage})
@require(AttendancePermission.READ)
def list_conflicts(query: PageQuery) -> Answer:
    """List open conflicts of names and user IDs."""
    with reading() as session:
        found = review(session).conflicts
    return _page(query, found, ConflictOut.of)


@api.post(f"{CONFLICTS}<fingerprint>", responses={200: ResolvedOut})
@require(AttendancePermission.MANAGE)
@may_raise(AccountTaken, InvalidPersonField, NameConflictGone, UserIdTaken)
def resolve_conflict(path: ConflictPath, body: ResolveIn) -> Answer:
    """Resolve a conflict. A second call is answered with `name_conflict_gone`."""
    with transaction() as session:
        conflict = resolve(session, path.fingerprint, body.choice, day=body.day, actor=current_actor(), now=utc_now())
    return {"fingerprint": conflict.fingerprint, "kind": conflict.kind, "choice": body.choice}


@api.get(UNASSIGNED, responses={200: UnassignedPage})
@require(AttendancePermission.READ)
def list_unassigned(query: PageQuery) -> Answer:
    """List users of terminals without a person."""
    with reading() as session:
        found = review(session)
    ready = {each.identity for each in found.ready}
    return _page(query, found.unassigned, lambda each: {**TerminalUser.of(each), "ready": each.identity in ready})


@api.post(UNASSIGNED, responses={200: CreatedOut})
@require(AttendancePermission.MANAGE)
@may_raise(InvalidPersonField, UserIdTaken)
def create_people(body: CreateIn) -> Answer:
    """Create people from users of terminals. A second call creates nobody."""
    with transaction() as session:
        return {"created": create_from_terminals(session, body.identities(), actor=current_actor(), now=utc_now())}


@api.get(CHANGES, responses={200: ChangesPage})
@require(AttendancePermission.READ)
def list_changes(query: PageQuery) -> Answer:
    """List changes of people, newest first."""
    with reading() as session:
        page = people_history.list_changes(session, size=query.page_size, after=query.cursor(), offset=query.offset)
        count = people_history.count_changes(session)
    record_list("changes of people with punches", len(page.rows))
    return page_answer(query, count, page.next_cursor, [ChangeOut.of(each) for each in page.rows])


@api.post(f"{CHANGES}<int:change_id>/undo", responses={200: ChangeOut})
@require(AttendancePermission.MANAGE)
@may_raise(PeopleChangedSince, NotFound, PeopleChangeNotFound)
def undo_change(path: ChangePath) -> Answer:
    """Undo a change. A second call is answered with `people_changed_since`."""
    with transaction() as session:
        return ChangeOut.of(people_history.undo(session, path.change_id, actor=current_actor(), now=utc_now()))


def _page(query: PageQuery, found: Sequence[T], shown: Callable[[T], dict[str, Any]]) -> Answer:
    """A page of a list that is computed as a whole: a cursor has the number of rows before it."""
    cursor = query.cursor()
    begin = cursor.row_id if cursor else query.offset
    end = begin + query.page_size
    rows = [shown(each) for each in found[begin:end]]
    record_list("users of terminals", len(rows))
    return page_answer(query, len(found), Cursor(0, end) if end < len(found) else None, rows)
