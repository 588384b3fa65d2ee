"""Users of terminals without a person, conflicts of names and IDs, and the history of changes, each of which can be undone."""

from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.attendance.models import PeopleChange
from request_tracker_utils.attendance.people_conflicts import Choice, ConflictKind, review
from request_tracker_utils.attendance.people_errors import (
    AccountTaken,
    InvalidPersonField,
    NameConflictGone,
    PeopleChangedSince,
    UserIdTaken,
)
from request_tracker_utils.attendance.people_history import changes, undo
from request_tracker_utils.attendance.people_resolution import create_from_terminals, resolve
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _, gettext_noop, ngettext
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.paging import row_id

SHOWN, PAGE_SIZE = 100, 50
KINDS = {
    ConflictKind.TWO_NAMES: gettext_noop("One user ID with several names"),
    ConflictKind.SAME_NAME: gettext_noop("One name with several user IDs"),
    ConflictKind.REASSIGNED: gettext_noop("Different name on a terminal"),
}
CHOICES = {
    Choice.SAME: gettext_noop("Same person"),
    Choice.DIFFERENT: gettext_noop("Different people"),
    Choice.RENAME: gettext_noop("Rename person"),
    Choice.OTHER: gettext_noop("New person from this day on"),
}
CHANGES = {
    PeopleChange.CREATED: gettext_noop("Created"),
    PeopleChange.CHANGED: gettext_noop("Changed"),
    PeopleChange.DELETED: gettext_noop("Deleted"),
    PeopleChange.MERGED: gettext_noop("Merged"),
    PeopleChange.SPLIT: gettext_noop("Split"),
    PeopleChange.REASSIGNED: gettext_noop("User ID assigned to another person"),
    PeopleChange.IMPORTED: gettext_noop("Imported"),
    PeopleChange.DECIDED: gettext_noop("Conflict left as it is"),
}

pages = Blueprint("attendance_conflicts", __name__, url_prefix="/punches/people")


@pages.get("/conflicts")
@require(AttendancePermission.READ)
def listed() -> str:
    """Conflicts, and users without a person."""
    with reading() as session:
        found = review(session)
    record_list("users of terminals", len(found.conflicts[:SHOWN]) + len(found.unassigned[:SHOWN]))
    return render_template("attendance/people-conflicts.html", found=found, most=SHOWN, kinds=KINDS, choices=CHOICES)


@pages.post("/create-from-terminals")
@require(AttendancePermission.MANAGE)
def create_all() -> ResponseReturnValue:
    """Creates a person for each user without one and without an open conflict."""
    with transaction() as session:
        count = create_from_terminals(session, actor=current_actor(), now=utc_now())
    flash(ngettext("%(num)s person was created.", "%(num)s people were created.", count), "success")
    return redirect(url_for(".listed"), 303)


@pages.post("/conflicts/<fingerprint>")
@require(AttendancePermission.MANAGE)
def decide(fingerprint: str) -> ResponseReturnValue:
    """Resolves a conflict."""
    sent = request.form.get("day", "").strip()
    try:
        day = date.fromisoformat(sent) if sent else None
    except ValueError:
        flash(_("Enter a day, such as 2026-03-02."), "danger")
        return redirect(url_for(".listed"), 303)
    try:
        with transaction() as session:
            resolve(session, fingerprint, request.form.get("choice", ""), day=day, actor=current_actor(), now=utc_now())
        flash(_("The conflict was resolved."), "success")
    except (NameConflictGone, InvalidPersonField, UserIdTaken, AccountTaken) as error:
        flash(error.message, "danger")
    return redirect(url_for(".listed"), 303)


@pages.get("/changes")
@require(AttendancePermission.READ)
def history() -> str:
    """Changes of people, newest first."""
    before = request.args.get("before", type=row_id)
    with reading() as session:
        found = changes(session, limit=PAGE_SIZE + 1, before_id=before)
    record_list("changes of people with punches", len(found[:PAGE_SIZE]))
    more = len(found) > PAGE_SIZE
    return render_template("attendance/people-changes.html", found=found[:PAGE_SIZE], more=more, before=before, kinds=CHANGES)


@pages.post("/changes/<int:change_id>/undo")
@require(AttendancePermission.MANAGE)
def undo_change(change_id: int) -> ResponseReturnValue:
    """Undoes a change."""
    try:
        with transaction() as session:
            undo(session, change_id, actor=current_actor(), now=utc_now())
        flash(_("The change was undone."), "success")
    except PeopleChangedSince as error:
        flash(error.message, "danger")
    return redirect(url_for(".history"), 303)
