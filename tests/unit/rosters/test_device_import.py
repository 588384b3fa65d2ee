"""Imports of devices: registered, changed, and assigned as at the scan station."""

from sqlalchemy import func, select

from request_tracker_utils.core.db import reading
from request_tracker_utils.students.models import Device
from tests.services.rosters import DEVICES, csv, import_file, preview, problems
from tests.services.school import School


def count() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Device)) or 0


class TestChanges:
    def test_devices_are_registered(self, school: School) -> None:
        header = "Asset Tag,Serial Number,Model,Status,School,Condition,Assigned To"
        report = import_file(csv("W12-0001,SN1,Chromebook 3100,available,North High,good,", "W12-0002,,iPad,,,,", header=header), DEVICES)
        assert (report.new, report.followed_up, report.invalid) == (2, 0, 0)
        one, two = school.device_now("W12-0001"), school.device_now("W12-0002")
        assert (one.serial_number, one.serial_key, one.model, one.status) == ("SN1", "sn1", "Chromebook 3100", "available")
        assert one.building == "North High"
        assert (two.serial_number, two.serial_key, two.condition, two.accessories, two.rt_attempts) == (None, None, "good", [], 0)
        assert school.miscounted() == []

    def test_only_fields_with_a_column_change_and_a_second_import_changes_nothing(self, school: School) -> None:
        school.device("W12-0001", serial_number="SN1")
        data = csv("w12-0001,Chromebook 3400", header="Asset Tag,Model")
        assert import_file(data, DEVICES).changed == 1
        assert (school.device_now("W12-0001").model, school.device_now("W12-0001").serial_number) == ("Chromebook 3400", "SN1")
        assert import_file(data, DEVICES).unchanged == 1

    def test_devices_are_assigned_with_an_entry_in_their_history(self, school: School) -> None:
        school.students(2)
        school.device("W12-0001")
        data = csv("W12-0001,1001", "W12-0002,1002", header="Asset Tag,Assigned To")
        planned = preview(data, DEVICES)
        assert (planned.new, planned.followed_up, planned.invalid, planned.unchanged) == (1, 2, 0, 0)
        assert (count(), school.log(), school.miscounted()) == (1, [], [])
        report = import_file(data, DEVICES)
        assert (report.new, report.followed_up, report.invalid) == (1, 2, 0)
        assert [(log.asset_tag, log.student_id, log.action, log.notes, log.actor) for log in school.log()] == [
            ("W12-0001", "1001", "check_in", "From import 1", "ada"),
            ("W12-0002", "1002", "check_in", "From import 1", "ada"),
        ]
        assert school.device_now("W12-0002").rt_due_at is not None
        again = import_file(data, DEVICES)
        assert (again.new, again.followed_up, again.unchanged, len(school.log())) == (0, 0, 2, 2)
        assert school.miscounted() == []

    def test_an_empty_student_does_not_return_the_device(self, school: School) -> None:
        school.student()
        school.device("W12-0001")
        school.assign("W12-0001", "1001")
        report = import_file(csv("W12-0001,Chromebook 3100,", header="Asset Tag,Model,Assigned To"), DEVICES)
        assert (report.unchanged, school.device_now("W12-0001").current_student_id) == (1, "1001")

    def test_a_status_takes_devices_out_of_service_and_back(self, school: School) -> None:
        school.device("W12-0001")
        import_file(csv("W12-0001,retired", "W12-0002,in maintenance", header="Tag,Status"), DEVICES)
        assert [school.device_now(tag).status for tag in ("W12-0001", "W12-0002")] == ["retired", "maintenance"]
        import_file(csv("W12-0001,Available", header="Tag,Status"), DEVICES)
        assert school.device_now("W12-0001").status == "available"
        assert [log.action for log in school.log()] == ["maintenance", "maintenance", "repair"]
        assert school.miscounted() == []


class TestProblems:
    def test_assignments_that_are_not_possible_are_reported_by_the_preview_too(self, school: School) -> None:
        school.students(2)
        school.student("1009")
        with school.writing() as session:
            session.get_one(type(school.student_now("1009")), 3).is_active = False
        school.devices(4)
        school.assign("W12-0001", "1001")
        import_file(csv("W12-0009,retired", header="Tag,Status"), DEVICES)
        data = csv(
            "W12-0001,,1002",
            "W12-0002,retired,",
            "W12-0003,,1009",
            "W12-0004,,nobody",
            "W12-0005,checked_out,",
            "W12-0006,retired,1002",
            "W12-0007,lost,",
            "W12-0009,,1002",
            header="Asset Tag,Status,Assigned To",
        )
        planned = preview(data, DEVICES)
        assert [line for line, _ in problems(planned)] == [2, 4, 5, 6, 7, 8, 9]
        by_line = dict(problems(planned))
        assert "1001" in by_line[2]
        assert "1009" in by_line[4]
        assert "nobody" in by_line[5]
        assert by_line[6] == "The status is assigned, but the student number is missing."
        assert by_line[7] == "An assigned device cannot have the status retired. Leave the status or the student empty."
        assert by_line[8] == "The status “lost” does not exist. Use available, assigned, maintenance or retired."
        assert "retired" in by_line[9]
        assert problems(import_file(data, DEVICES)) == problems(planned)
        assert (school.device_now("W12-0001").current_student_id, school.device_now("W12-0002").status) == ("1001", "retired")
        assert school.miscounted() == []

    def test_duplicate_and_invalid_tags_are_reported(self, school: School) -> None:
        report = import_file(csv("W12-1,x", "w12-1,y", "a/b,z", f"{'W' * 300},z", header="Tag,Model"), DEVICES)
        assert [line for line, _ in problems(report)] == [3, 4, 5]
        assert count() == 1
