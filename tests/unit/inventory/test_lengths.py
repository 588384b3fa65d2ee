"""Types, lengths and quantities as people write them."""

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from request_tracker_utils.inventory.errors import InvalidStockField
from request_tracker_utils.inventory.lengths import (
    MAX_LENGTH,
    SPELLINGS,
    UNITS,
    Cable,
    key_of,
    length_of,
    parse_cable,
    parse_length,
    parse_quantity,
    parse_type,
    plain,
)
from request_tracker_utils.inventory.models import MAX_QUANTITY, THOUSAND
from request_tracker_utils.inventory.service import parse_delta
from tests.services.tables import check_all

LENGTHS = [
    ("100ft", "100", "ft"),
    ("100 ft", "100", "ft"),
    ("100 FT.", "100", "ft"),
    ("100'", "100", "ft"),
    ("100′", "100", "ft"),
    ("  100   feet ", "100", "ft"),
    ("100-foot", "100", "ft"),
    ("+100 ft", "100", "ft"),
    ("100\u00a0ft", "100", "ft"),
    ("0100 ft", "100", "ft"),
    ("100.000 ft", "100", "ft"),
    ("1,000 feet", "1000", "ft"),
    ("1,000,000 ft", "1000000", "ft"),
    ("30 m", "30", "m"),
    ("30.5 meters", "30.5", "m"),
    (".5 m", "0.5", "m"),
    ("30 metres", "30", "m"),
    ("12 in", "12", "in"),
    ('12"', "12", "in"),
    ("3 yards", "3", "yd"),
    ("50 cm", "50", "cm"),
    ("5 mm", "5", "mm"),
    ("1.25 km", "1.25", "km"),
    ("１００ ft", "100", "ft"),
    ("１００ｆｔ", "100", "ft"),
    ("٣ m", "3", "m"),
    ("100\u2011ft", "100", "ft"),
    ("100\u200d ft", "100", "ft"),
]
TEXTS = [
    "1,5 m",
    "1,00 ft",
    "spool",
    "hundred feet",
    "ten m",
    "5' 6\"",
    "100",
    "2 x 50 ft",
    "1/2 in",
    "1000 ft box",
    "m",
    "½ m",
    "5² m",
]
REFUSED = [
    "",
    "   ",
    "\u200b",
    "-5 ft",
    "-5ft",
    "-0.5m",
    "1e9ft",
    "−5 m",
    "- 5 ft",
    "-1,000 ft",
    "-5",
    "－5 ft",
    "\u20115 ft",
    "-٣ m",
    "0",
    "０",
    "0.00",
    "9" * 59,
    "1.00000000000000000000000000000000001 ft",
    "\u200d",
    "0 ft",
    "0.000 m",
    "0'",
    "1000001 ft",
    "99999999999999999999999999999 ft",
    "NaN",
    "nan ft",
    "NaN m",
    "inf",
    "-Infinity ft",
    "infinity m",
    "1e3 ft",
    "1E400 m",
    "1.2345 m",
    "100 furlongs",
    "100 fet",
    "100ftt",
    "100 Ω",
    "100 м",
    "100 ft\x07",
    "100\x00ft",
    "x" * 61,
]


def test_a_number_with_a_unit_is_a_length() -> None:
    def check(text: str, value: str, unit: str) -> None:
        length = parse_length(text)
        assert (length.thousandths, length.unit) == (Decimal(value) * THOUSAND, unit)
        assert length.written == " ".join(text.split()), "the spelling stays"

    check_all(LENGTHS, check)


def test_other_text_is_a_length_of_its_own() -> None:
    def check(text: str) -> None:
        length = parse_length(text)
        assert (length.thousandths, length.unit, length.written) == (None, "", text)

    check_all(TEXTS, check)
    assert len({parse_length(text).key for text in TEXTS}) == len(TEXTS)
    assert parse_length("A  Spool").key == parse_length("a spool").key


def test_what_cannot_be_a_length_is_refused() -> None:
    def check(text: str) -> None:
        with pytest.raises(InvalidStockField) as error:
            parse_length(text)
        assert error.value.fields["field"] == "cable_length"

    check_all(REFUSED, check)
    with pytest.raises(InvalidStockField, match="“fet” is not a unit of length"):
        parse_length("100 fet")


@given(
    st.integers(1, MAX_LENGTH * THOUSAND),
    st.sampled_from(sorted(UNITS)),
    st.sampled_from(["", " ", "-", "  "]),
    st.booleans(),
    st.booleans(),
)
def test_every_spelling_of_a_length_has_one_key(thousandths: int, spelling: str, space: str, commas: bool, loud: bool) -> None:
    value, unit = Decimal(thousandths) / THOUSAND, UNITS[spelling]
    number = f"{value.normalize():,f}" if commas else plain(value)
    written = f"{number}{space}{spelling.upper() if loud else spelling}"
    parsed, made = parse_length(written), length_of(value, unit)
    assert (parsed.key, parsed.thousandths, parsed.unit) == (made.key, thousandths, unit)
    assert parse_length(made.written) == made, "what we write ourselves is read the same"
    assert all(length_of(value, other).key != made.key for other in SPELLINGS if other != unit), "units never merge"


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_is_a_cable_or_is_refused(cable_type: str, length: str) -> None:
    try:
        cable = parse_cable(cable_type, length)
    except InvalidStockField:
        return
    assert cable.key == Cable(cable.cable_type.casefold(), cable.length).key
    assert cable.key.count("\t") == 1
    assert cable.key.startswith(cable.type_key + "\t")
    assert parse_cable(cable.cable_type, cable.length.written) == cable


def test_types_differ_by_more_than_case_and_invisible_characters() -> None:
    same = ["Cat6", "CAT6", "cat6", " Cat6 ", "Ca\u200bt6", "Cat6\u00a0", "Cat6\u200d", "Ｃａｔ６", "Cat٦"]
    assert {key_of(parse_type(text)) for text in same} == {"cat6"}
    assert key_of(parse_type("Cat 6")) != "cat6"
    assert key_of(parse_type("Straße")) == key_of(parse_type("STRASSE"))
    assert key_of(parse_type("é")) == key_of(parse_type("e\u0301"))


def test_a_type_is_one_line_of_text() -> None:
    def check(text: str) -> None:
        with pytest.raises(InvalidStockField) as error:
            parse_type(text)
        assert error.value.fields["field"] == "cable_type"

    check_all(["", " ", "\u200b", "\u200d", "x" * 61, "Cat\x00", "Cat\x1b[2J"], check)


def test_quantities_are_whole_positive_numbers() -> None:
    good = [(1, 1), ("5", 5), (" 5 ", 5), ("+5", 5), ("1,000", 1_000), (MAX_QUANTITY, MAX_QUANTITY)]
    check_all(good, lambda value, number: _equal(parse_quantity(value), number))
    bad = [0, -1, MAX_QUANTITY + 1, 10**30, 1.5, 5.0, True, None, float("nan"), float("inf"), [], {}, b"5"]
    words = ["", "0", "-1", "five", "NaN", "inf", "1e3", "1.0", "1,5", "٣", "²", "1_000", "9" * 13, "9" * 5_000, "1000001", "0x10"]

    def refused(value: object) -> None:
        with pytest.raises(InvalidStockField) as error:
            parse_quantity(value)
        assert error.value.fields["field"] == "quantity"

    check_all([*bad, *words], refused)


def test_adjustments_have_a_sign_and_are_not_zero() -> None:
    check_all(
        [(-1, -1), ("-3", -3), ("−3", -3), ("+3", 3), (2, 2), ("1,000", 1_000)], lambda value, delta: _equal(parse_delta(value), delta)
    )

    def refused(value: object) -> None:
        with pytest.raises(InvalidStockField) as error:
            parse_delta(value)
        assert error.value.fields["field"] == "quantity_delta"

    check_all([0, "0", "-0", "--1", "-+1", "minus one", None, True, -1.5, float("nan"), -MAX_QUANTITY - 1, 10**30, "-", ""], refused)


def _equal(left: object, right: object) -> None:
    assert left == right
