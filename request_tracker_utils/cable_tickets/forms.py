"""What the form of a request sends: several items, and what belongs to all of them. It is the same for a new request and for an edit."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from werkzeug.datastructures import MultiDict

from request_tracker_utils.cable_tickets import fields
from request_tracker_utils.cable_tickets.errors import InvalidTicketField
from request_tracker_utils.cable_tickets.fields import MAX_ITEMS, MAX_NOTES, Item
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.states import Priority
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.errors import InvalidStockField
from request_tracker_utils.inventory.forms import Errors, new_key, sent_key
from request_tracker_utils.inventory.lengths import key_of, parse_length, parse_quantity, parse_type

COLUMNS = ("cable_type", "cable_length", "quantity", "cable_gauge")
LONGEST_CELL = 200
"""Characters of a cell that are shown again with its error."""


@dataclass
class ItemRow:
    """An item as it was entered."""

    cable_type: str = ""
    cable_length: str = ""
    quantity: str = "1"
    cable_gauge: str = ""
    item_id: str = ""
    """Of an item that is edited."""
    errors: Errors = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        return not (self.cable_type or self.cable_length or self.cable_gauge)

    @property
    def key(self) -> tuple[str, ...]:
        """By which two rows ask for the same cable."""
        return tuple(key_of(text).replace(" ", "") for text in (self.cable_type, self.cable_length, self.cable_gauge))

    @classmethod
    def of(cls, item: Mapping[str, object]) -> "ItemRow":
        kind, length, quantity, gauge = (str(item.get(name, "")) for name in COLUMNS)
        return cls(kind, length, quantity, gauge)

    def item(self) -> Item:
        number = int(self.item_id) if self.item_id.isascii() and self.item_id.isdigit() and len(self.item_id) < 10 else None
        return Item(self.cable_type, self.cable_length, self.cable_gauge, self.quantity or "1", number)

    def check(self) -> None:
        """Notes what is wrong with each cell."""
        for parse, name in ((parse_type, "cable_type"), (parse_length, "cable_length"), (parse_quantity, "quantity")):
            try:
                parse(getattr(self, name) or ("1" if name == "quantity" else ""))
            except InvalidStockField as error:
                self.errors[name] = error.message
        if not self.errors:
            _note(self.errors, lambda: fields.parse_items([self.item()]))


@dataclass
class RequestForm:
    """A request while it is entered. `request_key` stays the same however often it is sent."""

    request_key: str = field(default_factory=new_key)
    rows: list[ItemRow] = field(default_factory=lambda: [ItemRow()])
    location: str = ""
    assigned_to: str = ""
    """The ID of the approver; empty for the default approvers."""
    needed_by: str = ""
    priority: str = Priority.MEDIUM
    notes: str = ""
    errors: Errors = field(default_factory=dict)

    @classmethod
    def sent(cls, form: "MultiDict[str, str]") -> "RequestForm":
        columns = [form.getlist(name) for name in (*COLUMNS, "item_id")]
        count = min(max(map(len, columns)), MAX_ITEMS + 1)
        cells = [[column[number].strip()[:LONGEST_CELL] if number < len(column) else "" for column in columns] for number in range(count)]
        return cls(
            request_key=sent_key(form),
            rows=[ItemRow(kind, length, quantity, gauge, item_id) for kind, length, quantity, gauge, item_id in cells] or [ItemRow()],
            location=form.get("location", "").strip()[: 2 * LONGEST_CELL],
            assigned_to=form.get("assigned_to_id", "").strip()[:20],
            needed_by=form.get("needed_by", "").strip()[:20],
            priority=form.get("priority", Priority.MEDIUM)[:20],
            notes=form.get("notes", "").replace("\r\n", "\n").strip()[: 2 * MAX_NOTES],
        )

    @classmethod
    def editing(cls, ticket: Ticket) -> "RequestForm":
        return cls(
            rows=[ItemRow(item.cable_type, item.cable_length, str(item.quantity), item.cable_gauge, str(item.id)) for item in ticket.items],
            location=ticket.location,
            needed_by="" if ticket.needed_by is None else ticket.needed_by.isoformat(),
            priority=ticket.priority,
            notes=ticket.notes,
        )

    def add(self, items: Iterable[Mapping[str, object]], *, location: str = "") -> None:
        """Adds the items of a kit or of an earlier request that are not there yet."""
        rows = [row for row in self.rows if not row.is_blank]
        known = {row.key for row in rows}
        rows += [row for row in map(ItemRow.of, items) if row.key not in known]
        self.rows = rows[:MAX_ITEMS] or [ItemRow()]
        self.location = self.location or location

    def check(self, *, today: date, items: bool = True, former_day: date | None = None) -> bool:
        """Notes what is wrong with each field. Returns whether nothing is. `items`: whether there has to be one; `former_day` is accepted
        although it may be over by now."""
        for row in self.filled:
            row.check()
        if items and not self.filled:
            self.rows = self.rows or [ItemRow()]
            self.rows[0].errors["cable_type"] = _("Enter the cable that you need.")
        if len(self.filled) > MAX_ITEMS:
            self.errors["items"] = _("A request has at most %(count)s items. Put the rest in another request.", count=MAX_ITEMS)
        _note(self.errors, lambda: fields.parse_location(self.location))
        _note(self.errors, lambda: fields.parse_notes(self.notes))
        _note(self.errors, lambda: fields.parse_priority(self.priority))
        if self.needed_by and self.needed_date is None:
            self.errors["needed_by"] = _("Enter a date, such as %(today)s.", today=today.isoformat())
        elif self.needed_date != former_day:
            _note(self.errors, lambda: fields.parse_needed_by(self.needed_date, today))
        if self.assigned_to and self.approver_id is None:
            self.errors["assigned_to_id"] = _("Choose an approver from the list.")
        return not self.errors and not any(row.errors for row in self.rows)

    def note(self, error: InvalidTicketField) -> None:
        """Shows an error of a service beside its field."""
        name, position = str(error.fields.get("field", "form")), error.fields.get("item")
        if isinstance(position, int) and position < len(self.filled):
            self.filled[position].errors[name] = error.message
        else:
            self.errors[name] = error.message

    @property
    def filled(self) -> list[ItemRow]:
        return [row for row in self.rows if not row.is_blank]

    @property
    def items(self) -> list[Item]:
        return [row.item() for row in self.filled]

    @property
    def approver_id(self) -> int | None:
        is_number = self.assigned_to.isascii() and self.assigned_to.isdigit() and len(self.assigned_to) < 10
        return int(self.assigned_to) if is_number else None

    @property
    def needed_date(self) -> date | None:
        try:
            return date.fromisoformat(self.needed_by)
        except ValueError:
            return None


def _note(errors: Errors, parse: Callable[[], object]) -> None:
    try:
        parse()
    except InvalidTicketField as error:
        errors[str(error.fields["field"])] = error.message
