"""What the forms of the stock send: deliveries of several rows, and single actions. Services check the values, as they do for the API."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from werkzeug.datastructures import MultiDict

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.errors import InvalidStockField
from request_tracker_utils.inventory.lengths import Cable, parse_length, parse_quantity, parse_type
from request_tracker_utils.inventory.receiving import MAX_ITEMS, Delivery, DeliveryItem

BLANK_ROWS = 3
"""How many a new delivery has, for browsers without scripts."""
HEAD = ("vendor", "po_number", "packing_slip", "notes")
COLUMNS = ("cable_type", "cable_length", "quantity")
T = TypeVar("T")
Errors = dict[str, str]
"""Field → what is wrong with it."""


@dataclass
class Line:
    """A row of a delivery as it was entered."""

    cable_type: str = ""
    cable_length: str = ""
    quantity: str = ""
    errors: Errors = field(default_factory=dict)
    cable: Cable | None = None
    pieces: int = 0

    @property
    def is_blank(self) -> bool:
        return not (self.cable_type or self.cable_length or self.quantity)


@dataclass
class DeliveryDraft:
    """A delivery while it is entered. `request_key` stays the same however often it is sent."""

    request_key: str
    vendor: str = ""
    po_number: str = ""
    packing_slip: str = ""
    notes: str = ""
    lines: list[Line] = field(default_factory=list)

    @classmethod
    def of(cls, form: "MultiDict[str, str]") -> "DeliveryDraft":
        columns = [form.getlist(name) for name in COLUMNS]
        count = min(max(map(len, columns), default=0), MAX_ITEMS + 1)
        cells = [[column[number].strip() if number < len(column) else "" for column in columns] for number in range(count)]
        head = {name: form.get(name, "").strip() for name in HEAD}
        lines = [Line(kind, length, quantity) for kind, length, quantity in cells]
        return cls(sent_key(form), head["vendor"], head["po_number"], head["packing_slip"], head["notes"], lines)

    @property
    def filled(self) -> list[Line]:
        return [line for line in self.lines if not line.is_blank]

    def check(self) -> bool:
        """Parses all rows, and notes what is wrong with each. Returns whether nothing is."""
        for line in self.filled:
            kind = _checked(line.errors, parse_type, line.cable_type)
            length = _checked(line.errors, parse_length, line.cable_length)
            pieces = _checked(line.errors, parse_quantity, line.quantity)
            if kind is not None and length is not None and pieces is not None:
                line.cable, line.pieces = Cable(kind, length), pieces
        if len(self.filled) > MAX_ITEMS:
            self.filled[-1].errors["cable_type"] = _("A delivery has at most %(count)s rows. Record it in parts.", count=MAX_ITEMS)
        elif not self.filled:
            self.lines = self.lines or [Line()]
            self.lines[0].errors["cable_type"] = _("Enter the cable that was delivered.")
        return not any(line.errors for line in self.lines)

    def delivery(self) -> Delivery:
        items = [DeliveryItem(line.cable_type, line.cable_length, line.quantity) for line in self.filled]
        return Delivery(items, **{name: getattr(self, name) for name in HEAD})

    def with_blank_rows(self, count: int = 1) -> "DeliveryDraft":
        """The filled rows, and blank ones behind them."""
        self.lines = [line for line in self.lines if not line.is_blank or line.errors] + [Line() for _ in range(count)]
        return self


def new_key() -> str:
    """Identifies what a form is about to change: sent twice, it is done once."""
    return secrets.token_urlsafe(16)


def sent_key(form: Mapping[str, str]) -> str:
    """The key that the form was shown with; a new one if it is missing or damaged."""
    key = form.get("request_key", "")
    return key if 0 < len(key) <= 60 and key.isascii() and key.isprintable() else new_key()


def _checked(errors: Errors, parse: Callable[[str], T], text: str) -> T | None:
    try:
        return parse(text)
    except InvalidStockField as error:
        errors[error.fields["field"]] = error.message
        return None
