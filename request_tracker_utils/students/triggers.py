"""Triggers: device logs are append-only, students have a device count, and `student_tallies` counts students and devices, see
`core.tallies`."""

from typing import Any

from sqlalchemy import MetaData, text

from request_tracker_utils.core.tallies import postgresql_steps, sqlite_step

TALLIES = "student_tallies"
_STATUS = (
    "CASE WHEN {row}is_active THEN CASE WHEN {row}device_count > 0 THEN 'assigned' ELSE 'pending' END "
    "ELSE CASE WHEN {row}device_count > 0 THEN 'holding' ELSE 'inactive' END END"
)
_OLD, _NEW = _STATUS.format(row="OLD."), _STATUS.format(row="NEW.")


def _sqlite_count(subject: str, grade: str, status: str, step: int) -> str:
    return sqlite_step(TALLIES, {"subject": f"'{subject}'", "grade": grade, "status": status}, step)


def _sqlite_student(row: str, step: int) -> str:
    return _sqlite_count("students", f"coalesce({row}.grade, '')", {"OLD": _OLD, "NEW": _NEW}[row], step)


def _sqlite_device(row: str, step: int) -> str:
    return (
        _sqlite_count("devices", "''", f"{row}.status", step)
        + f" UPDATE students SET device_count = device_count + {step} WHERE student_id = {row}.current_student_id;"
    )


SQLITE = [
    *(
        f"CREATE TRIGGER device_logs_no_{verb.lower()} BEFORE {verb} ON device_logs "
        "BEGIN SELECT RAISE(ABORT, 'the record of devices only grows'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    f"CREATE TRIGGER students_counted_in AFTER INSERT ON students BEGIN {_sqlite_student('NEW', 1)} END",
    f"CREATE TRIGGER students_counted_out AFTER DELETE ON students BEGIN {_sqlite_student('OLD', -1)} END",
    "CREATE TRIGGER students_counted_anew AFTER UPDATE OF grade, is_active, device_count ON students "
    f"WHEN OLD.grade IS NOT NEW.grade OR {_OLD} <> {_NEW} BEGIN {_sqlite_student('OLD', -1)} {_sqlite_student('NEW', 1)} END",
    f"CREATE TRIGGER device_info_counted_in AFTER INSERT ON device_info BEGIN {_sqlite_device('NEW', 1)} END",
    f"CREATE TRIGGER device_info_counted_out AFTER DELETE ON device_info BEGIN {_sqlite_device('OLD', -1)} END",
    "CREATE TRIGGER device_info_counted_anew AFTER UPDATE OF status, current_student_id ON device_info "
    "WHEN OLD.status <> NEW.status OR OLD.current_student_id IS NOT NEW.current_student_id "
    f"BEGIN {_sqlite_device('OLD', -1)} {_sqlite_device('NEW', 1)} END",
]

_CHANGES = {
    "INSERT": ("NEW TABLE AS new_rows", [("new_rows", 1)]),
    "DELETE": ("OLD TABLE AS old_rows", [("old_rows", -1)]),
    "UPDATE": ("OLD TABLE AS old_rows NEW TABLE AS new_rows", [("old_rows", -1), ("new_rows", 1)]),
}
"""Event → transition tables, and the sign of their rows. Per statement, not per row: an import of thousands of rows counts once."""


def _postgresql(table: str, subject: str, grade: str, status: str, *, students_of: str = "") -> list[str]:
    statements = []
    for verb, (tables, counted) in _CHANGES.items():
        rows = " UNION ALL ".join(f"SELECT {grade} AS grade, {status} AS status, {step} AS step FROM {rows}" for rows, step in counted)
        held = " UNION ALL ".join(f"SELECT current_student_id AS held_by, {step} AS step FROM {rows}" for rows, step in counted)
        of_students = (
            "UPDATE students SET device_count = device_count + change.steps FROM "
            f"(SELECT held_by, sum(step) AS steps FROM ({held}) AS holders WHERE held_by IS NOT NULL "
            "GROUP BY held_by HAVING sum(step) <> 0) AS change WHERE students.student_id = change.held_by;"
        )
        name = f"{table}_counted_{verb.lower()}"
        counts = postgresql_steps(TALLIES, {"subject": f"'{subject}'"}, ("grade", "status"), rows)
        statements += [
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"{counts}"
            f"{of_students if students_of else ''} RETURN NULL; END $$",
            f"CREATE TRIGGER {name} AFTER {verb} ON {table} REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
        ]
    return statements


POSTGRESQL = [
    "CREATE FUNCTION device_logs_only_grow() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the record of devices only grows'; END $$",
    "CREATE TRIGGER device_logs_only_grow BEFORE UPDATE OR DELETE ON device_logs FOR EACH ROW EXECUTE FUNCTION device_logs_only_grow()",
    *_postgresql("students", "students", "coalesce(grade, '')", _STATUS.format(row="")),
    *_postgresql("device_info", "devices", "''::varchar", "status", students_of="device_info"),
]


def create(_metadata: MetaData, connection: Any, **_: Any) -> None:
    """Creates the triggers after all tables exist."""
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[connection.dialect.name]:
        connection.execute(text(statement))
