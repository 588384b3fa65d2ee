"""Lists of students imported: what they change, what stands against them, and that nothing goes wrong half-way."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.rosters import importing, rollover, service
from request_tracker_utils.rosters.errors import ColumnUnfit, RosterBusy, RosterNotFound, RosterUnchecked
from request_tracker_utils.rosters.findings import of_report
from request_tracker_utils.rosters.importing import Import
from request_tracker_utils.rosters.list_types import sheet_of
from request_tracker_utils.rosters.models import Roster, RosterPart, RosterState
from request_tracker_utils.students.models import Student
from request_tracker_utils.tasks.models import Task, TaskState
from tests.services.rosters import ALAN, GRACE, bring, check, csv, found, keep, run, told
from tests.services.school import ADA, NOW, School

COLUMNS = {"student_id": 0, "first_name": 1, "last_name": 2, "grade": 3}


def count() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Student)) or 0


def counted(findings: Any) -> tuple[int, int, int, int]:
    return findings.new, findings.changed, findings.unchanged, findings.bad


class TestAList:
    def test_enters_students(self, school: School) -> None:
        assert counted(bring(csv(GRACE, ALAN))) == (2, 0, 0, 0)
        grace = school.student_now("1001")
        assert (grace.name, grace.grade, grace.grade_rank, grace.homeroom, grace.building, grace.email) == (
            "Grace Hopper",
            "9",
            9,
            "H1",
            "North High",
            "grace@example.org",
        )
        assert (grace.is_active, grace.device_count, grace.last_key) == (True, 0, "hopper")
        assert abs((utc_now() - grace.created_at).total_seconds()) < 60
        assert school.miscounted() == []

    def test_changes_those_who_are_there_in_what_it_has_columns_for(self, school: School) -> None:
        school.student("1001", homeroom="H9", building="South High", rt_user="ghopper")
        assert counted(bring(csv("1001,10", head="Student ID,Grade"))) == (0, 1, 0, 0)
        grace = school.student_now("1001")
        assert (grace.grade, grace.grade_rank, grace.homeroom, grace.building, grace.rt_user) == ("10", 10, "H9", "South High", "ghopper")
        assert school.miscounted() == []

    def test_imported_again_changes_nothing(self, school: School) -> None:
        bring(csv(GRACE, ALAN))
        before = school.student_now("1001").updated_at
        assert counted(bring(csv(GRACE, ALAN))) == (0, 0, 2, 0)
        assert school.student_now("1001").updated_at == before

    def test_says_before_what_it_would_change_and_changes_nothing(self, school: School) -> None:
        school.student("1001", grade="8", homeroom="H1", building="North High", email="grace@example.org")
        looked = check(csv(GRACE, ALAN))
        assert counted(looked) == (1, 1, 0, 0)
        assert [(each.name, each.line, each.changes) for each in looked.examples["changed"]] == [
            ("1001 Grace Hopper", 2, [("grade", "8", "9")])
        ]
        assert looked.examples["new"][0].name == "1002 Alan Turing"
        assert (count(), school.student_now("1001").grade) == (1, "8")

    def test_keeps_identifiers_as_they_are_written(self, school: School) -> None:
        bring(csv("0007,James,Bond,,,,", "Ж 12,Юрий,Гагарин,PK,,,"))
        assert school.student_now("0007").student_id == "0007"
        assert (school.student_now("ж 12").student_id, school.student_now("ж 12").grade) == ("Ж 12", "PK")

    def test_finds_a_student_whatever_the_capitals_of_the_number(self, school: School) -> None:
        school.student("AB-1", grade="9")
        assert counted(bring(csv("ab-1,10", head="Student ID,Grade"))) == (0, 1, 0, 0)
        assert (school.student_now("AB-1").student_id, school.student_now("AB-1").grade, count()) == ("AB-1", "10", 1)

    def test_may_hold_two_students_of_the_same_name(self, school: School) -> None:
        assert counted(bring(csv("1,Ada,Lovelace,9,,,", "2,Ada,Lovelace,9,,,"))) == (2, 0, 0, 0)
        assert school.miscounted() == []

    def test_makes_students_active_and_inactive_where_it_says_so(self, school: School) -> None:
        school.students(2)
        assert counted(bring(csv("1001,no", "1002,yes", "1003,perhaps", head="Student ID,Active"))) == (0, 1, 1, 1)
        assert (school.student_now("1001").is_active, school.student_now("1002").is_active) == (False, True)
        assert school.miscounted() == []

    def test_forgets_the_turn_of_the_year_where_it_gives_another_grade(self, school: School) -> None:
        school.students(2, grade="9")
        with school.writing() as session:
            rollover.turn(session, "2026/27", "12", actor=ADA, now=NOW)
        bring(csv("1001,9,H5", "1002,10,H5", head="Student ID,Grade,Homeroom"))
        changed, kept = school.student_now("1001"), school.student_now("1002")
        assert (changed.grade, changed.school_year_id, changed.grade_before) == ("9", None, None)
        assert (kept.grade, kept.grade_before, kept.homeroom) == ("10", "9", "H5")

    @pytest.mark.parametrize(("head", "value"), [("RT User", "ghopper"), ("Email", "grace@example.org")])
    def test_has_the_directory_told_who_has_a_device_that_knows_the_student_by_another_name(
        self, school: School, head: str, value: str
    ) -> None:
        school.student("1001")
        school.device("W12-0001")
        school.assign("W12-0001", "1001")
        with school.writing() as session:
            session.get_one(type(school.device_now("W12-0001")), 1).rt_due_at = None
        bring(csv("1001,12", head="Student ID,Homeroom"))
        assert school.device_now("W12-0001").rt_due_at is None
        bring(csv(f"1001,{value}", head=f"Student ID,{head}"))
        assert school.device_now("W12-0001").rt_due_at is not None


class TestProblems:
    def test_are_all_told_at_once_by_line(self, school: School) -> None:
        looked = bring(
            csv(
                GRACE,
                "1002,,Turing,14,,,",
                f"{'7' * 300},Ada,Lovelace,9,,,",
                "a/b,Ada,Lovelace,9,,,",
                ",Ada,Lovelace,9,,,",
                "1001,Grace,Hopper,9,,,",
                "1005,Ada,Lovelace,13,,,nobody",
            )
        )
        assert counted(looked) == (1, 0, 0, 6)
        assert told(looked) == [
            (3, "The first name is missing."),
            (3, "14 is not a grade. Enter PK, K, or a number from 1 to 13."),
            (4, "The student number is longer than 50 characters."),
            (5, "The student number a/b contains a slash. Remove it."),
            (6, "The student number is missing."),
            (7, "1001 stands in line 2 already."),
            (8, "nobody is not an email address."),
        ]
        assert count() == 1

    def test_keep_nobody_else_out(self, school: School) -> None:
        bring(csv("1,,X,9,,,", GRACE))
        assert school.student_now("1001").name == "Grace Hopper"

    def test_are_what_a_new_student_lacks(self, school: School) -> None:
        looked = check(csv("1001,9", head="Student ID,Grade"))
        assert told(looked) == [(2, "The first name is missing."), (2, "The last name is missing.")]

    def test_are_kept_to_a_thousand_and_counted(self, school: School) -> None:
        looked = check(csv(*(f"{number},,L,9,,," for number in range(1_200))))
        assert (looked.bad, looked.problem_count, len(looked.problems)) == (1_200, 1_200, 1_000)

    def test_are_found_over_many_chunks(self, school: School, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importing, "CHUNK", 2)
        looked = check(csv(*(f"{number},A,B,9,,," for number in [1, 2, 3, 4, 5, 1, 6, 3])))
        assert told(looked) == [(7, "1 stands in line 2 already."), (9, "3 stands in line 4 already.")]

    def test_break_the_list_off_where_it_cannot_be_read(self, school: School) -> None:
        roster = keep(csv(*(f"{number},A,B,9,,," for number in range(10)), '11,"A,B,9,,,', "12,A,B,9,,,"))
        run(service.start_check, roster.id)
        assert "line 12" in found(roster.id).broken
        with transaction() as session, pytest.raises(RosterUnchecked, match="cannot be read"):
            service.start_import(session, roster.id, actor=ADA, now=NOW)
        assert count() == 0


class TestWhoIsMissing:
    def test_becomes_inactive_when_asked(self, school: School) -> None:
        school.students(4)
        school.device("W12-0001")
        school.assign("W12-0001", "1003")
        data = csv("1001,Grace,Hopper,9,,,", "1002,Alan,Turing,9,,,")
        looked = check(data, deactivate_missing=True)
        assert (looked.deactivated, looked.examples["deactivated"][0].name) == (2, "1003 Ada Lovelace")
        assert school.student_now("1003").is_active
        assert bring(data, deactivate_missing=True).deactivated == 2
        assert [school.student_now(str(number)).is_active for number in range(1001, 1005)] == [True, True, False, False]
        assert (school.device_now("W12-0001").current_student_id, school.miscounted()) == ("1003", [])
        assert bring(data, deactivate_missing=True).deactivated == 0

    def test_stays_when_nobody_asks(self, school: School) -> None:
        school.students(2)
        assert bring(csv("1001,Grace,Hopper,9,,,")).deactivated == 0
        assert school.student_now("1002").is_active

    def test_and_who_is_there_again_is_active_again(self, school: School) -> None:
        school.student("1001")
        bring(csv("9999,A,B,9,,,"), deactivate_missing=True)
        assert not school.student_now("1001").is_active
        bring(csv("1001,Grace,Hopper,9,,,"), deactivate_missing=True)
        assert school.student_now("1001").is_active

    def test_is_whoever_has_no_row_and_not_who_has_a_wrong_one(self, school: School) -> None:
        school.student("1001")
        assert bring(csv("1001,,Hopper,9,,,", "2,A,B,9,,,"), deactivate_missing=True).deactivated == 0
        assert school.student_now("1001").is_active

    def test_is_not_known_while_a_row_has_no_number(self, school: School) -> None:
        school.student("1001")
        looked = bring(csv(",Grace,Hopper,9,,,", "2,A,B,9,,,"), deactivate_missing=True)
        assert (looked.deactivated, "a row has no number" in looked.kept) == (0, True)
        assert school.student_now("1001").is_active


class Killed(Exception):
    """As if the process had died."""


class TestKilled:
    @pytest.mark.parametrize("after", [1, 3])
    def test_it_ends_well_when_it_is_started_again(self, school: School, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        monkeypatch.setattr(importing, "CHUNK", 4)
        school.student("3", grade="8")
        roster = keep(csv(*(f"{number},A,B,9,,," for number in range(15)), "0,A,B,9,,,", "99,,B,9,,,"))
        run(service.start_check, roster.id)
        with transaction() as session:
            task = service.start_import(session, roster.id, actor=ADA, now=NOW)
        self.die(roster, after)
        assert count() == 4 * after
        assert school.miscounted() == []
        with transaction() as session:
            session.get_one(Task, task.id).state = TaskState.CANCELLED
            session.get_one(Task, task.id).due_at = None
            session.get_one(Roster, roster.id).state = RosterState.CHECKED
        reached = self.reached(roster)
        ended = self.again(roster)
        assert reached["rows"] == 4 * after
        assert counted(ended) == (14, 1, 0, 2)
        assert told(ended) == [(17, "0 stands in line 2 already."), (18, "The first name is missing.")]
        assert (count(), school.student_now("3").grade, school.miscounted()) == (15, "9", [])

    def die(self, roster: Roster, after: int) -> None:
        chunks = 0

        def advance(_rows: int) -> None:
            nonlocal chunks
            chunks += 1
            if chunks == after:
                raise Killed

        with pytest.raises(Killed):
            self.work(roster).run(service.rows(reading, roster), advance)

    def again(self, roster: Roster) -> Any:
        work = self.work(roster)
        work.before = of_report(self.reached(roster))
        return work.run(service.rows(reading, roster), lambda _rows: None)

    def reached(self, roster: Roster) -> dict[str, int]:
        with reading() as session:
            return dict(session.get_one(Roster, roster.id).report["reached"])

    def work(self, roster: Roster) -> Import:
        return Import(
            transaction,
            reading,
            sheet_of("students"),
            roster.columns,
            ADA,
            utc_now,
            reached=lambda session, findings: service.remember(session, roster.id, findings),
        )


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
class TestOthersMeanwhile:
    """On PostgreSQL: SQLite has one writer at a time."""

    def test_who_is_entered_by_somebody_else_at_that_moment_is_changed_instead(
        self, school: School, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        compare: Callable[..., Any] = importing.planning.compare
        entered = iter([lambda: school.student("1001", grade="5")])

        def compare_then_lose(*arguments: Any) -> Any:
            plan = compare(*arguments)
            next(entered, lambda: None)()
            return plan

        roster = keep(csv(GRACE))
        run(service.start_check, roster.id)
        monkeypatch.setattr(importing.planning, "compare", compare_then_lose)
        run(service.start_import, roster.id)
        assert counted(found(roster.id)) == (0, 1, 0, 0)
        assert (school.student_now("1001").grade, count()) == ("9", 1)


class TestKeeping:
    def test_keeps_nothing_of_what_is_no_list(self, school: School) -> None:
        with pytest.raises(Exception, match="no text"):
            keep(iter([b"Student ID,First Name\n1,\x81\n", b"x"]))
        with reading() as session:
            assert session.scalar(select(func.count()).select_from(RosterPart)) == 0
            assert session.scalar(select(func.count()).select_from(Roster)) == 0

    def test_does_not_show_a_list_that_is_still_coming_in(self, school: School) -> None:
        def pieces() -> Iterator[bytes]:
            yield csv(GRACE)
            with reading() as session, pytest.raises(RosterNotFound):
                service.get(session, 1)

        assert keep(pieces()).size == len(csv(GRACE))

    def test_takes_no_columns_with_which_nobody_is_named(self, school: School) -> None:
        roster = keep(csv(GRACE))
        for columns in ({"first_name": 1}, {"student_id": 0, "first_name": 0}, {"student_id": 100}, {"student_id": 0, "nickname": 1}):
            with transaction() as session, pytest.raises(ColumnUnfit):
                service.map_columns(session, roster.id, columns, deactivate_missing=False)

    def test_is_worked_on_by_one_task_at_a_time(self, school: School) -> None:
        roster = keep(csv(GRACE))
        with transaction() as session:
            service.start_check(session, roster.id, actor=ADA, now=NOW)
        with transaction() as session, pytest.raises(RosterBusy):
            service.start_check(session, roster.id, actor=ADA, now=NOW)

    def test_is_imported_only_after_it_was_looked_through_with_these_columns(self, school: School) -> None:
        roster = keep(csv(GRACE))
        run(service.start_check, roster.id)
        with transaction() as session:
            service.map_columns(session, roster.id, COLUMNS, deactivate_missing=True)
        with transaction() as session, pytest.raises(RosterUnchecked):
            service.start_import(session, roster.id, actor=ADA, now=NOW)

    def test_ends_after_a_month(self, school: School) -> None:
        keep(csv(GRACE))
        with transaction() as session:
            assert service.put_away(session, now=NOW + service.KEPT) == 0
        with transaction() as session:
            assert service.put_away(session, now=NOW + service.KEPT * 2) == 1
