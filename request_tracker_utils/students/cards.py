"""The card that is printed for the scan station: codes that switch modes, undo, and say what is missing."""

import re
from dataclasses import dataclass

from request_tracker_utils.labels.barcodes import BARCODE_QUIET_ZONE, barcode_modules
from request_tracker_utils.labels.errors import TagNotEncodable
from request_tracker_utils.students.scan_codes import WITHOUT, Card

TITLES = {
    Card.ASSIGN: ("Assign", "Scan a student, then devices."),
    Card.RETURN: ("Return", "Scan devices only."),
    Card.DAMAGED: ("Return damaged", "The device goes into maintenance."),
    Card.LOOK_UP: ("Look up", "Nothing changes."),
    Card.UNDO: ("Undo", "Takes back what was scanned last."),
}
_RUN = re.compile("1+")


@dataclass(frozen=True)
class PrintedCard:
    """`path` are the bars, a unit wide and one high, in a drawing that is `wide` units wide with its quiet zones."""

    title: str
    words: str
    code: str
    path: str
    wide: int


def printed_cards(accessories: tuple[str, ...]) -> list[PrintedCard]:
    """Accessories whose names no bar code can hold are left out: their boxes are ticked by hand."""
    cards = [_card(title, words, code) for code, (title, words) in TITLES.items()]
    for name in accessories:
        try:
            cards.append(_card(f"Without {name}", "Takes its tick away.", WITHOUT + name.upper()))
        except TagNotEncodable:
            continue
    return cards


def _card(title: str, words: str, code: str) -> PrintedCard:
    """Raises TagNotEncodable."""
    modules = barcode_modules(code)
    path = "".join(f"M{BARCODE_QUIET_ZONE + run.start()},0h{len(run.group())}v1h-{len(run.group())}z" for run in _RUN.finditer(modules))
    return PrintedCard(title, words, str(code), path, len(modules) + 2 * BARCODE_QUIET_ZONE)
