"""Text without invisible characters, and the names of characters that are refused."""

import unicodedata

from request_tracker_utils.core.text import (
    CONTROL_NAMES,
    JOINERS,
    character_name,
    character_names,
    clean,
    clean_identifier,
    unprintable_character,
)
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
        [
            ("Ada\x07", "U+0007 (BELL)"),
            ("a\nb", "U+000A (LINE FEED)"),
            ("a\u2028b", "U+2028 (LINE SEPARATOR)"),
            ("a\U000e0001", "U+E0001 (LANGUAGE TAG)"),
            ("Zoë", ""),
            (JOINERS, ""),
        ],
        check,
    )


def test_a_character_is_named_so_that_a_person_finds_it() -> None:
    def check(character: str, name: str) -> None:
        assert character_name(character) == name

    check_all(
        [
            ("\x00", "U+0000 (NULL)"),
            ("\a", "U+0007 (BELL)"),
            ("\t", "U+0009 (TAB)"),
            ("\x1d", "U+001D (GROUP SEPARATOR)"),
            ("\x1f", "U+001F (UNIT SEPARATOR)"),
            ("\x7f", "U+007F (DELETE)"),
            ("\x81", "U+0081"),
            (" ", "a space"),
            ("_", "“_” (U+005F)"),
            ("é", "“é” (U+00E9)"),
            ("\u0301", "U+0301 (COMBINING ACUTE ACCENT)"),
            ("\u00a0", "U+00A0 (NO-BREAK SPACE)"),
            ("\u00ad", "U+00AD (SOFT HYPHEN)"),
            ("\u200b", "U+200B (ZERO WIDTH SPACE)"),
            ("\u202e", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
            ("\ufeff", "U+FEFF (ZERO WIDTH NO-BREAK SPACE)"),
            ("\ud800", "U+D800"),
            ("\u2028", "U+2028 (LINE SEPARATOR)"),
            ("💻", "“💻” (U+1F4BB)"),
        ],
        check,
    )
    assert all(unicodedata.category(character) == "Cc" for character in CONTROL_NAMES)
    assert len(CONTROL_NAMES) == 34


def test_each_character_is_named_once_and_three_at_most() -> None:
    assert character_names("__ _") == "“_” (U+005F), a space"
    assert character_names("_._/_") == "“_” (U+005F), “.” (U+002E), “/” (U+002F)"
    assert character_names("_./:") == "“_” (U+005F), “.” (U+002E), “/” (U+002F), …"
