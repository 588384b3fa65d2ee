"""Text without invisible characters, and the names of characters that are refused."""

import unicodedata

from request_tracker_utils.core.text import JOINERS, character_name, clean, clean_identifier, unprintable_character
from tests.services.tables import check_all


def test_spaces_become_spaces_and_invisible_characters_disappear() -> None:
    def check(text: str, cleaned: str) -> None:
        assert clean(text) == cleaned

    check_all(
        [
            ("Ada Lovelace", "Ada Lovelace"),
            ("Zoë\u00a0Größe", "Zoë Größe"),
            ("\u202fA\u2003B\u3000", " A B "),
            ("Gra\u00adce\u200b", "Grace"),
            ("\ufeffAda\u2060", "Ada"),
            ("\u200f\u202bעדה\u202c\u200e\u2067\u2069", "עדה"),
            ("می\u200cخواهم क्\u200dष", "می\u200cخواهم क्\u200dष"),
            ("a\tb\nc", "a\tb\nc"),
        ],
        check,
    )
    spaces = [chr(code) for code in range(0x11_0000) if unicodedata.category(chr(code)) == "Zs"]
    assert clean("".join(spaces)) == " " * len(spaces)
    assert clean_identifier("W12\u200d-0001\u00ad") == "W12-0001"


def test_characters_that_are_refused_are_named() -> None:
    def check(text: str, name: str) -> None:
        assert unprintable_character(text) == name

    check_all(
        [("Ada\x07", "U+0007"), ("a\nb", "U+000A"), ("a\u2028b", "U+2028"), ("a\U000e0001", "U+E0001"), ("Zoë", ""), (JOINERS, "")], check
    )
    assert [character_name(each) for each in ("é", "\x07", "\u00a0")] == ["“é” (U+00E9)", "U+0007", "U+00A0"]
