"""Pages of staff groups: all of them, and each with its week, its hours and its members."""

import re
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.attendance.people import people_named
from request_tracker_utils.core.db import LARGEST_ID, reading, transaction
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.paging import requested_cursor, requested_page
from request_tracker_utils.workdays import group_members, schedules, staff_groups
from request_tracker_utils.workdays.current import default, group_edit
from request_tracker_utils.workdays.group_errors import (
    AlreadyBegun,
    GroupChangeNotFound,
    InvalidGroupField,
    StaffGroupExists,
    StaffGroupInUse,
)
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.schedules import Hours
from request_tracker_utils.workdays.week import WEEK, week_of

pages = Blueprint("staff_groups", __name__, url_prefix="/workdays/groups")
PAGE_SIZE, SUGGESTIONS, UPCOMING = 50, 200, 100
LONGEST_SENT = 200_000
REFUSED = (AlreadyBegun, GroupChangeNotFound, InvalidGroupField, StaffGroupExists, StaffGroupInUse)
NUMBER = re.compile(r"\s*#?([0-9]{1,10})\b")


@pages.get("")
@require(WorkdayPermission.READ)
def listed() -> str:
    """All groups with the hours of today."""
    today, given = group_edit().today, default()
    with reading() as session:
        groups, counts = staff_groups.all_groups(session), group_members.member_counts(session, today)
        versions = schedules.versions_of(session, [each.id for each in groups])
    current = {each.id: schedules.current_version(versions[each.id], today) for each in groups}
    weeks = {group_id: week_of(version.hours) for group_id, version in current.items() if version is not None}
    usual = week_of(dict.fromkeys(WEEK, Hours(given.starts_at, given.ends_at)))
    return render_template("workdays/groups.html", groups=groups, counts=counts, weeks=weeks, usual=usual)


@pages.post("")
@require(WorkdayPermission.MANAGE)
def create() -> ResponseReturnValue:
    """Adds a group."""
    try:
        with transaction() as session:
            group = staff_groups.create_group(session, request.form.get("name", ""), request.form.get("notes", ""), group_edit())
    except REFUSED as error:
        flash(error.message, "danger")
        return redirect(url_for(".listed"), 303)
    flash(_("The staff group %(name)s was added. Enter its hours next.", name=group.name), "success")
    return redirect(url_for(".show", group_id=group.id), 303)


@pages.get("/<int:group_id>")
@require(WorkdayPermission.READ)
def show(group_id: int) -> str:
    """A group with its week, its hours and its members."""
    return _page(group_id)


@pages.post("/<int:group_id>")
@require(WorkdayPermission.MANAGE)
def change(group_id: int) -> ResponseReturnValue:
    """Changes or deletes a group."""
    deletes = request.form.get("do") == "delete"
    try:
        with transaction() as session:
            if deletes:
                said = _("The staff group %(name)s was deleted.", name=staff_groups.delete_group(session, group_id, group_edit()))
            else:
                sent = {name: request.form.get(name, "") for name in ("name", "notes")}
                said = _("The staff group %(name)s was saved.", name=staff_groups.change_group(session, group_id, **sent).name)
    except REFUSED as error:
        flash(error.message, "danger")
        return _back(group_id)
    flash(said, "success")
    return redirect(url_for(".listed"), 303) if deletes else _back(group_id)


@pages.post("/<int:group_id>/members")
@require(WorkdayPermission.MANAGE)
def add_members(group_id: int) -> ResponseReturnValue:
    """Adds people who were chosen, or pasted as lines. If a line names nobody, nothing is changed, and the page says which."""
    sent = {name: request.form.get(name, "")[:LONGEST_SENT] for name in ("person", "people", "valid_from")}
    by = group_edit()
    try:
        with transaction() as session:
            people, problems = set[int](), list[tuple[str, str]]()
            if sent["person"].strip():
                people.add(_chosen(sent["person"]))
            if sent["people"].strip() or not people:
                matched = group_members.match_people(session, sent["people"])
                people, problems = people | matched.people.keys(), matched.problems
            if problems:
                return _page(group_id, sent, problems=problems), 400
            count = group_members.assign(session, group_id, people, _day(sent["valid_from"], by.tomorrow), by)
    except REFUSED as error:
        return _page(group_id, sent, errors={str(error.fields.get("field", "people")): error.message}), error.status
    said = ngettext("%(num)s person was added.", "%(num)s people were added.", count)
    flash(said if count else _("These people are in the group already."), "success" if count else "warning")
    return _back(group_id)


@pages.post("/<int:group_id>/members/<int:person_id>/remove")
@require(WorkdayPermission.MANAGE)
def remove_member(group_id: int, person_id: int) -> ResponseReturnValue:
    """Removes a person from the group, from tomorrow on."""
    by = group_edit()
    try:
        with transaction() as session:
            group_members.remove(session, group_id, person_id, by.tomorrow, by)
        flash(_("The person leaves the group tomorrow."), "success")
    except REFUSED as error:
        flash(error.message, "danger")
    return _back(group_id)


@pages.post("/<int:group_id>/upcoming/<int:change_id>/cancel")
@require(WorkdayPermission.MANAGE)
def cancel(group_id: int, change_id: int) -> ResponseReturnValue:
    """Cancels a change of members that has not begun."""
    try:
        with transaction() as session:
            group_members.cancel(session, group_id, change_id, group_edit())
        flash(_("The change was canceled."), "success")
    except REFUSED as error:
        flash(error.message, "danger")
    return _back(group_id)


def _page(group_id: int, form: dict[str, str] | None = None, **problems: Any) -> str:
    text, page, by = request.args.get("q", "")[:100], requested_page(), group_edit()
    where = {"size": PAGE_SIZE, "after": requested_cursor(), "offset": (page - 1) * PAGE_SIZE}
    with reading() as session:
        group = staff_groups.find_group(session, group_id)
        versions = schedules.versions_of(session, [group_id])[group_id]
        members = group_members.list_members(session, group_id, by.today, text, **where)  # type: ignore[arg-type]
        count = group_members.count_members(session, group_id, by.today, text)
        upcoming = group_members.upcoming(session, group_id, by.today, limit=UPCOMING)
        groups = {each.id: each.name for each in staff_groups.all_groups(session)}
        suggestions = people_named(session, "", limit=SUGGESTIONS)
    record_list("members of staff groups", len(members.rows) + len(upcoming))
    current = schedules.current_version(versions, by.today)
    weeks = {each.row.id: week_of(each.hours) for each in versions}
    values = {"group": group, "versions": versions, "current": current, "weeks": weeks, "groups": groups, "upcoming": upcoming}
    values |= {"members": members.rows, "next_cursor": members.next_cursor, "count": count, "suggestions": suggestions}
    shown = {"text": text, "page": page, "today": by.today, "tomorrow": by.tomorrow, "form": form or {}}
    return render_template("workdays/group.html", **values, **shown, **({"errors": {}, "problems": []} | problems))


def _chosen(text: str) -> int:
    """The number at the beginning of what was chosen. Raises InvalidGroupField."""
    number = NUMBER.match(text)
    if number is None or int(number[1]) > LARGEST_ID:
        raise InvalidGroupField(_("Choose a person from the list."), field="person")
    return int(number[1])


def _day(text: str, default_day: date) -> date:
    """Raises InvalidGroupField."""
    try:
        return date.fromisoformat(text.strip()) if text.strip() else default_day
    except ValueError:
        raise InvalidGroupField(_("Enter a day, such as 2026-08-03."), field="valid_from") from None


def _back(group_id: int) -> ResponseReturnValue:
    return redirect(url_for(".show", group_id=group_id), 303)
