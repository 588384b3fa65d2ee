"""What scanned codes refer to."""

import time

import pytest

from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.labels.errors import NotALabel
from request_tracker_utils.students.errors import (
    AmbiguousSerialNumber,
    DeviceNotFound,
    MergedScans,
    UnknownCode,
    UnreadableCode,
    explanation,
)
from request_tracker_utils.students.scan_codes import ResolvedCode, ScanContext, resolve
from tests.services.inventory import AssetList
from tests.services.school import School
from tests.services.tables import check_all

RT = "https://rt.example.org/Asset/Display.html?id="
OURS = "https://utils.example.org/assets/"
TAG_OF_ASSET = {77: "W12-0008"}
GRACE, ALAN = "Grace Hopper (1001)", "Alan Turing (ab-7)"


def asset_at(address: str) -> int:
    for page in (RT, OURS):
        if address.startswith(page) and address.removeprefix(page).isdigit() and len(address) <= len(page) + 10:
            return int(address.removeprefix(page))
    raise NotALabel("This is the address of another site.")


CONTEXT = ScanContext(
    "W12-",
    asset_at,
    lambda numbers: {number: TAG_OF_ASSET[number] for number in numbers if number in TAG_OF_ASSET},
    AssetList().inventory(),
)


def read(code: str) -> ResolvedCode:
    return resolve(reading, code, CONTEXT)


def failure(code: str) -> AppError:
    """The error of a code that cannot be resolved."""
    try:
        found = read(code)
    except AppError as error:
        return error
    raise AssertionError(f"resolved to {found.name}")


@pytest.fixture
def filled(school: School) -> School:
    school.student("1001")
    school.student("ab-7", "Alan", "Turing")
    school.device("W12-0007", serial_number="5CD2198XKL", asset_id=12)
    school.device("W12-0008", serial_number="PF3ZK19Q")
    return school


def test_codes_resolve_to_students_devices_and_commands_in_any_case(filled: School) -> None:
    def check(code: str, name: str) -> None:
        assert read(code).name == name

    check_all(
        [
            ("1001", GRACE),
            ("AB-7", ALAN),
            ("W12-0007", "W12-0007"),
            ("w12-0007", "W12-0007"),
            ("5cd2198xkl", "W12-0007"),
            ("7", "W12-0007"),
            ("0007", "W12-0007"),
            (f"{RT}12", "W12-0007"),
            (f"{OURS}12", "W12-0007"),
            (f"{RT}77", "W12-0008"),
            ("  W12-0007\r\n", "W12-0007"),
            ("\x02W12-0007\x03", "W12-0007"),
            ("mode:return", "the command MODE:RETURN"),
            ("without:charger", "the command WITHOUT:CHARGER"),
        ],
        check,
    )


def test_tags_precede_serial_numbers_and_those_student_numbers(school: School) -> None:
    school.device("X-1")
    school.device("W12-0002", serial_number="X-1")
    school.device("W12-0003", serial_number="X-2")
    school.student("X-1")
    school.student("X-2")
    assert [read(code).name for code in ("X-1", "X-2")] == ["X-1", "W12-0003"]
    assert read("X-2").note == "X-2 is also the number of Grace Hopper."


def test_digits_of_a_student_and_a_tag_are_the_student_with_a_note(school: School) -> None:
    def check(code: str, tag: str) -> None:
        found = read(code)
        assert (found.name, found.device) == (f"Grace Hopper ({code})", None)
        assert found.note == f"{code} is also the tag {tag}. For the device, scan its label or enter the full tag."

    rows = [("7", "W12-0007"), ("0008", "W12-0008"), ("12000", "W12-12000"), ("555", "555")]
    for code, tag in rows:
        school.student(code)
        school.device(tag)
    check_all(rows, check)


def test_merged_scans_are_refused_with_both_names(filled: School) -> None:
    def check(code: str, one: str, other: str) -> None:
        error = failure(code)
        assert isinstance(error, MergedScans)
        assert error.fields["scans"] == [one, other]
        assert error.message.startswith(
            f"Two scans arrived as one: {one} twice." if one == other else f"Two scans arrived as one: {one} and {other}."
        )

    check_all(
        [
            ("W12-0007W12-0008", "W12-0007", "W12-0008"),
            ("W12-0007W12-0007", "W12-0007", "W12-0007"),
            ("10011001", GRACE, GRACE),
            ("1001ab-7", GRACE, ALAN),
            ("1001W12-0007", GRACE, "W12-0007"),
            ("W12-00071001", "W12-0007", GRACE),
            ("5CD2198XKLPF3ZK19Q", "W12-0007", "W12-0008"),
            ("W12-00075CD2198XKL", "W12-0007", "W12-0007"),
            (f"{RT}12{RT}77", "W12-0007", "W12-0008"),
            (f"{RT}12W12-0008", "W12-0007", "W12-0008"),
            (f"W12-0008{RT}12", "W12-0008", "W12-0007"),
            (f"1001{RT}12", GRACE, "W12-0007"),
            (f"{RT}121001", "W12-0007", GRACE),
            ("7W12-0008", "W12-0007", "W12-0008"),
            ("W12-0007\tW12-0008", "W12-0007", "W12-0008"),
            ("W12-0007 W12-0008", "W12-0007", "W12-0008"),
            ("MODE:RETURNW12-0007", "the command MODE:RETURN", "W12-0007"),
            ("W12-0007MODE:RETURN", "W12-0007", "the command MODE:RETURN"),
        ],
        check,
    )


def test_unresolved_codes_are_explained_and_deselect_the_student_if_one_was_meant(filled: School) -> None:
    def check(code: str, kind: type[AppError], message: str, stays: bool) -> None:
        error = failure(code)
        assert (type(error), explanation(error), error.fields["student_stays"]) == (kind, message, stays)

    control = "The code contains a control character. Scan again."
    check_all(
        [
            ("", UnreadableCode, "The code is empty. Scan again.", True),
            (" \r\n\t", UnreadableCode, "The code is empty. Scan again.", True),
            ("x" * 501, UnreadableCode, "The code has 501 characters; the limit is 500. Scan again.", False),
            ("x" * 500, UnknownCode, f"“{'x' * 60}…” does not match a student or a device. Scan again.", False),
            ("ab\x1dcd", UnreadableCode, control, False),
            ("a\0b", UnreadableCode, control, False),
            ("nobody", UnknownCode, "“nobody” does not match a student or a device. Scan again.", False),
            ("Ünïcode-名前", UnknownCode, "“Ünïcode-名前” does not match a student or a device. Scan again.", False),
            ("٧", UnknownCode, "“٧” does not match a student or a device. Scan again.", False),
            ("W12-9999", UnknownCode, "No device has the tag W12-9999. Scan again, or add the device.", True),
            (f"{RT}4711", DeviceNotFound, "Asset #4711 does not exist. Search for the asset, and print a new label.", True),
            ("https://example.com/12", UnknownCode, "This is the address of another site.", True),
        ],
        check,
    )
    assert [failure(code).fields["student_stays"] for code in ("W12-0007W12-0008", "W12-00071001")] == [True, False]


def test_codes_are_read_as_the_scanner_meant_them_if_that_is_known(filled: School) -> None:
    def check(code: str, name: str) -> None:
        assert read(code).name == name

    filled.device("W12-0009", serial_number="S-REAL-1")
    filled.device("W12-0010", serial_number="REAL-1")
    filled.student("]C1odd", "Odd", "Number")
    dashes = "\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
    check_all(
        [
            *((f"W12{dash}0007", "W12-0007") for dash in dashes),
            ("]C1W12-0007", "W12-0007"),
            ("]C0W12-0007", "W12-0007"),
            ("]Q1w12\u20130007", "W12-0007"),
            (f"]Q1{RT}12", "W12-0007"),
            ("]C11001", GRACE),
            ("]C1MODE:RETURN", "the command MODE:RETURN"),
            ("]C1odd", "Odd Number (]C1odd)"),  # known as it is
            ("S5CD2198XKL", "W12-0007"),
            ("1SPF3ZK19Q", "W12-0008"),
            ("S/N: pf3zk19q", "W12-0008"),
            ("S-REAL-1", "W12-0009"),
            ("SS-REAL-1", "W12-0009"),
            ("TEST:Qwazy-M019", "the command TEST:Qwazy-M019"),
        ],
        check,
    )
    error = failure("]C1W12-0007]C1W12-0008")
    assert (type(error), error.fields["scans"]) == (MergedScans, ["W12-0007", "W12-0008"])
    # A prefix of serial numbers does not make a student's number or the digits of a tag of them.
    assert [type(failure(code)) for code in ("S1001", "S0007", "1S1001")] == [UnknownCode] * 3


def test_settings_of_the_scanner_that_change_codes_are_named(filled: School) -> None:
    def check(code: str, message: str) -> None:
        error = failure(code)
        assert (type(error), error.fields["student_stays"]) == (UnreadableCode, True)
        assert message in error.message

    language = "The scanner’s keyboard language differs from this computer’s"
    check_all(
        [
            ("W12ß0007", f"{language}: “W12ß0007” is probably W12-0007."),
            ("Z&é)àààè", f"{language}: “Z&é)àààè” is probably W12-0007."),
            ("]C1W12ß9999", f"{language}: “]C1W12ß9999” is probably W12-9999."),
            ("TESTÖQwayzßM019", language),
            ("TEST>Qwayz/M019", language),
            ("TESTMAzqwy)?à&ç", language),
            ("test:qWAZY-m019", "Caps Lock is on"),
            ("TEST:QWAZY-M019", "changes upper and lower case"),
        ],
        check,
    )


def test_a_serial_number_of_several_devices_is_refused(school: School) -> None:
    school.device("W12-0001", serial_number="SAME")
    school.device("W12-0002", serial_number="same")
    with pytest.raises(AmbiguousSerialNumber, match="W12-0001 and W12-0002"):
        read("SAME")


def test_composed_and_decomposed_characters_are_equal(school: School) -> None:
    school.student("Ünïcode-7")
    assert read("U\u0308ni\u0308code-7").name == "Grace Hopper (Ünïcode-7)"


def test_long_codes_of_digits_take_linear_time(filled: School) -> None:
    """Measured in processor time: trying all splits of 500 characters one by one would take minutes."""
    begun = time.process_time()
    assert all(isinstance(failure(code), UnknownCode) for code in ("7" * 500, RT + "1" * 440))
    assert time.process_time() - begun < 4
