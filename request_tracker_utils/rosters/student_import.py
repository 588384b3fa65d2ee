"""Imports of students: which columns a file may have, and what its rows change."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, cast

from sqlalchemy import ColumnElement, Table, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading
from request_tracker_utils.core.translation import gettext as _, gettext_noop, ngettext
from request_tracker_utils.imports import bulk
from request_tracker_utils.imports.changes import Changes
from request_tracker_utils.imports.errors import ImportNotUndoable
from request_tracker_utils.imports.identifiers import spoiled_problem
from request_tracker_utils.imports.remarks import listed_values
from request_tracker_utils.imports.row_types import (
    KEY_AND_IDENTITY,
    Change,
    Chunk,
    DeactivatingRowType,
    Field,
    LinesOfKeys,
    Missing,
    Plan,
    ReadChanges,
    Values,
    Wording,
)
from request_tracker_utils.imports.table_rows import TableRowType
from request_tracker_utils.rosters.models import SchoolYear
from request_tracker_utils.students import service
from request_tracker_utils.students.errors import InvalidField
from request_tracker_utils.students.fields import FIELD_LABELS, student_fields
from request_tracker_utils.students.grades import NO_GRADE_RANK, ORDERED_GRADES
from request_tracker_utils.students.models import IS_ASSIGNED, Student

SCHOOL_ALIASES = frozenset({"school", "school name", "building", "building name", "campus", "site", "location"})
YES = {"yes", "y", "true", "1", "active", "enrolled", "a"}
NO = {"no", "n", "false", "0", "inactive", "withdrawn", "not enrolled", "i"}
SYNCED_COLUMNS = {"rt_user", "email"}
"""Columns that identify a student in Request Tracker."""
MISSING_CHUNK = 1_000


class StudentRows(TableRowType, DeactivatingRowType):
    name = "students"
    preview_task, import_task, undo_task = "check-roster", "import-roster", "undo-roster"
    table = cast(Table, Student.__table__)
    identity_column, key_column = "student_id", "id_key"
    required = ("first_name", "last_name")
    defaults: ClassVar[Mapping[str, Any]] = {
        "grade": None,
        "grade_rank": NO_GRADE_RANK,
        "is_active": True,
        "building": "",
        "homeroom": "",
        "email": "",
        "rt_user": "",
        "device_count": 0,
    }
    extra_columns = ("device_count", "school_year_id", "grade_before")
    name_columns = ("first_name", "last_name")
    text_columns = frozenset({"first_name", "last_name", "homeroom", "building"})
    usual_values: ClassVar[Mapping[str, frozenset[str | None]]] = {"grade": frozenset({*ORDERED_GRADES, None})}
    shown_columns = ("grade", "homeroom", "building")
    hidden_columns = frozenset({"first_key", "last_key", "grade_rank"})
    wording = Wording(
        import_title=gettext_noop("Import students"),
        record=gettext_noop("Student"),
        records=gettext_noop("students"),
        introduction=gettext_noop("Choose the file that you exported from your student information system. You can preview all changes."),
        help=gettext_noop(
            "To change students, only the student number is required; to add students, also the first and last name. "
            "Fields without a column are not changed."
        ),
        undo_refused=gettext_noop(
            "The import cannot be undone, because some of its students have changed since then, or have devices: %(names)s. Return the "
            "devices of new students first. Correct changed students by hand or with another import."
        ),
        deactivate=gettext_noop("Deactivate all students that are not in the file"),
        deactivate_help=gettext_noop("Students in the file become active. Inactive students keep their devices and their history."),
    )
    fields: ClassVar[Mapping[str, Field]] = {
        "student_id": Field(
            gettext_noop("Student number"),
            frozenset(
                {
                    "student id",
                    "studentid",
                    "student number",
                    "student no",
                    "student local id",
                    "local id",
                    "localid",
                    "local student id",
                    "sis id",
                    "other id",
                    "pupil id",
                    "pupil number",
                    "identifier",
                    "id",
                }
            ),
        ),
        "first_name": Field(
            gettext_noop("First name"),
            frozenset({"first name", "firstname", "first", "student first name", "given name", "givenname", "legal first name"}),
        ),
        "last_name": Field(
            gettext_noop("Last name"),
            frozenset({"last name", "lastname", "last", "student last name", "surname", "family name", "familyname", "legal last name"}),
        ),
        "grade": Field(gettext_noop("Grade"), frozenset({"grade", "grades", "grade level", "gradelevel", "current grade", "grd"})),
        "homeroom": Field(gettext_noop("Homeroom"), frozenset({"homeroom", "home room", "hr", "homeroom teacher", "advisory"})),
        "building": Field(gettext_noop("School"), SCHOOL_ALIASES),
        "email": Field(gettext_noop("Email"), frozenset({"email", "e mail", "email address", "e mail address", "student email", "mail"})),
        "rt_user": Field(
            gettext_noop("Request Tracker user"),
            frozenset({"rt user", "request tracker user", "rt username", "username", "user name"}),
        ),
        "active": Field(gettext_noop("Active"), frozenset({"active", "is active", "enrolled", "enrollment status", "student status"})),
    }

    def parse(self, values: Values, *, is_complete: bool = False) -> tuple[dict[str, Any], Any]:
        if not values.get("student_id", "").isalnum():
            check_identifiers(values, ("student_id",))
        columns = student_fields(values)
        if "active" in values:
            columns["is_active"] = _is_active(values["active"])
        elif is_complete:
            columns["is_active"] = True
        return columns, None

    def apply(self, session: Session, chunk: Chunk, plan: Plan, *, actor: Actor, now: datetime, source: str) -> Changes:
        synced = [place for place, name in enumerate(chunk.columns[KEY_AND_IDENTITY:]) if name in SYNCED_COLUMNS]
        renamed = [
            change.key
            for change in plan.changed
            if change.extra[0] and any(change.before[place] != chunk.values[change.key][KEY_AND_IDENTITY + place] for place in synced)
        ]
        if renamed:
            service.resync_students(session, renamed, now=now)  # locks devices before students, as assignments do
        return super().apply(session, chunk, plan, actor=actor, now=now, source=source)

    def dependent_columns(
        self, chunk: Chunk, changed: Sequence[Change], columns: Sequence[str]
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Undoing the rollover must not restore a grade that the file has changed."""
        if "grade" not in columns:
            return (), []
        grade = chunk.columns.index("grade")
        is_same = [change.before[grade - KEY_AND_IDENTITY] == chunk.values[change.key][grade] for change in changed]
        values = [change.extra[1:] if same else (None, None) for change, same in zip(changed, is_same, strict=True)]
        return ("school_year_id", "grade_before"), values

    def find_missing(self, reading: Reading, lines_of: LinesOfKeys, *, until: datetime) -> Iterator[list[Missing]]:
        query = select(Student.id, Student.id_key, Student.student_id, Student.first_name, Student.last_name).order_by(Student.id)
        query = query.where(Student.is_active, Student.created_at <= until).limit(MISSING_CHUNK)
        after = 0
        while True:
            with reading() as session:
                students = session.execute(query.where(Student.id > after)).all()
            if not students:
                return
            present = lines_of(student.id_key for student in students)
            missing = [Missing(id, " ".join((number, first, last))) for id, key, number, first, last in students if key not in present]
            if missing:
                yield missing
            after = students[-1].id

    def deactivate(self, session: Session, missing: Sequence[Missing], *, now: datetime) -> Changes:
        active = select(Student.id, Student.updated_at).where(Student.id.in_([student.id for student in missing]), Student.is_active)
        students = session.execute(active.order_by(Student.id).with_for_update(key_share=True)).all()
        deactivated = update(Student).where(Student.id.in_([student.id for student in students]))
        session.execute(deactivated.values(is_active=False, updated_at=now), execution_options={"synchronize_session": False})
        before = [(id, True, bulk.stored_time(session, updated_at)) for id, updated_at in students]
        return Changes(now, columns=("is_active",), changed=before)

    @property
    def is_deletable(self) -> Sequence[ColumnElement[bool]]:
        return (Student.device_count == 0,)

    def lock_for_undo(self, session: Session, read: ReadChanges, *, now: datetime) -> None:
        """Devices of students whose user in Request Tracker is restored are synced again. Raises ImportNotUndoable where a grade before
        comes from a rollover that was undone since."""
        years = set[int]()
        for changes in read():
            if "school_year_id" in changes.columns:
                place = 1 + changes.columns.index("school_year_id")
                years |= {row[place] for row in changes.changed if row[place] is not None}
            if SYNCED_COLUMNS.intersection(changes.columns):
                synced = select(Student.id_key).where(bulk.id_in(session, self.table, changes.existing), IS_ASSIGNED)
                service.resync_students(session, session.scalars(synced).all(), now=now)
        undone = session.scalar(select(SchoolYear.name).where(SchoolYear.id.in_(years), SchoolYear.undone_at.is_not(None)).limit(1))
        if undone is not None:
            raise ImportNotUndoable(
                _(
                    "The import cannot be undone, because it has changed grades after the rollover %(name)s, which has since been undone. "
                    "Correct the grades with another import.",
                    name=undone,
                )
            )
        super().lock_for_undo(session, read, now=now)

    def describe(self, identity: str, values: Mapping[str, Any]) -> str:
        return " ".join(filter(None, (identity, values.get("first_name"), values.get("last_name"))))

    def describe_unusual(self, values: Mapping[str, Sequence[int]]) -> str:
        rows = sum(count for count, _line in values.values())
        return ngettext(
            "%(count)s row has a grade that is not PK, K or a number: %(values)s. It is stored as it is, and the rollover does not promote "
            "the student.",
            "%(count)s rows have grades that are not PK, K or a number: %(values)s. They are stored as they are, and the rollover does not "
            "promote these students.",
            rows,
            count=f"{rows:,}",
            values=listed_values(values),
        )


def check_identifiers(values: Values, fields: Iterable[str]) -> None:
    """Raises InvalidField for an identifier that a spreadsheet has spoiled."""
    for field in fields:
        if (text := values.get(field, "")) and (problem := spoiled_problem(text, _(FIELD_LABELS[field]))):
            raise InvalidField(problem, field=field)


def _is_active(text: str) -> bool:
    word = text.strip().lower()
    if word not in YES and word not in NO:
        raise InvalidField(_("Active must be yes or no, not “%(text)s”.", text=text[:40]), field="active")
    return word in YES
