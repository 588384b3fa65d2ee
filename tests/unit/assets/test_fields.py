"""What an asset must be before it is created: the rules of the contract and what lies just beyond each."""

from string import ascii_letters, digits

import pytest
from hypothesis import given, strategies as st

from request_tracker_utils.assets.errors import FieldInvalid, FieldMissing
from request_tracker_utils.assets.fields import LONGEST, REQUIRED, checked, key, problems, serial_problem

LAPTOP = {"serial_number": "ABC-123", "manufacturer": "Dell", "model": "Chromebook 3100"}
SERIAL_RULE = "alphanumeric and hyphens only"


def unfit(**values: str) -> FieldInvalid:
    with pytest.raises(FieldInvalid) as refusal:
        checked({**LAPTOP, **values})
    return refusal.value


class TestASerialNumber:
    @pytest.mark.parametrize("serial", ["A", "7", "-", "abc-123", "ABC123456", "5CD-0001-X", "A" * 50])
    def test_is_of_ascii_letters_digits_and_hyphens(self, serial: str) -> None:
        assert checked({**LAPTOP, "serial_number": serial}).serial_number == serial

    @pytest.mark.parametrize("around", [" {}", "{} ", "\t{}\r\n", "\u00a0{}\u2003", "\n{}\n"])
    def test_is_trimmed_before_it_is_checked(self, around: str) -> None:
        assert checked({**LAPTOP, "serial_number": around.format("A" * 50)}).serial_number == "A" * 50

    @pytest.mark.parametrize(
        "serial",
        [
            "\u0410\u0412\u0421123",  # Cyrillic letters
            "\u0391\u0392\u0393",  # Greek ones
            "ABC\u0661\u0662",  # Arabic digits
            "\uff11\uff12\uff13",  # digits of full width
            "ABC\u00b2",  # a raised two
            "ABC\u2013123",  # an en dash
            "ABC\u2010123",  # the hyphen of Unicode
            "ABC\u2212123",  # a minus
            "ABC\u00ad123",  # a soft hyphen
            "ABC\u200b123",  # a zero-width space
            "\ufeffABC123",  # a byte-order mark
            "ABC\u202e321",  # text that runs backwards
            "ABC_123",
            "ABC 123",
            "ABC.123",
            "ABC/123",
            "ABC\x00",
            "ABC\n123",
            "É123",
            "\u017f123",  # a long s: as a capital it is an S
            "\u212a123",  # the Kelvin sign: in small letters it is a k
            "💻",
            "' OR 1=1 --",
            "') OR id > 0 OR ('x' = 'x",
            "\ud800",
        ],
    )
    def test_with_anything_else_is_refused_in_the_words_of_the_contract(self, serial: str) -> None:
        refusal = unfit(serial_number=serial)
        assert refusal.message == "Serial number contains invalid characters"
        assert refusal.fields == {"field": "serial_number", "validation_rule": SERIAL_RULE}

    @given(st.text(min_size=1, max_size=50))
    def test_passes_only_if_it_is_of_these_characters(self, text: str) -> None:
        allowed = bool(text.strip()) and set(text.strip()) <= set(ascii_letters + digits + "-")
        assert (serial_problem(text) is None) == allowed

    @given(st.text(ascii_letters + digits + "-", min_size=1, max_size=50))
    def test_is_the_same_in_small_letters_and_in_capitals(self, serial: str) -> None:
        assert key(serial.upper()) == key(serial.lower()) == key(serial)


class TestAFieldThatIsNeeded:
    @pytest.mark.parametrize("field", REQUIRED)
    @pytest.mark.parametrize("empty", [None, "", "   ", "\t\n", "\u00a0"])
    def test_and_is_empty_is_called_missing(self, field: str, empty: str | None) -> None:
        values = {name: value for name, value in {**LAPTOP, field: empty}.items() if value is not None}
        with pytest.raises(FieldMissing) as refusal:
            checked(values)
        assert (refusal.value.message, refusal.value.fields) == (f"Missing required field: {field}", {"field": field})


class TestEachField:
    @pytest.mark.parametrize(("field", "longest"), LONGEST.items())
    def test_holds_as_many_characters_as_the_contract_says_and_no_more(self, field: str, longest: int) -> None:
        assert getattr(checked({**LAPTOP, field: "x" * longest}), field) == "x" * longest
        refusal = unfit(**{field: "x" * (longest + 1)})
        assert refusal.fields == {"field": field, "validation_rule": f"at most {longest} characters"}
        assert refusal.message == f"{field.replace('_', ' ').capitalize()} is longer than {longest} characters"

    @pytest.mark.parametrize("field", [field for field in LONGEST if field != "serial_number"])
    @pytest.mark.parametrize("between", ["\n", "\r\n", "\t", "\x00", "\x1b", "\u200b", "\u2028", "\u202e"])
    def test_holds_no_control_characters(self, field: str, between: str) -> None:
        assert unfit(**{field: f"one{between}two"}).fields["field"] == field

    @pytest.mark.parametrize("text", ["Größe 14″", "Чромбук", "教室", 'O\'Neil "X" & <Co>', "💻 cart", "100%"])
    def test_but_the_serial_number_holds_any_text(self, text: str) -> None:
        assert checked({**LAPTOP, "model": text, "internal_name": f" {text} "}).internal_name == text

    def test_that_nobody_needs_is_empty_when_nothing_was_said(self) -> None:
        asset = checked(LAPTOP)
        assert (asset.internal_name, asset.category, asset.funding_source, asset.catalog) == ("", "", "", "")


def test_all_problems_are_told_in_the_order_of_the_fields() -> None:
    found = list(problems({"funding_source": "x" * 101, "serial_number": "?", "model": " "}))
    assert [problem.field for problem in found] == ["serial_number", "manufacturer", "model", "funding_source"]


def test_the_first_problem_is_the_error() -> None:
    with pytest.raises(FieldInvalid, match="Serial number"):
        checked({"serial_number": "?"})
