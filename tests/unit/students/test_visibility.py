"""Which students an actor may see, and that a school's students are found by their index."""

import pytest
from flask import Flask
from sqlalchemy import select, text

from request_tracker_utils.core.actor import REQUEST_TRACKER, Actor, of_command
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.students.models import Student
from request_tracker_utils.students.permissions import GRANTS
from request_tracker_utils.students.visibility import (
    EVERYBODY,
    NOBODY,
    ActiveStudents,
    AtSchool,
    Nobody,
    OwnRecord,
    Visibility,
    visibility_of,
)
from tests.services.tables import check_all

NORTH = {"school": "North", "homeroom": "B12"}


def test_what_an_actor_sees_follows_from_role_account_and_setting() -> None:
    def sees(role: str, account: dict[str, object], teachers_see: str, expected: Visibility) -> None:
        actor = Actor("somebody", GRANTS.get(role, frozenset()), role=role, **account)  # type: ignore[arg-type]
        assert visibility_of(actor, teachers_see) == expected

    rows = [
        *((role, {}, setting, EVERYBODY) for role in ("admin", "staff") for setting in ("none", "homeroom", "school", "all")),
        ("teacher", NORTH, "none", NOBODY),
        ("teacher", NORTH, "homeroom", AtSchool("North", "B12")),
        ("teacher", {"school": "North"}, "homeroom", Nobody("homeroom")),
        ("teacher", {"homeroom": "B12"}, "homeroom", Nobody("homeroom")),
        ("teacher", NORTH, "school", AtSchool("North")),
        ("teacher", {"homeroom": "B12"}, "school", Nobody("school")),
        ("teacher", {}, "all", ActiveStudents()),
        # RT_PRIVILEGED_ROLE=teacher, without an account and so without a school
        ("teacher", {"user_id": None}, "none", NOBODY),
        *(("teacher", {"user_id": None}, setting, Nobody(setting)) for setting in ("homeroom", "school")),
        ("student", {"student_id": 7}, "all", OwnRecord(7)),
        ("student", {}, "all", NOBODY),
        ("user", {"student_id": 7, **NORTH}, "all", NOBODY),
        ("", {}, "all", NOBODY),
    ]
    check_all(rows, sees)


def test_without_permissions_nobody_is_seen() -> None:
    assert [visibility_of(actor, "all") for actor in (REQUEST_TRACKER, of_command())] == [NOBODY, NOBODY]


@pytest.mark.both_databases
def test_a_page_of_a_schools_students_reads_the_index_of_schools(app: Flask) -> None:
    query = select(Student.id).where(*AtSchool("North").conditions()).order_by(Student.last_key, Student.first_key, Student.id).limit(50)
    with app.app_context():
        with transaction() as session:  # enough rows for an index to be worth it
            session.execute(text(MANY))
            session.execute(text("ANALYZE students"))
        with reading() as session:
            sqlite = session.get_bind().dialect.name == "sqlite"
            statement = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            plan = "\n".join(map(str, session.execute(text(f"EXPLAIN {'QUERY PLAN' if sqlite else ''} {statement}"))))
    assert "ix_students_school" in plan
    assert "TEMP B-TREE" not in plan


MANY = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
INSERT INTO students (student_id, id_key, first_name, last_name, first_key, last_key, grade_rank, is_active, building, homeroom, email,
    rt_user, device_count, created_at, updated_at)
SELECT 'S' || i, 's' || i, 'F' || i, 'L' || i, 'f' || i, 'l' || i, 9, true,
    CASE WHEN i % 50 = 0 THEN 'North' ELSE 'School ' || i % 49 END, '', '', '', 0, '2026-01-01 00:00:00', '2026-01-01 00:00:00' FROM n"""
