"""The rules for the fields of a new asset: those of the contract, tested at each limit."""

from string import ascii_letters, digits

import pytest
from hypothesis import given, strategies as st

from request_tracker_utils.assets.errors import FieldInvalid, FieldMissing
from request_tracker_utils.assets.fields import MAX_LENGTHS, REQUIRED, field_problems, serial_key, serial_problem, validate
from tests.services.tables import check_all

LAPTOP = {"serial_number": "ABC-123", "manufacturer": "Dell", "model": "Chromebook 3100"}
SERIAL_RULE = "alphanumeric and hyphens only"


def invalid(**values: str) -> FieldInvalid:
    with pytest.raises(FieldInvalid) as error:
        validate({**LAPTOP, **values}, contract_words=True)
    return error.value


def test_a_serial_number_has_ascii_letters_digits_and_hyphens_and_is_trimmed_first() -> None:
    def check_valid(serial: str) -> None:
        assert validate({**LAPTOP, "serial_number": serial}).serial_number == serial

    def check_trimmed(around: str) -> None:
        assert validate({**LAPTOP, "serial_number": around.format("A" * 50)}).serial_number == "A" * 50

    check_all(["A", "7", "-", "abc-123", "ABC123456", "5CD-0001-X", "A" * 50], check_valid)
    check_all([" {}", "{} ", "\t{}\r\n", "\u00a0{}\u2003", "\n{}\n"], check_trimmed)


def test_a_serial_number_with_other_characters_is_refused_with_the_words_of_the_contract() -> None:
    def check(serial: str) -> None:
        error = invalid(serial_number=serial)
        assert error.message == "Serial number contains invalid characters"
        assert error.fields == {"field": "serial_number", "validation_rule": SERIAL_RULE}

    check_all(
        [
            "\u0410\u0412\u0421123",  # Cyrillic letters
            "\u0391\u0392\u0393",  # Greek letters
            "ABC\u0661\u0662",  # Arabic digits
            "\uff11\uff12\uff13",  # full-width digits
            "ABC\u00b2",  # superscript two
            "ABC\u2013123",  # en dash
            "ABC\u2010123",  # Unicode hyphen
            "ABC\u2212123",  # minus
            "ABC\u00ad123",  # soft hyphen
            "ABC\u200b123",  # zero-width space
            "\ufeffABC123",  # byte-order mark
            "ABC\u202e321",  # right-to-left override
            "ABC_123",
            "ABC 123",
            "ABC.123",
            "ABC/123",
            "ABC\x00",
            "ABC\n123",
            "É123",
            "\u017f123",  # long s: its capital is S
            "\u212a123",  # Kelvin sign: its lower case is k
            "💻",
            "' OR 1=1 --",
            "') OR id > 0 OR ('x' = 'x",
            "\ud800",
        ],
        check,
    )


@given(st.text(min_size=1, max_size=50))
def test_a_serial_number_is_valid_only_with_these_characters(text: str) -> None:
    allowed = bool(text.strip()) and set(text.strip()) <= set(ascii_letters + digits + "-")
    assert (serial_problem(text) is None) == allowed


@given(st.text(ascii_letters + digits + "-", min_size=1, max_size=50))
def test_a_serial_number_is_the_same_in_any_case(serial: str) -> None:
    assert serial_key(serial.upper()) == serial_key(serial.lower()) == serial_key(serial)


def test_a_required_field_that_is_empty_is_missing() -> None:
    def check(field: str, empty: str | None) -> None:
        values = {name: value for name, value in {**LAPTOP, field: empty}.items() if value is not None}
        with pytest.raises(FieldMissing) as error:
            validate(values)
        assert (error.value.message, error.value.fields) == (f"Missing required field: {field}", {"field": field})

    check_all([(field, empty) for field in REQUIRED for empty in (None, "", "   ", "\t\n", "\u00a0")], check)


def test_each_field_has_at_most_the_characters_of_the_contract() -> None:
    def check(field: str, max_length: int) -> None:
        assert getattr(validate({**LAPTOP, field: "x" * max_length}), field) == "x" * max_length
        error = invalid(**{field: "x" * (max_length + 1)})
        assert error.fields == {"field": field, "validation_rule": f"at most {max_length} characters"}
        assert error.message == f"{field.replace('_', ' ').capitalize()} is longer than {max_length} characters"

    check_all(MAX_LENGTHS.items(), check)


def test_all_fields_except_the_serial_number_accept_any_text_without_control_characters() -> None:
    def check_control(field: str, character: str) -> None:
        assert invalid(**{field: f"one{character}two"}).fields["field"] == field

    def check_text(text: str) -> None:
        assert validate({**LAPTOP, "model": text, "internal_name": f" {text} "}).internal_name == text

    characters = ["\n", "\r\n", "\t", "\x00", "\x1b", "\u2028", "\u2063"]
    fields = [field for field in MAX_LENGTHS if field != "serial_number"]
    check_all([(field, character) for field in fields for character in characters], check_control)
    check_all(["Größe 14″", "Чромбук", "教室", 'O\'Neil "X" & <Co>', "💻 cart", "100%"], check_text)


def test_spaces_and_invisible_characters_of_all_fields_except_the_serial_number_are_cleaned() -> None:
    def check(text: str, cleaned: str) -> None:
        for field in ("manufacturer", "internal_name", "catalog"):
            assert getattr(validate({**LAPTOP, field: text}), field) == cleaned

    check_all(
        [
            ("Chromebook\u00a03100", "Chromebook 3100"),
            ("\u202bChrome\u00adbook\u200b\u202c", "Chromebook"),
            ("\ufeffDell\u2009", "Dell"),
            ("می\u200cنا", "می\u200cنا"),
        ],
        check,
    )
    with pytest.raises(FieldMissing):
        validate({**LAPTOP, "model": "\u200b"})
    assert next(field_problems({**LAPTOP, "model": "De\u200cll\x07"})).characters == "U+0007 (BELL)"


def test_optional_fields_are_empty_by_default() -> None:
    asset = validate(LAPTOP)
    assert (asset.internal_name, asset.category, asset.funding_source, asset.catalog) == ("", "", "", "")


def test_all_problems_are_reported_in_the_order_of_the_fields_and_the_first_is_the_error() -> None:
    found = list(field_problems({"funding_source": "x" * 101, "serial_number": "?", "model": " "}))
    assert [problem.field for problem in found] == ["serial_number", "manufacturer", "model", "funding_source"]
    with pytest.raises(FieldInvalid, match="Serial number"):
        validate({"serial_number": "?"})
