"""Lists of devices imported: registered, changed, and assigned through the same door as at the counter."""

from sqlalchemy import func, select

from request_tracker_utils.core.db import reading
from request_tracker_utils.students.models import Device
from tests.services.rosters import bring, check, csv, told
from tests.services.school import School

HEAD = "Asset Tag,Serial Number,Model,Status,School,Condition,Assigned To"


def devices(*lines: str) -> bytes:
    return csv(*lines, head=HEAD)


def count() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Device)) or 0


class TestAList:
    def test_registers_devices(self, school: School) -> None:
        found = bring(devices("W12-0001,SN1,Chromebook 3100,available,North High,good,", "W12-0002,,iPad,,,,"), "devices")
        assert (found.new, found.handed, found.bad) == (2, 0, 0)
        one, two = school.device_now("W12-0001"), school.device_now("W12-0002")
        assert (one.serial_number, one.serial_key, one.model, one.status, one.building) == (
            "SN1",
            "sn1",
            "Chromebook 3100",
            "available",
            "North High",
        )
        assert (two.serial_number, two.serial_key, two.condition, two.accessories, two.rt_attempts) == (None, None, "good", [], 0)
        assert school.miscounted() == []

    def test_changes_only_what_it_has_columns_for_and_repeats_without_a_change(self, school: School) -> None:
        school.device("W12-0001", serial_number="SN1")
        data = csv("w12-0001,Chromebook 3400", head="Asset Tag,Model")
        assert bring(data, "devices").changed == 1
        assert (school.device_now("W12-0001").model, school.device_now("W12-0001").serial_number) == ("Chromebook 3400", "SN1")
        assert bring(data, "devices").unchanged == 1

    def test_assigns_devices_with_an_entry_in_the_record(self, school: School) -> None:
        school.students(2)
        school.device("W12-0001")
        data = csv("W12-0001,1001", "W12-0002,1002", head="Asset Tag,Assigned To")
        looked = check(data, "devices")
        assert (looked.new, looked.handed, looked.bad, looked.unchanged) == (1, 2, 0, 0)
        assert (count(), school.log(), school.miscounted()) == (1, [], [])
        found = bring(data, "devices")
        assert (found.new, found.handed, found.bad) == (1, 2, 0)
        assert [(log.asset_tag, log.student_id, log.action, log.notes, log.actor) for log in school.log()] == [
            ("W12-0001", "1001", "check_in", "From the list list.csv", "ada"),
            ("W12-0002", "1002", "check_in", "From the list list.csv", "ada"),
        ]
        assert school.device_now("W12-0002").rt_due_at is not None
        again = bring(data, "devices")
        assert (again.new, again.handed, again.unchanged, len(school.log())) == (0, 0, 2, 2)
        assert school.miscounted() == []

    def test_takes_no_device_back_where_it_names_nobody(self, school: School) -> None:
        school.student()
        school.device("W12-0001")
        school.assign("W12-0001", "1001")
        found = bring(devices("W12-0001,,Chromebook 3100,,,,"), "devices")
        assert (found.unchanged, school.device_now("W12-0001").current_student_id) == (1, "1001")

    def test_takes_devices_out_of_service_and_back_into_it(self, school: School) -> None:
        school.device("W12-0001")
        bring(csv("W12-0001,retired", "W12-0002,in maintenance", head="Tag,Status"), "devices")
        assert [school.device_now(tag).status for tag in ("W12-0001", "W12-0002")] == ["retired", "maintenance"]
        bring(csv("W12-0001,Available", head="Tag,Status"), "devices")
        assert school.device_now("W12-0001").status == "available"
        assert [log.action for log in school.log()] == ["maintenance", "maintenance", "repair"]
        assert school.miscounted() == []


class TestProblems:
    def test_are_what_stands_against_an_assignment(self, school: School) -> None:
        school.students(2)
        school.student("1009", is_active=False)
        with school.writing() as session:
            session.get_one(type(school.student_now("1009")), 3).is_active = False
        school.devices(4)
        school.assign("W12-0001", "1001")
        data = csv(
            "W12-0001,,1002",
            "W12-0002,retired,",
            "W12-0003,,1009",
            "W12-0004,,nobody",
            "W12-0005,checked_out,",
            "W12-0006,retired,1002",
            "W12-0007,lost,",
            head="Asset Tag,Status,Assigned To",
        )
        expected = [
            (2, "W12-0001 is assigned to Grace Hopper (1001, grade 9). Return it first."),
            (4, "Grace Hopper (1009) is inactive. Reactivate the student first."),
            (5, "No student has the number nobody. Check the number, or add the student."),
            (6, "It is to be assigned, but the list does not say to whom."),
            (7, "A device that is assigned cannot be retired. Leave one of both empty."),
            (8, "There is no status “lost”. Write available, assigned, maintenance or retired."),
        ]
        assert told(check(data, "devices")) == expected
        assert told(bring(data, "devices")) == expected
        assert (school.device_now("W12-0001").current_student_id, school.device_now("W12-0002").status) == ("1001", "retired")
        assert school.miscounted() == []

    def test_are_retired_devices_that_are_to_be_given_out(self, school: School) -> None:
        school.student()
        bring(csv("W12-0001,retired", head="Tag,Status"), "devices")
        assert "is retired" in told(bring(csv("W12-0001,1001", head="Tag,Assigned To"), "devices"))[0][1]

    def test_are_devices_with_the_same_tag_and_tags_that_are_none(self, school: School) -> None:
        found = bring(csv("W12-1,x", "w12-1,y", "a/b,z", f"{'W' * 300},z", head="Tag,Model"), "devices")
        assert [line for line, _ in told(found)] == [3, 4, 5]
        assert count() == 1
