"""The format of a tag."""

from hypothesis import given, strategies as st

from request_tracker_utils.tags.tag_format import LARGEST_NUMBER, TagName, claimed_number, parse, parse_any, parse_ignoring_case
from tests.services.tables import check_all


@given(st.integers(1, LARGEST_NUMBER))
def test_every_tag_parses_back(number: int) -> None:
    name = TagName("W12-", number)
    assert parse(str(name), "W12-") == name
    assert claimed_number(str(name), "W12-") == number


def test_numbers_are_padded_to_four_digits_and_grow_past_them() -> None:
    assert [str(TagName("W12-", n)) for n in (1, 9999, 10000)] == ["W12-0001", "W12-9999", "W12-10000"]


def test_other_spellings_are_not_tags() -> None:
    def check(text: str) -> None:
        assert parse(text, "W12-") is None

    check_all(["W12-", "W12-1", "W12-00001", "W12-0000", "W12-٠٠٠١", "w12-0001", "W12-0001 ", "W12-1234567890", "X-0001", ""], check)


def test_other_spellings_still_claim_their_number() -> None:
    def check(text: str, number: int) -> None:
        assert claimed_number(text, "W12-") == number

    check_all([("W12-7", 7), ("W12-00007", 7), ("W12-x", 0), ("W12-", 0), ("laptop", 0), ("W12-" + "9" * 5000, 0)], check)


def test_a_tag_is_found_among_several_prefixes_in_any_case_only_if_asked() -> None:
    prefixes = ["LAB-", "W12-"]
    assert (parse_any("W12-0007", prefixes), parse_any("w12-0007", prefixes)) == (TagName("W12-", 7), None)
    assert (parse_ignoring_case("w12-0007", prefixes), parse_ignoring_case("w12-7", prefixes)) == (TagName("W12-", 7), None)
