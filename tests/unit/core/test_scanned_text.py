"""What scanners add to codes, and codes typed with another keyboard language."""

from request_tracker_utils.core.keyboard_layouts import LAYOUTS, read_through
from request_tracker_utils.core.scanned_text import clean_serial, readings, serial_readings
from tests.services.tables import check_all


def test_codes_are_read_literally_first_then_with_hyphens_then_without_a_symbology_prefix() -> None:
    def check(text: str, *meant: str) -> None:
        assert readings(text) == list(meant)

    check_all(
        [
            ("W12-0001", "W12-0001"),
            ("W12\u20130001", "W12\u20130001", "W12-0001"),
            ("]C1W12-0001", "]C1W12-0001", "W12-0001"),
            ("]Q1W12\u22120001", "]Q1W12\u22120001", "]Q1W12-0001", "W12-0001"),
            ("]C1", "]C1"),
            ("]C", "]C"),
            ("", ""),
        ],
        check,
    )


def test_a_serial_number_may_follow_a_manufacturers_prefix() -> None:
    def check(text: str, *serials: str) -> None:
        assert serial_readings(text) == list(serials)

    check_all(
        [
            ("S5CD2198XK", "5CD2198XK"),
            ("1SPF3ZK19Q", "PF3ZK19Q"),
            ("s/n: 5CD2198XK", "5CD2198XK", "/n: 5CD2198XK"),
            ("SN:5CD2198XK", "5CD2198XK", "N:5CD2198XK"),
            ("]C1S5CD2198XK", "5CD2198XK"),
            ("5CD2198XK",),
            ("S1001",),  # shorter than serial numbers
            ("Surface",),  # without a digit
        ],
        check,
    )


def test_a_new_serial_number_loses_only_what_no_serial_number_has() -> None:
    def check(text: str, serial: str) -> None:
        assert clean_serial(text) == serial

    check_all(
        [
            ("5CD2198XK", "5CD2198XK"),
            ("S5CD2198XK", "S5CD2198XK"),
            ("1SPF3ZK19Q", "1SPF3ZK19Q"),
            ("SN5CD2198XK", "SN5CD2198XK"),
            ("S/N 5CD2198XK", "5CD2198XK"),
            ("S/N:5CD2198XK", "5CD2198XK"),
            ("SN: 5CD2198XK", "5CD2198XK"),
            ("Serial No.: 5CD2198XK", "5CD2198XK"),
            ("]C15CD2198XK", "5CD2198XK"),
            ("5CD\u20102198", "5CD-2198"),
            ("5CD 2198", "5CD 2198"),  # refused, not guessed
            ("5CD\u00ad2198", "5CD\u00ad2198"),
            ("]C1", "]C1"),
        ],
        check,
    )


def test_every_layout_has_the_same_keys_and_each_character_once() -> None:
    def check(name: str) -> None:
        plain, shifted = LAYOUTS[name]
        assert (len(plain), len(shifted), len({*plain, *shifted})) == (47, 47, 94)

    check_all([(name,) for name in LAYOUTS], check)


def test_codes_are_recognized_through_other_keyboard_languages() -> None:
    def is_tag(text: str) -> str | None:
        return text.upper() if text.upper() in ("W12-0001", "CB-2890") else None

    def check(text: str, tag: str | None) -> None:
        assert read_through(text, is_tag) == tag

    check_all(
        [
            ("W12ß0001", "W12-0001"),  # on a German computer
            ("Z&é)ààà&", "W12-0001"),  # French
            ("Z12°0001", "W12-0001"),  # French with Caps Lock
            ("Z&é-ààà&", None),
            ("W12'0001", "W12-0001"),  # Spanish, Italian, Swiss
            ("W12+0001", "W12-0001"),  # Nordic
            ("W12/0001", "W12-0001"),  # a German scanner on an American computer
            ("<12[0001", "W12-0001"),  # Dvorak
            ("Ц12-0001", "W12-0001"),  # Russian
            ("CBß2890", "CB-2890"),
            ("W12-0002", None),
            ("W12_0001", None),
            ("", None),
            ("W12ß0001" * 100, None),
        ],
        check,
    )
