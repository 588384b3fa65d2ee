"""Values in AssetSQL."""

import pytest
from hypothesis import given, strategies as st

from request_tracker_utils.integrations.rt import RtInvalid, quoted
from request_tracker_utils.integrations.rt.queries import pattern
from tests.services.tables import check_all


def test_quotes_and_backslashes_are_escaped_and_control_characters_refused() -> None:
    def check_escaped(text: str, expected: str) -> None:
        assert quoted(text) == expected

    def check_refused(text: str) -> None:
        with pytest.raises(RtInvalid, match="control characters"):
            quoted(text)

    check_all([("a", "'a'"), ("it's", r"'it\'s'"), ("a\\", r"'a\\'"), ("\\'", r"'\\\''"), ('"', "'\"'"), ("", "''")], check_escaped)
    check_all(["a\nb", "a\tb", "\x00", "\x7f", "\x85"], check_refused)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_a_value_ends_only_at_its_own_quote_and_reads_back(text: str) -> None:
    inner, read, position = quoted(text)[1:-1], "", 0
    while position < len(inner):
        assert inner[position] != "'"
        position += inner[position] == "\\"
        read += inner[position]
        position += 1
    assert read == text


def test_a_backslash_in_a_pattern_matches_any_character() -> None:
    assert pattern("a\\b") == "a_b"
