"""JSON routes of staff groups, their hours and members."""

from typing import Any

from flask_openapi3 import APIBlueprint, Tag
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import NotFound
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.paging import page_answer
from request_tracker_utils.workdays import group_members, schedules, staff_groups
from request_tracker_utils.workdays.current import group_edit
from request_tracker_utils.workdays.group_errors import (
    AlreadyBegun,
    GroupChangeNotFound,
    InvalidGroupField,
    ScheduleVersionExists,
    ScheduleVersionNotFound,
    StaffGroupExists,
    StaffGroupInUse,
    StaffGroupNotFound,
)
from request_tracker_utils.workdays.models import StaffGroup
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.schemas.staff_groups import (
    GroupIn,
    GroupList,
    GroupMessage,
    GroupOut,
    GroupPatch,
    GroupPath,
    MemberOut,
    MemberPage,
    MemberPath,
    MembersChanged,
    MembersIn,
    MembersQuery,
    RemoveQuery,
    UpcomingOut,
    UpcomingPath,
    UpcomingRows,
    VersionIn,
    VersionOut,
    VersionPath,
    VersionRows,
    day_or,
)

GROUPS = Tag(name="staff groups", description="People with the same hours. Changes begin tomorrow at the earliest.")
ALL = "/api/staff-groups/"
ONE = f"{ALL}<int:group_id>"
NOT_FOUND = (NotFound, StaffGroupNotFound)
MAX_UPCOMING = 1_000

api = APIBlueprint("staff_groups_api", __name__, abp_tags=[GROUPS])


@api.get(ALL, responses={200: GroupList})
@require(WorkdayPermission.READ)
def list_groups() -> Answer:
    """List all staff groups by name, with their hours of today."""
    with reading() as session:
        rows = _shown(session, *staff_groups.all_groups(session))
    return {"count": len(rows), "next": None, "previous": None, "results": rows}


@api.post(ALL, responses={201: GroupOut})
@require(WorkdayPermission.MANAGE)
@may_raise(InvalidGroupField, StaffGroupExists)
def add_group(body: GroupIn) -> Answer:
    """Add a staff group."""
    with transaction() as session:
        return _shown(session, staff_groups.create_group(session, body.name, body.notes or "", group_edit()))[0], 201


@api.get(ONE, responses={200: GroupOut})
@require(WorkdayPermission.READ)
@may_raise(*NOT_FOUND)
def get_group(path: GroupPath) -> Answer:
    """Get a staff group."""
    with reading() as session:
        return _shown(session, staff_groups.find_group(session, path.group_id))[0]


@api.patch(ONE, responses={200: GroupOut})
@require(WorkdayPermission.MANAGE)
@may_raise(*NOT_FOUND, InvalidGroupField, StaffGroupExists)
def change_group(path: GroupPath, body: GroupPatch) -> Answer:
    """Change the name or notes of a staff group."""
    with transaction() as session:
        return _shown(session, staff_groups.change_group(session, path.group_id, name=body.name, notes=body.notes))[0]


@api.delete(ONE, responses={200: GroupMessage})
@require(WorkdayPermission.MANAGE)
@may_raise(*NOT_FOUND, StaffGroupInUse)
def delete_group(path: GroupPath) -> Answer:
    """Delete a staff group that never had hours or members."""
    with transaction() as session:
        name = staff_groups.delete_group(session, path.group_id, group_edit())
    return {"message": _("The staff group %(name)s was deleted.", name=name)}


@api.get(f"{ONE}/versions/", responses={200: VersionRows})
@require(WorkdayPermission.READ)
@may_raise(*NOT_FOUND)
def list_versions(path: GroupPath) -> Any:
    """List all hours of a group, the newest first."""
    with reading() as session:
        staff_groups.find_group(session, path.group_id)
        return [VersionOut.of(each) for each in schedules.versions_of(session, [path.group_id])[path.group_id]]


@api.post(f"{ONE}/versions/", responses={201: VersionOut})
@require(WorkdayPermission.MANAGE)
@may_raise(*NOT_FOUND, InvalidGroupField, ScheduleVersionExists)
def add_version(path: GroupPath, body: VersionIn) -> Answer:
    """Add hours from a day on. Earlier ones end on the day before."""
    with transaction() as session:
        row = schedules.add_version(session, path.group_id, body.entered(), group_edit())
        return _version(session, path.group_id, row.id), 201


@api.put(f"{ONE}/versions/<int:version_id>", responses={200: VersionOut})
@require(WorkdayPermission.MANAGE)
@may_raise(NotFound, AlreadyBegun, InvalidGroupField, ScheduleVersionExists, ScheduleVersionNotFound)
def change_version(path: VersionPath, body: VersionIn) -> Answer:
    """Change hours that have not begun."""
    with transaction() as session:
        row = schedules.change_version(session, path.group_id, path.version_id, body.entered(), group_edit())
        return _version(session, path.group_id, row.id)


@api.delete(f"{ONE}/versions/<int:version_id>", responses={200: GroupMessage})
@require(WorkdayPermission.MANAGE)
@may_raise(NotFound, AlreadyBegun, ScheduleVersionNotFound)
def delete_version(path: VersionPath) -> Answer:
    """Delete hours that have not begun."""
    with transaction() as session:
        day = schedules.delete_version(session, path.group_id, path.version_id, group_edit())
    return {"message": _("The hours from %(day)s on were deleted.", day=day)}


@api.get(f"{ONE}/members/", responses={200: MemberPage})
@require(WorkdayPermission.READ)
@may_raise(*NOT_FOUND)
def list_members(path: GroupPath, query: MembersQuery) -> Answer:
    """List the members of a group on a day, by name."""
    day = day_or(query.date, group_edit().today)
    with reading() as session:
        staff_groups.find_group(session, path.group_id)
        where = {"size": query.page_size, "after": query.cursor(), "offset": query.offset}
        page = group_members.list_members(session, path.group_id, day, query.search, **where)  # type: ignore[arg-type]
        count = group_members.count_members(session, path.group_id, day, query.search)
    record_list("members of staff groups", len(page.rows))
    return page_answer(query, count, page.next_cursor, [MemberOut.of(each) for each in page.rows])


@api.post(f"{ONE}/members/", responses={200: MembersChanged})
@require(WorkdayPermission.MANAGE)
@may_raise(*NOT_FOUND, InvalidGroupField)
def add_members(path: GroupPath, body: MembersIn) -> Answer:
    """Add people to a group from a day on. They leave their former group."""
    by = group_edit()
    with transaction() as session:
        changed = group_members.assign(session, path.group_id, body.people, day_or(body.valid_from, by.tomorrow), by)
    return {"changed": changed}


@api.delete(f"{ONE}/members/<int:person_id>", responses={200: MembersChanged})
@require(WorkdayPermission.MANAGE)
@may_raise(*NOT_FOUND, GroupChangeNotFound, InvalidGroupField)
def remove_member(path: MemberPath, query: RemoveQuery) -> Answer:
    """Remove a person from a group, from a day on."""
    by = group_edit()
    with transaction() as session:
        group_members.remove(session, path.group_id, path.person_id, day_or(query.valid_from, by.tomorrow), by)
    return {"changed": 1}


@api.get(f"{ONE}/upcoming/", responses={200: UpcomingRows})
@require(WorkdayPermission.READ)
@may_raise(*NOT_FOUND)
def list_upcoming(path: GroupPath) -> Any:
    """List people who will join or leave a group, the next ones first: a thousand at most."""
    with reading() as session:
        staff_groups.find_group(session, path.group_id)
        found = group_members.upcoming(session, path.group_id, group_edit().today, limit=MAX_UPCOMING)
    record_list("members of staff groups", len(found))
    return [UpcomingOut.of(*each) for each in found]


@api.delete(f"{ONE}/upcoming/<int:change_id>", responses={200: GroupMessage})
@require(WorkdayPermission.MANAGE)
@may_raise(NotFound, AlreadyBegun, GroupChangeNotFound)
def cancel(path: UpcomingPath) -> Answer:
    """Cancel a change of members that has not begun."""
    with transaction() as session:
        group_members.cancel(session, path.group_id, path.change_id, group_edit())
    return {"message": _("The change was canceled.")}


def _shown(session: Session, *groups: StaffGroup) -> list[dict[str, Any]]:
    today = group_edit().today
    counts, versions = group_members.member_counts(session, today), schedules.versions_of(session, [each.id for each in groups])
    return [GroupOut.of(each, counts.get(each.id, 0), schedules.current_version(versions[each.id], today)) for each in groups]


def _version(session: Session, group_id: int, version_id: int) -> dict[str, Any]:
    return next(VersionOut.of(each) for each in schedules.versions_of(session, [group_id])[group_id] if each.row.id == version_id)
