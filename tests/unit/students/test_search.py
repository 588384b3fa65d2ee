"""Lists and prefix search of students and devices, page by page."""

from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.students.search import DeviceFilter, StudentFilter, count_devices, count_students, find_devices, find_students
from request_tracker_utils.students.visibility import EVERYBODY
from tests.services.school import School
from tests.services.tables import check_all


def found(wanted: StudentFilter, size: int = 100) -> list[str]:
    """The numbers on all pages, each read behind the cursor of the page before. Pages read by offset have the same rows."""
    ids: list[str] = []
    with reading() as session:
        after = None
        while True:
            page = find_students(session, wanted, EVERYBODY, size=size, after=after)
            by_offset = find_students(session, wanted, EVERYBODY, size=size, offset=len(ids))
            assert [each.id for each in by_offset.rows] == [each.id for each in page.rows]
            ids += [student.student_id for student in page.rows]
            after = page.next_cursor
            if after is None:
                break
        assert count_students(session, wanted, EVERYBODY) == len(ids)
    return ids


def test_lists_are_ordered_by_name_for_every_page_size(school: School) -> None:
    school.students(13)
    every = found(StudentFilter())
    assert len(every) == len(set(every)) == 13
    assert every == found(StudentFilter(), size=1) == found(StudentFilter(), size=5)
    assert every == found(StudentFilter(sort="-name"), size=4)[::-1]


def test_search_matches_prefixes_of_names_and_numbers(school: School) -> None:
    def check(text: str, numbers: list[str]) -> None:
        assert sorted(found(StudentFilter(text=text), size=2)) == numbers

    school.student("1", "Grace", "Hopper")
    school.student("2", "Greta", "Müller")
    school.student("3", "Anna", "van der Berg")
    school.student("0042", "José", "Ångström")
    check_all(
        [
            ("hop", ["1"]),
            ("HOPPER grace", ["1"]),
            ("grace hop", ["1"]),
            ("hopper, gr", ["1"]),
            ("gr", ["1", "2"]),
            ("van der b", ["3"]),
            ("muller", ["2"]),
            ("MÜLLER", ["2"]),
            ("00", ["0042"]),
            ("0042", ["0042"]),
            ("42", []),
            ("opper", []),
            ("%", []),
            ("' OR 1=1", []),
            ("  ", ["0042", "1", "2", "3"]),
        ],
        check,
    )


def test_students_with_the_same_name_are_all_found_once(school: School) -> None:
    for number in range(5):
        school.student(f"S{number}", "Sam", "Sam")
    assert sorted(found(StudentFilter(text="sam"), size=2)) == [f"S{number}" for number in range(5)]


def test_grade_and_status_filter_students(school: School) -> None:
    def check(wanted: StudentFilter, numbers: list[str]) -> None:
        assert sorted(found(wanted, size=2)) == numbers

    for number, grade in enumerate(["PK", "K", "9", "10", "Transition", "", "9"]):
        school.student(str(number), grade=grade)
    school.device()
    school.assign("W12-0001", "2")
    check_all(
        [
            (StudentFilter(grades=("9",)), ["2", "6"]),
            (StudentFilter(grades=("09", "pk", "transition ")), ["0", "2", "6"]),
            (StudentFilter(grades=("Transition", "10")), ["3", "4"]),
            (StudentFilter(grades=("",)), ["5"]),
            (StudentFilter(grades=("9",), status="assigned"), ["2"]),
            (StudentFilter(grades=("9", "10"), status="pending"), ["3", "6"]),
            (StudentFilter(status="active", text="hopp"), ["0", "1", "2", "3", "4", "5", "6"]),
        ],
        check,
    )
    assert found(StudentFilter(grades=("9", "10"), status="pending"), size=1) == ["3", "6"]
    assert found(StudentFilter(sort="grade")) == ["0", "1", "2", "6", "3", "4", "5"]


def test_unknown_status_sort_and_grade_are_refused(school: School) -> None:
    def refused(wanted: StudentFilter) -> None:
        try:
            with reading() as session:
                find_students(session, wanted, EVERYBODY, size=1)
        except Invalid:
            return
        raise AssertionError("accepted")

    check_all([StudentFilter(status="nobody"), StudentFilter(sort="shoe size"), StudentFilter(grades=("99",))], refused)


def test_devices_are_found_by_prefix_of_tag_digits_and_serial_number(school: School) -> None:
    def check(text: str, tags: list[str]) -> None:
        wanted = DeviceFilter(text=text)
        with reading() as session:
            assert sorted(device.asset_tag for device in find_devices(session, wanted, prefix="W12-", size=50).rows) == tags
            assert count_devices(session, wanted, prefix="W12-") == len(tags)

    school.devices(2)
    school.device("W12-1001", serial_number="1SERIAL")
    check_all(
        [
            ("w12-000", ["W12-0001", "W12-0002"]),
            ("1", ["W12-0001", "W12-1001"]),
            ("sn0000", ["W12-0001", "W12-0002"]),
            ("SN00001", ["W12-0001"]),
        ],
        check,
    )
    with reading() as session:
        assert count_devices(session, DeviceFilter(status="available"), prefix="W12-") == 3
