"""The rollover: who is promoted, who leaves school, and that it happens once and can be undone."""

import pytest
from sqlalchemy import select

from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.rosters import rollover
from request_tracker_utils.rosters.errors import RolloverExists, RolloverNotFound, RolloverNotUndoable
from request_tracker_utils.rosters.models import SchoolYear
from request_tracker_utils.students import service
from request_tracker_utils.students.models import Student
from tests.services.school import ADA, School
from tests.services.tables import check_all


def roll_over(school: School, name: str = "2026/27", last_grade: str = "12") -> SchoolYear:
    with school.writing() as session:
        return rollover.roll_over(session, name, last_grade, actor=ADA, now=school.now())


def undo(school: School, year: SchoolYear) -> None:
    with school.writing() as session:
        rollover.undo(session, year.id, actor=ADA, now=school.now())


def grades(school: School) -> dict[str, tuple[str | None, int, bool]]:
    with school.looking() as session:
        return {each.student_id: (each.grade, each.grade_rank, each.is_active) for each in session.scalars(select(Student))}


@pytest.fixture
def classes(school: School) -> School:
    """A student S0 to S8 in each of these grades."""
    for number, grade in enumerate(["PK", "K", "1", "9", "11", "12", "13", "Transition", None]):
        school.student(f"S{number}", grade=grade)
    school.device("W12-0001")
    school.device("W12-0002")
    school.assign("W12-0001", "S5")
    return school


class TestRollover:
    def test_students_are_promoted_and_those_of_the_last_grade_leave(self, classes: School) -> None:
        with classes.looking() as session:
            preview = rollover.preview(session, "12")
        assert [(step.grade, step.following, step.count) for step in preview.steps] == [
            ("PK", "K", 1),
            ("K", "1", 1),
            ("1", "2", 1),
            ("9", "10", 1),
            ("11", "12", 1),
            ("12", None, 1),
            ("13", None, 1),
            ("Transition", "Transition", 1),
            (None, None, 1),
        ]
        assert (preview.promoted, preview.leavers, preview.with_devices) == (5, 2, 1)
        year = roll_over(classes)
        assert (year.promoted, year.leavers) == (5, 2)
        assert grades(classes) == {
            "S0": ("K", 0, True),
            "S1": ("1", 1, True),
            "S2": ("2", 2, True),
            "S3": ("10", 10, True),
            "S4": ("12", 12, True),
            "S5": ("12", 12, False),
            "S6": ("13", 13, False),
            "S7": ("Transition", 50, True),
            "S8": (None, 99, True),
        }
        assert classes.miscounted() == []
        assert roll_over(classes, "2027/28").leavers == 1, "those who left before stay as they are"
        assert grades(classes)["S6"] == ("13", 13, False)

    def test_another_last_grade_can_be_chosen(self, classes: School) -> None:
        assert roll_over(classes, last_grade="9").leavers == 4

    def test_each_year_has_one_rollover(self, classes: School) -> None:
        roll_over(classes)
        before = grades(classes)
        with pytest.raises(RolloverExists):
            roll_over(classes, " 2026/27 ")
        assert grades(classes) == before

    def test_invalid_names_and_last_grades_are_refused(self, classes: School) -> None:
        def check(name: str, last_grade: str, field: str) -> None:
            with pytest.raises(Invalid) as raised:
                roll_over(classes, name, last_grade)
            assert raised.value.fields["field"].endswith(field)

        names = [(name, "12", "name") for name in ("", "  ", "x" * 21, "20\n26\x00")]
        check_all([*names, *(("2026/27", grade, "grade") for grade in ("Transition", "", "14"))], check)


class TestUndo:
    def test_grades_are_restored_and_the_name_can_be_used_again(self, classes: School) -> None:
        before = grades(classes)
        undo(classes, roll_over(classes))
        assert (grades(classes), classes.miscounted()) == (before, [])
        assert roll_over(classes).promoted == 5

    def test_a_grade_that_was_changed_since_is_not_restored(self, classes: School) -> None:
        year = roll_over(classes)
        with classes.writing() as session:
            service.change(session, service.get(session, "S3"), {"grade": "11"}, now=classes.now())
        undo(classes, year)
        assert (grades(classes)["S3"][0], grades(classes)["S2"][0]) == ("11", "1")

    def test_only_the_last_rollover_can_be_undone_and_only_once(self, classes: School) -> None:
        first, second = roll_over(classes), roll_over(classes, "2027/28")
        with pytest.raises(RolloverNotUndoable):
            undo(classes, first)
        undo(classes, second)
        for year in (first, second):
            with pytest.raises(RolloverNotUndoable):
                undo(classes, year)
        with classes.writing() as session, pytest.raises(RolloverNotFound):
            rollover.undo(session, 99, actor=ADA, now=classes.now())


class TestLeavers:
    def test_students_who_left_school_with_devices_are_listed(self, classes: School) -> None:
        roll_over(classes)
        with reading() as session:
            found = rollover.list_leavers(session, limit=10)
        assert [(each.student.student_id, [device.asset_tag for device in each.devices]) for each in found] == [("S5", ["W12-0001"])]
        classes.return_device("W12-0001")
        assert list(rollover.leaver_rows(reading)) == []

    def test_they_can_be_listed_before_the_rollover(self, classes: School) -> None:
        classes.assign("W12-0002", "S5")
        listed = list(rollover.leaver_rows(reading, rollover.leaving_grades("12")))
        assert [(row[0], row[7]) for row in listed] == [("S5", "W12-0001"), ("S5", "W12-0002")]

    def test_all_are_listed_across_chunks(self, classes: School, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rollover, "LEAVERS_CHUNK", 1)
        classes.assign("W12-0002", "S6")
        roll_over(classes)
        assert sorted(str(row[0]) for row in rollover.leaver_rows(reading)) == ["S5", "S6"]
