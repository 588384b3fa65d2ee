"""Text that was made safe for spreadsheets, and is taken back."""

import pytest
from hypothesis import example, given, strategies as st

from request_tracker_utils.core.formulas import disarmed, rearmed


@given(st.text(st.sampled_from("'=+-@;\t\r ab"), max_size=12))
@example("'=x")
@example("x;'=1")
@example("'';=")
def test_every_text_comes_back_as_it_was(text: str) -> None:
    assert rearmed(disarmed(text)) == text


@pytest.mark.parametrize("text", ["=1+1", "-Ada", "'=1", "a;=1", "a\t-1"])
def test_nothing_that_is_written_begins_a_formula(text: str) -> None:
    assert disarmed(text) != text
    assert not disarmed(text).startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("text", ["O'Neill", "'t Hooft", "", "Ada", "x; y", "'"])
def test_what_is_no_formula_is_left_alone(text: str) -> None:
    assert (disarmed(text), rearmed(text)) == (text, text)
