"""What a scan means."""

import time

import pytest

from request_tracker_utils.core.db import reading
from request_tracker_utils.labels.errors import NotALabel
from request_tracker_utils.students.errors import CodeUnknown, CodeUnreadable, DeviceNotFound, ScansTogether, SerialAmbiguous, told
from request_tracker_utils.students.scan_codes import Known, Meaning, meaning
from tests.services.school import School

RT = "https://rt.example.org/Asset/Display.html?id="


def asset_at(address: str) -> int:
    for page in (RT, "https://utils.example.org/assets/"):
        if address.startswith(page) and address.removeprefix(page).isdigit() and len(address) <= len(page) + 10:
            return int(address.removeprefix(page))
    raise NotALabel("This is an address of another place, not a label of ours.")


TAG_OF_ASSET = {77: "W12-0008"}
KNOWN = Known("W12-", asset_at, lambda numbers: {number: TAG_OF_ASSET[number] for number in numbers if number in TAG_OF_ASSET})


def read(code: str) -> Meaning:
    return meaning(reading, code, KNOWN)


@pytest.fixture
def filled(school: School) -> School:
    school.student("1001")
    school.student("ab-7", "Alan", "Turing")
    school.device("W12-0007", serial_number="5CD2198XKL", asset_id=12)
    school.device("W12-0008", serial_number="PF3ZK19Q")
    return school


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("1001", "Grace Hopper (1001)"),
        ("AB-7", "Alan Turing (ab-7)"),
        ("W12-0007", "W12-0007"),
        ("w12-0007", "W12-0007"),
        ("5cd2198xkl", "W12-0007"),
        ("7", "W12-0007"),
        ("0007", "W12-0007"),
        (f"{RT}12", "W12-0007"),
        ("https://utils.example.org/assets/12", "W12-0007"),
        (f"{RT}77", "W12-0008"),
        ("  W12-0007\r\n", "W12-0007"),
        ("\x02W12-0007\x03", "W12-0007"),
        ("mode:return", "the card MODE:RETURN"),
        ("without:charger", "the card WITHOUT:CHARGER"),
    ],
)
def test_a_code_is_a_student_a_device_or_a_card_whatever_its_capitals(filled: School, code: str, name: str) -> None:
    assert read(code).name == name


def test_a_tag_comes_before_a_serial_number_and_that_before_a_students_number(school: School) -> None:
    school.device("X-1")
    school.device("W12-0002", serial_number="X-1")
    school.device("W12-0003", serial_number="X-2")
    school.student("X-1")
    school.student("X-2")
    assert [read(code).name for code in ("X-1", "X-2")] == ["X-1", "W12-0003"]
    assert read("X-2").note == "X-2 is also the number of Grace Hopper."


@pytest.mark.parametrize(("code", "tag"), [("7", "W12-0007"), ("0007", "W12-0007"), ("12000", "W12-12000"), ("555", "555")])
def test_digits_that_are_a_student_and_a_tag_are_the_student_and_say_so(school: School, code: str, tag: str) -> None:
    school.student(code)
    school.device(tag)
    found = read(code)
    assert (found.name, found.device) == (f"Grace Hopper ({code})", None)
    assert found.note == f"{code} is also the tag {tag}. For the device, scan its label or type the whole tag."


@pytest.mark.parametrize(
    ("code", "one", "other"),
    [
        ("W12-0007W12-0008", "W12-0007", "W12-0008"),
        ("W12-0007W12-0007", "W12-0007", "W12-0007"),
        ("10011001", "Grace Hopper (1001)", "Grace Hopper (1001)"),
        ("1001ab-7", "Grace Hopper (1001)", "Alan Turing (ab-7)"),
        ("1001W12-0007", "Grace Hopper (1001)", "W12-0007"),
        ("W12-00071001", "W12-0007", "Grace Hopper (1001)"),
        ("5CD2198XKLPF3ZK19Q", "W12-0007", "W12-0008"),
        ("W12-00075CD2198XKL", "W12-0007", "W12-0007"),
        (f"{RT}12{RT}77", "W12-0007", "W12-0008"),
        (f"{RT}12W12-0008", "W12-0007", "W12-0008"),
        (f"W12-0008{RT}12", "W12-0008", "W12-0007"),
        (f"1001{RT}12", "Grace Hopper (1001)", "W12-0007"),
        (f"{RT}121001", "W12-0007", "Grace Hopper (1001)"),
        ("7W12-0008", "W12-0007", "W12-0008"),
        ("W12-0007\tW12-0008", "W12-0007", "W12-0008"),
        ("W12-0007 W12-0008", "W12-0007", "W12-0008"),
        ("MODE:RETURNW12-0007", "the card MODE:RETURN", "W12-0007"),
        ("W12-0007MODE:RETURN", "W12-0007", "the card MODE:RETURN"),
    ],
)
def test_two_scans_that_ran_together_are_refused_with_both_named(filled: School, code: str, one: str, other: str) -> None:
    with pytest.raises(ScansTogether) as refused:
        read(code)
    assert refused.value.fields["scans"] == [one, other]
    assert one in refused.value.message
    assert other in refused.value.message


@pytest.mark.parametrize(
    ("code", "stays"), [("W12-0007W12-0008", True), ("W12-00071001", False), ("W12-9999", True), ("nobody", False), (f"{RT}4711", True)]
)
def test_a_refusal_says_whether_the_scan_may_have_been_a_student(filled: School, code: str, stays: bool) -> None:
    with pytest.raises((ScansTogether, CodeUnknown, DeviceNotFound)) as refused:
        read(code)
    assert refused.value.fields["student_stays"] is stays


def test_a_serial_number_of_several_devices_is_refused(school: School) -> None:
    school.device("W12-0001", serial_number="SAME")
    school.device("W12-0002", serial_number="same")
    with pytest.raises(SerialAmbiguous, match="W12-0001 and W12-0002"):
        read("SAME")


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("", CodeUnreadable, "Nothing was read. Scan again."),
        (" \r\n\t", CodeUnreadable, "Nothing was read. Scan again."),
        ("x" * 501, CodeUnreadable, "This holds 501 characters, more than any code of ours. Scan again."),
        ("x" * 500, CodeUnknown, f"“{'x' * 60}…” is no student and no device. Scan again."),
        ("ab\x1dcd", CodeUnreadable, "This holds a control character, and no code of ours does. Scan again."),
        ("a\0b", CodeUnreadable, "This holds a control character, and no code of ours does. Scan again."),
        ("Ünïcode-名前", CodeUnknown, "“Ünïcode-名前” is no student and no device. Scan again."),
        ("٧", CodeUnknown, "“٧” is no student and no device. Scan again."),
        ("W12-9999", CodeUnknown, "No device has the tag W12-9999. Scan again, or register it."),
        (f"{RT}4711", DeviceNotFound, "Asset #4711 is not registered as a device. Register it."),
        ("https://example.com/12", CodeUnknown, "This is an address of another place, not a label of ours."),
    ],
)
def test_what_is_no_code_is_told(filled: School, code: str, error: type[CodeUnknown], words: str) -> None:
    with pytest.raises(error) as refused:
        read(code)
    assert told(refused.value) == words


def test_names_that_are_not_ascii_are_read_however_they_are_composed(school: School) -> None:
    school.student("Ünïcode-7")
    assert read("U\u0308ni\u0308code-7").name == "Grace Hopper (Ünïcode-7)"


def test_five_hundred_characters_of_digits_are_read_quickly(filled: School) -> None:
    begun = time.perf_counter()
    for code in ("7" * 500, RT + "1" * 440):
        with pytest.raises(CodeUnknown):
            read(code)
    assert time.perf_counter() - begun < 4
