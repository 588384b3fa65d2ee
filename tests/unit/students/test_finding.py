"""Finding students and devices."""

import pytest

from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.students.finding import DevicesWanted, StudentsWanted, count_devices, count_students, find_devices, find_students
from tests.services.school import School


def found(wanted: StudentsWanted, size: int = 100) -> list[str]:
    """All pages one after the other, each begun where the one before ended; the same as those that are begun by counting."""
    ids: list[str] = []
    with reading() as session:
        after = None
        while True:
            page = find_students(session, wanted, size=size, after=after)
            jumped = find_students(session, wanted, size=size, offset=len(ids))
            assert [each.id for each in jumped.rows] == [each.id for each in page.rows]
            ids += [student.student_id for student in page.rows]
            after = page.following
            if after is None:
                break
        assert count_students(session, wanted) == len(ids)
    return ids


def test_a_list_is_in_the_order_of_names_however_long_its_pages_are(school: School) -> None:
    school.students(13)
    every = found(StudentsWanted())
    assert len(every) == len(set(every)) == 13
    assert every == found(StudentsWanted(), size=1) == found(StudentsWanted(), size=5)
    assert every == found(StudentsWanted(sort="-name"), size=4)[::-1]


@pytest.mark.parametrize(
    ("text", "names"),
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
)
def test_a_search_goes_by_the_beginning_of_names_and_numbers(school: School, text: str, names: list[str]) -> None:
    school.student("1", "Grace", "Hopper")
    school.student("2", "Greta", "Müller")
    school.student("3", "Anna", "van der Berg")
    school.student("0042", "José", "Ångström")
    assert sorted(found(StudentsWanted(text=text), size=2)) == names


def test_students_with_the_same_name_are_all_found_and_none_twice(school: School) -> None:
    for number in range(5):
        school.student(f"S{number}", "Sam", "Sam")
    assert sorted(found(StudentsWanted(text="sam"), size=2)) == [f"S{number}" for number in range(5)]


def test_grades_and_status_filter_and_add_up(school: School) -> None:
    for number, grade in enumerate(["PK", "K", "9", "10", "Transition", "", "9"]):
        school.student(str(number), grade=grade)
    school.device()
    school.assign("W12-0001", "2")
    assert sorted(found(StudentsWanted(grades=("9",)))) == ["2", "6"]
    assert sorted(found(StudentsWanted(grades=("09", "pk", "transition ")))) == ["0", "2", "6"]
    assert sorted(found(StudentsWanted(grades=("Transition", "10")))) == ["3", "4"]
    assert found(StudentsWanted(grades=("",))) == ["5"]
    assert found(StudentsWanted(grades=("9",), status="assigned")) == ["2"]
    assert found(StudentsWanted(grades=("9", "10"), status="pending"), size=1) == ["3", "6"]
    assert len(found(StudentsWanted(status="active", text="hopp"))) == 7
    assert found(StudentsWanted(sort="grade")) == ["0", "1", "2", "6", "3", "4", "5"]
    for wrong in (StudentsWanted(status="nobody"), StudentsWanted(sort="shoe size"), StudentsWanted(grades=("99",))):
        with pytest.raises(Invalid), reading() as session:
            find_students(session, wanted=wrong, size=1)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("w12-000", ["W12-0001", "W12-0002"]),
        ("1", ["W12-0001", "W12-1001"]),
        ("sn0000", ["W12-0001", "W12-0002"]),
        ("SN00001", ["W12-0001"]),
    ],
)
def test_devices_are_found_by_the_beginning_of_tag_and_serial_number(school: School, text: str, tags: list[str]) -> None:
    school.devices(2)
    school.device("W12-1001", serial_number="1SERIAL") if text == "1" else school.device("W12-1001")
    wanted = DevicesWanted(text=text)
    with reading() as session:
        assert sorted(device.asset_tag for device in find_devices(session, wanted, prefix="W12-", size=50).rows) == tags
        assert count_devices(session, wanted, prefix="W12-") == len(tags)
        assert count_devices(session, DevicesWanted(status="available"), prefix="W12-") == 3
