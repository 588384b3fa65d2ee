"""Students of the older database."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.legacy_import.report import Outcome, Problem
from request_tracker_utils.legacy_import.run import Judged, Run, differences, fitted, parts, settle, without_place
from request_tracker_utils.legacy_import.source import Row, Table, says_yes
from request_tracker_utils.students.errors import InvalidField
from request_tracker_utils.students.fields import STUDENT_TEXT_LENGTHS, student_fields
from request_tracker_utils.students.models import Student
from request_tracker_utils.students.search_keys import search_key

NEEDED = ("student_id", "first_name", "last_name")
KNOWN = {"id", "student_id", "grade", "rt_user_id", "device_checked_in", "check_in_date", "created_at", "updated_at", *STUDENT_TEXT_LENGTHS}
COMPARED = ("first_name", "last_name", "grade", "rt_user", "email", "building", "homeroom")


def take(session: Session, run: Run, table: Table, rows: list[Row]) -> list[Problem]:
    """A chunk of rows. Students who are here already stay as they are."""
    here = _here(session, [_number(table, row) for row in rows])
    judged = []
    for row in rows:
        said = list[str]()
        judged.append(Judged(row.id, *_outcome(run, table, row, here, said), said))
    return settle(session, run, Student, Student.id_key, table.name, judged)


def _outcome(run: Run, table: Table, row: Row, here: dict[str, Student], said: list[str]) -> tuple[Outcome, dict[str, Any]]:
    try:
        columns = fitted(student_fields, _values(table, row, said), NEEDED, said)
    except InvalidField as error:
        said[:] = [error.message]
        return Outcome.NOT, {}
    number = columns["student_id"]
    before = run.seen.claim("student", columns["id_key"], number, row.id)
    if before is not None:
        said[:] = [f"Row {before.row} has the student number {before.name} already."]
        return Outcome.NOT, {}
    if (student := here.get(columns["id_key"])) is not None:
        said[:] = differences(student, columns, COMPARED)
        return Outcome.THERE, {}
    without_place(row, KNOWN, said)
    if says_yes(row.values.get("device_checked_in")) and run.seen.met("handed in", columns["id_key"]) is None:
        when = f" on {row.text('check_in_date')}" if row.text("check_in_date") else ""
        said.append(f"The student handed in a device{when}, and no row says which: there is no place for that here.")
    created = run.time(table, row, "created_at", said) or run.wanted.now
    updated = run.time(table, row, "updated_at", said) or created
    fresh = {"is_active": True, "device_count": 0, "created_at": created, "updated_at": updated}
    return Outcome.TAKEN, {**dict.fromkeys(STUDENT_TEXT_LENGTHS, ""), **columns, **fresh}


def _number(table: Table, row: Row) -> str:
    return row.text("student_id" if table.is_documented else "id")


def _values(table: Table, row: Row, said: list[str]) -> dict[str, str]:
    values = {field: row.text(field) for field in STUDENT_TEXT_LENGTHS}
    user, number = row.text("rt_user_id"), _number(table, row)
    if user.isdigit() and user != number:
        said.append(f"rt_user_id: {user} is the number of a user in Request Tracker and no name, by which users are known here. Left out.")
    elif user:
        values["rt_user"] = user
    return {**values, "student_id": number, "grade": row.text("grade")}


def _here(session: Session, numbers: list[str]) -> dict[str, Student]:
    keys = sorted({search_key(number) for number in numbers if number})
    found = (session.scalars(select(Student).where(Student.id_key.in_(part))) for part in parts(keys))
    return {student.id_key: student for students in found for student in students}
