"""Students of the legacy database."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.legacy_import.run import (
    ImportRun,
    Outcome,
    RowReport,
    RowResult,
    apply_rule,
    batches,
    differences,
    insert_rows,
    warn_about_other_columns,
)
from request_tracker_utils.legacy_import.source import Row, Table, is_yes
from request_tracker_utils.students.errors import InvalidField
from request_tracker_utils.students.fields import STUDENT_TEXT_LENGTHS, student_fields
from request_tracker_utils.students.models import Student

REQUIRED = ("student_id", "first_name", "last_name")
IMPORTED = {
    "id",
    "student_id",
    "grade",
    "rt_user_id",
    "device_checked_in",
    "check_in_date",
    "created_at",
    "updated_at",
    *STUDENT_TEXT_LENGTHS,
}
COMPARED = ("first_name", "last_name", "grade", "rt_user", "email", "building", "homeroom")


def import_students(session: Session, run: ImportRun, table: Table, rows: list[Row]) -> list[RowReport]:
    """Imports a chunk of rows. Existing students are not changed."""
    existing = _existing(session, [_number(table, row) for row in rows])
    results = []
    for row in rows:
        warnings = list[str]()
        results.append(RowResult(row.id, *_result(run, table, row, existing, warnings), warnings))
    return insert_rows(session, run, Student, Student.id_key, table.name, results)


def _result(run: ImportRun, table: Table, row: Row, existing: dict[str, Student], warnings: list[str]) -> tuple[Outcome, dict[str, Any]]:
    try:
        columns = apply_rule(student_fields, _values(table, row, warnings), REQUIRED, warnings)
    except InvalidField as error:
        warnings[:] = [error.message]
        return Outcome.NOT_IMPORTED, {}
    number = columns["student_id"]
    earlier = run.index.claim("student", columns["id_key"], number, row.id)
    if earlier is not None:
        warnings[:] = [_("Row %(row)s already has the student number %(number)s.", row=earlier.row, number=earlier.name)]
        return Outcome.NOT_IMPORTED, {}
    if (student := existing.get(columns["id_key"])) is not None:
        warnings[:] = differences(student, columns, COMPARED)
        return Outcome.EXISTING, {}
    warn_about_other_columns(row, IMPORTED, warnings)
    if is_yes(row.values.get("device_checked_in")) and run.index.find("returned by", columns["id_key"]) is None:
        date = row.text("check_in_date")
        warnings.append(
            _("The student returned a device on %(date)s, but no row says which. This is not imported.", date=date)
            if date
            else _("The student returned a device, but no row says which. This is not imported.")
        )
    created = run.time(table, row, "created_at", warnings) or run.options.now
    updated = run.time(table, row, "updated_at", warnings) or created
    defaults = {"is_active": True, "device_count": 0, "created_at": created, "updated_at": updated}
    return Outcome.IMPORTED, {**dict.fromkeys(STUDENT_TEXT_LENGTHS, ""), **columns, **defaults}


def _number(table: Table, row: Row) -> str:
    return row.text("student_id" if table.is_documented else "id")


def _values(table: Table, row: Row, warnings: list[str]) -> dict[str, str]:
    values = {field: row.text(field) for field in STUDENT_TEXT_LENGTHS}
    user, number = row.text("rt_user_id"), _number(table, row)
    if user.isdigit() and user != number:
        warnings.append(
            _("rt_user_id: %(user)s is a user ID in Request Tracker. User names are needed here, so it was not imported.", user=user)
        )
    elif user:
        values["rt_user"] = user
    return {**values, "student_id": number, "grade": row.text("grade")}


def _existing(session: Session, numbers: list[str]) -> dict[str, Student]:
    keys = sorted({search_key(number) for number in numbers if number})
    found = (session.scalars(select(Student).where(Student.id_key.in_(part))) for part in batches(keys))
    return {student.id_key: student for students in found for student in students}
