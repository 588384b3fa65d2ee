"""What people enter: parts, quantities, names and notes, checked as the stock checks them."""

from collections.abc import Iterator
from contextlib import contextmanager

from request_tracker_utils.core.text import clean_identifier
from request_tracker_utils.inventory.errors import InvalidStockField
from request_tracker_utils.inventory.lengths import key_of, one_line, parse_quantity
from request_tracker_utils.inventory.stock import clean_notes
from request_tracker_utils.optics.errors import InvalidOpticsField


def part_key(name: str) -> str:
    """By which two spellings of a part are the same: without case, and without characters that nobody sees."""
    return key_of(clean_identifier(name))


def checked_text(text: str, field: str, longest: int) -> str:
    """One line; empty if nobody would see anything. Raises InvalidOpticsField."""
    with _as_optics_errors():
        written = one_line(text, field, longest)
    return written if part_key(written).strip() else ""


def checked_note(text: str) -> str:
    """Several lines. Raises InvalidOpticsField."""
    with _as_optics_errors():
        return clean_notes(text, field="admin_note")


def checked_quantity(value: object) -> int:
    """Raises InvalidOpticsField for anything but a whole number from 1 to MAX_QUANTITY."""
    with _as_optics_errors():
        return parse_quantity(value)


@contextmanager
def _as_optics_errors() -> Iterator[None]:
    try:
        yield
    except InvalidStockField as error:
        raise InvalidOpticsField(error.message, **error.fields) from None
