"""The turn of the school year: who goes up, who leaves, that it happens once, and that it can be taken back."""

import pytest
from sqlalchemy import select

from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.rosters import leavers, rollover
from request_tracker_utils.rosters.errors import YearNotFound, YearNotLast, YearTaken
from request_tracker_utils.rosters.models import SchoolYear
from request_tracker_utils.students import service
from request_tracker_utils.students.errors import InvalidField
from request_tracker_utils.students.models import Student
from tests.services.school import ADA, School


def turn(school: School, name: str = "2026/27", last_grade: str = "12") -> SchoolYear:
    with school.writing() as session:
        return rollover.turn(session, name, last_grade, actor=ADA, now=school.now())


def take_back(school: School, year: SchoolYear) -> None:
    with school.writing() as session:
        rollover.take_back(session, year.id, actor=ADA, now=school.now())


def grades(school: School) -> dict[str, tuple[str | None, int, bool]]:
    with school.looking() as session:
        return {each.student_id: (each.grade, each.grade_rank, each.is_active) for each in session.scalars(select(Student))}


@pytest.fixture
def classes(school: School) -> School:
    for number, grade in enumerate(["PK", "K", "1", "9", "11", "12", "13", "Transition", None]):
        school.student(f"S{number}", grade=grade)
    school.device("W12-0001")
    school.device("W12-0002")
    school.assign("W12-0001", "S5")
    return school


class TestATurn:
    def test_has_everybody_go_up_and_those_of_the_last_grade_leave(self, classes: School) -> None:
        year = turn(classes)
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

    def test_leaves_those_alone_who_left_before(self, classes: School) -> None:
        turn(classes)
        assert (turn(classes, "2027/28").leavers, grades(classes)["S6"]) == (1, ("13", 13, False))

    def test_may_end_at_another_grade(self, classes: School) -> None:
        assert turn(classes, last_grade="9").leavers == 4

    def test_happens_once_a_year(self, classes: School) -> None:
        turn(classes)
        before = grades(classes)
        with pytest.raises(YearTaken):
            turn(classes, " 2026/27 ")
        assert grades(classes) == before

    @pytest.mark.parametrize("name", ["", "  ", "x" * 21, "20\n26\x00"])
    def test_has_a_name(self, classes: School, name: str) -> None:
        with pytest.raises(Invalid):
            turn(classes, name)

    @pytest.mark.parametrize("grade", ["Transition", "", "14"])
    def test_ends_at_a_grade_that_has_an_order(self, classes: School, grade: str) -> None:
        with pytest.raises((Invalid, InvalidField)):
            turn(classes, last_grade=grade)

    def test_is_seen_before(self, classes: School) -> None:
        with classes.looking() as session:
            seen = rollover.preview(session, "12")
        assert [(step.grade, step.following, step.count) for step in seen.steps] == [
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
        assert (seen.promoted, seen.leavers, seen.holding) == (5, 2, 1)


class TestTakenBack:
    def test_gives_everybody_the_grade_from_before(self, classes: School) -> None:
        before = grades(classes)
        take_back(classes, turn(classes))
        assert grades(classes) == before
        assert classes.miscounted() == []

    def test_frees_the_name(self, classes: School) -> None:
        take_back(classes, turn(classes))
        assert turn(classes).promoted == 5

    def test_leaves_a_grade_alone_that_was_given_since(self, classes: School) -> None:
        year = turn(classes)
        with classes.writing() as session:
            service.change(session, service.get(session, "S3"), {"grade": "11"}, now=classes.now())
        take_back(classes, year)
        assert (grades(classes)["S3"][0], grades(classes)["S2"][0]) == ("11", "1")

    def test_is_only_the_last_turn_and_once(self, classes: School) -> None:
        first, second = turn(classes), turn(classes, "2027/28")
        with pytest.raises(YearNotLast):
            take_back(classes, first)
        take_back(classes, second)
        for year in (first, second):
            with pytest.raises(YearNotLast):
                take_back(classes, year)

    def test_is_a_turn_that_there_was(self, classes: School) -> None:
        with classes.writing() as session, pytest.raises(YearNotFound):
            rollover.take_back(session, 99, actor=ADA, now=classes.now())


class TestLeavers:
    def test_are_those_who_left_and_still_have_something(self, classes: School) -> None:
        turn(classes)
        with reading() as session:
            found = leavers.some(session, limit=10)
        assert [(each.student.student_id, [device.asset_tag for device in each.devices]) for each in found] == [("S5", ["W12-0001"])]
        classes.return_device("W12-0001")
        assert list(leavers.rows(reading)) == []

    def test_are_told_before_they_leave(self, classes: School) -> None:
        classes.assign("W12-0002", "S5")
        told = list(leavers.rows(reading, rollover.leaving_grades("12")))
        assert [(row[0], row[7]) for row in told] == [("S5", "W12-0001"), ("S5", "W12-0002")]

    def test_are_all_there_over_many_chunks(self, classes: School, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(leavers, "CHUNK", 1)
        classes.assign("W12-0002", "S6")
        turn(classes)
        assert sorted(row[0] for row in leavers.rows(reading)) == ["S5", "S6"]  # type: ignore[type-var]
