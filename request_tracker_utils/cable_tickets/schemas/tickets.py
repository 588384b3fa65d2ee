"""Schemas of tickets, their comments and events, and the types that all schemas of cable tickets share."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator

from request_tracker_utils.cable_tickets.creating import Draft
from request_tracker_utils.cable_tickets.editing import Edit
from request_tracker_utils.cable_tickets.errors import InvalidTicketField
from request_tracker_utils.cable_tickets.fields import MAX_GAUGE, MAX_ITEMS, MAX_LOCATION, MAX_NOTES, MAX_PIECES, MAX_REASON, Item
from request_tracker_utils.cable_tickets.listing import Surroundings
from request_tracker_utils.cable_tickets.models import Ticket, TicketComment, TicketEvent
from request_tracker_utils.cable_tickets.rules import relation_of
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.lengths import MAX_TEXT
from request_tracker_utils.inventory.schemas.stock import LENGTH, TYPE, Pieces, Text
from request_tracker_utils.web.paging import MAX_PAGE_SIZE

Status = Literal["pending_approval", "approved", "rejected", "in_progress", "fulfilled", "closed", "deleted"]
Level = Literal["low", "medium", "high"]
BEFORE = 'Rows with a smaller ID than this: the last ID of the previous page. `Link: …; rel="next"` has the address of the next one.'
FLAT_FIELDS = ("cable_type", "cable_length", "cable_gauge", "quantity")
FLAT = "For a ticket with one item, instead of `items`."
OMITTED: Any = None
"""The value of a field that a request may leave out, but not set to null."""


class TicketPath(BaseModel):
    ticket_id: int = Field(description="The ticket’s ID.", json_schema_extra={"example": 7, "minimum": 1, "maximum": LARGEST_ID})


class IncludeDeleted(BaseModel):
    include_deleted: bool = Field(False, description="Also archived tickets.", json_schema_extra={"example": False})


class TicketsQuery(IncludeDeleted):
    mine: Literal["", "created", "assigned"] = Field(
        "",
        description="`created`: tickets that the caller has created. `assigned`: those that the caller was asked to decide, as the "
        "assignee, as a substitute, or as one of the default approvers, unless somebody else has approved them; and those that the caller "
        "works on as the assignee.",
        json_schema_extra={"example": ""},
    )
    status: Literal["", Status] = Field("", description="Only this status. `deleted` are archived ones.", json_schema_extra={"example": ""})
    priority: Literal["", Level] = Field("", description="`low`, `medium` or `high`.", json_schema_extra={"example": ""})
    q: Text = Field(
        "",
        max_length=200,
        description="Words of the number, the creator, the location, the notes and the items, without regard to case and accents. All of "
        "them must be found; the last one may be the beginning of a word.",
        json_schema_extra={"example": "cat6"},
    )
    limit: int = Field(200, ge=1, le=MAX_PAGE_SIZE, description="Rows at most.", json_schema_extra={"example": 200})
    before_id: int | None = Field(None, ge=1, le=LARGEST_ID, description=BEFORE, json_schema_extra={"example": 500})


class EventsQuery(IncludeDeleted):
    limit: int = Field(200, ge=1, le=MAX_PAGE_SIZE, description="Rows at most.", json_schema_extra={"example": 200})
    before_id: int | None = Field(None, ge=1, le=LARGEST_ID, description=BEFORE, json_schema_extra={"example": 500})


class TicketItemIn(BaseModel):
    """Lenient types: `fields` validates items from every source."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"required": ["cable_type", "cable_length"]})

    cable_type: str = Field("", max_length=MAX_TEXT, description=TYPE, examples=["Cat6"])
    cable_length: str = Field("", max_length=MAX_TEXT, description=LENGTH, examples=["100ft"])
    cable_gauge: Text = Field("", max_length=MAX_GAUGE, examples=["23AWG"])
    quantity: Pieces = Field(1, description=f"Pieces, at most {MAX_PIECES:,}.", examples=[1])

    def item(self) -> Item:
        return Item(self.cable_type, self.cable_length, self.cable_gauge, self.quantity)


class EditedItemIn(TicketItemIn):
    id: int | None = Field(
        None, strict=True, ge=1, le=LARGEST_ID, description="An existing item’s ID. Without one, the item is added.", examples=[12]
    )

    def item(self) -> Item:
        return Item(self.cable_type, self.cable_length, self.cable_gauge, self.quantity, self.id)


class NewTicket(BaseModel):
    """`items`, or one item with its fields here."""

    model_config = ConfigDict(extra="forbid")

    items: list[TicketItemIn] = Field([], max_length=MAX_ITEMS)
    cable_type: str = Field("", max_length=MAX_TEXT, description=FLAT, examples=["Cat6"])
    cable_length: str = Field("", max_length=MAX_TEXT, description=FLAT, examples=["100ft"])
    cable_gauge: Text = Field("", max_length=MAX_GAUGE, description=FLAT, examples=["23AWG"])
    quantity: Pieces = Field(1, description=FLAT, examples=[1])
    location: Text = Field("", max_length=MAX_LOCATION, description="Where the cable is needed.", examples=["Building A"])
    notes: Text = Field("", max_length=MAX_NOTES, examples=["Behind the stage"])
    priority: Level = Field("medium", examples=["medium"])
    needed_by: date | None = Field(None, description="Today or later.", examples=[None])
    assigned_to_id: int | None = Field(
        None,
        strict=True,
        description="The approver’s account, which cannot be the creator’s. If omitted, DEFAULT_APPROVERS are asked; the first decides.",
        examples=[2],
    )
    created_by_id: int | None = Field(
        None, strict=True, description="The caller. Only administrators may name somebody else.", examples=[1]
    )

    def draft(self) -> Draft:
        items = [each.item() for each in self.items]
        if {"cable_type", "cable_length"} & self.model_fields_set and (self.cable_type or not items):
            items.append(Item(self.cable_type, self.cable_length, self.cable_gauge, self.quantity))
        more = {name: getattr(self, name) for name in ("location", "notes", "priority", "needed_by", "assigned_to_id", "created_by_id")}
        return Draft(items, **more)


class ChangedTicket(BaseModel):
    """Omitted fields are None, and are not changed. All changes are made, or none."""

    model_config = ConfigDict(extra="forbid")

    status: Status = Field(OMITTED, description="A step that is open: see `open_steps`.", examples=["in_progress"])
    reason: Text = Field("", max_length=MAX_REASON, description="Required for `rejected`, and to close a ticket short.", examples=[""])
    rejection_reason: Text = Field("", max_length=MAX_REASON, description="The same as `reason`, for `rejected`.", examples=[""])
    assigned_to_id: int | None = Field(None, strict=True, description="Reassigns the ticket; null asks DEFAULT_APPROVERS.", examples=[2])
    items: list[EditedItemIn] = Field(
        OMITTED, max_length=MAX_ITEMS, description="All items: those without an ID are added, omitted ones are removed."
    )
    cable_type: str = Field(OMITTED, max_length=MAX_TEXT, description=FLAT, examples=["Cat6"])
    cable_length: str = Field(OMITTED, max_length=MAX_TEXT, description=FLAT, examples=["100ft"])
    cable_gauge: Text = Field(OMITTED, max_length=MAX_GAUGE, description=FLAT, examples=["23AWG"])
    quantity: Pieces = Field(OMITTED, description=FLAT, examples=[1])
    location: Text = Field(OMITTED, max_length=MAX_LOCATION, examples=["Building A"])
    notes: Text = Field(OMITTED, max_length=MAX_NOTES, examples=["Behind the stage"])
    priority: Level = Field(OMITTED, examples=["high"])
    needed_by: date | None = Field(None, description="Null removes it.", examples=["2026-12-01"])
    revision: int | None = Field(
        None, strict=True, description="The revision that was read. If it has changed, the response is 409.", examples=[None]
    )

    @field_validator("quantity", mode="before")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("null is not a number of pieces")
        return value

    def edit(self, ticket: Ticket) -> Edit:
        """Flat fields change the only item. Raises InvalidTicketField."""
        flat = {name: value for name in FLAT_FIELDS if (value := getattr(self, name)) is not None}
        items = None if self.items is None else [each.item() for each in self.items]
        if flat:
            if items is not None or len(ticket.items) != 1:
                raise InvalidTicketField(_("Send all items in `items`."), field="items")
            (only,) = ticket.items
            items = [Item(**{name: getattr(only, name) for name in FLAT_FIELDS} | flat, id=only.id)]
        return Edit(
            items,
            self.location,
            self.notes,
            self.priority,
            self.needed_by,
            clear_needed_by="needed_by" in self.model_fields_set and self.needed_by is None,
            revision=self.revision,
        )


class CommentIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"required": ["body"]})

    body: Text = Field("", max_length=MAX_NOTES, examples=["Please use the blue ones."])


class TicketItemOut(BaseModel):
    id: int = Field(examples=[12])
    cable_type: str = Field(description="As it was written.", examples=["Cat6"])
    cable_length: str = Field(description="As it was written.", examples=["100ft"])
    cable_gauge: str = Field(examples=["23AWG"])
    quantity: int = Field(examples=[1])
    reserved: int = Field(description="Pieces on the shelf that are set aside for it.", examples=[1])
    backordered: int = Field(description="Pieces that are missing; they are reserved when they arrive.", examples=[0])
    fulfilled: int = Field(description="Pieces that were taken from the shelf.", examples=[0])
    returned: int = Field(description="Pieces of these that came back to the shelf.", examples=[0])


class ApproverOut(BaseModel):
    id: int = Field(description="The account’s ID.", examples=[2])
    name: str = Field(examples=["grace"])
    for_id: int | None = Field(description="The absent person that they represent.", examples=[None])


class TicketOut(BaseModel):
    """A ticket. `cable_type`, `cable_length` and `cable_gauge` are those of its first item."""

    id: int = Field(examples=[7])
    created_by_id: int | None = Field(examples=[1])
    created_by: str = Field(examples=["ada"])
    assigned_to_id: int | None = Field(description="The approver that was chosen; null if the default approvers are asked.", examples=[2])
    assigned_to: str | None = Field(examples=["grace"])
    status: str = Field(description=f"{', '.join(f'`{each}`' for each in TicketStatus)} (archived).", examples=["pending_approval"])
    open_steps: list[str] = Field(description="The statuses that the caller may set now.", examples=[["approved", "rejected"]])
    cable_type: str = Field(examples=["Cat6"])
    cable_length: str = Field(examples=["100ft"])
    cable_gauge: str = Field(examples=["23AWG"])
    items: list[TicketItemOut]
    location: str = Field(examples=["Building A"])
    notes: str = Field(examples=["Behind the stage"])
    priority: str = Field(description="`low`, `medium` or `high`.", examples=["medium"])
    needed_by: date | None = Field(examples=["2026-12-01"])
    asked: list[ApproverOut] = Field(
        description="The approvers; the first to respond decides. After the approval: the assignee, and the person who approved it."
    )
    approver_unreachable: str | None = Field(
        description="Approvers that no message has reached, and why: reassign the ticket with `assigned_to_id`. Otherwise null.",
        examples=[None],
    )
    decided_by: str | None = Field(description="`B for A` if a substitute decided.", examples=[None])
    decided_at: datetime | None = Field(examples=[None])
    rejection_reason: str | None = Field(examples=[None])
    fulfilled_at: datetime | None = Field(examples=[None])
    close_reason: str | None = Field(examples=[None])
    status_before: str | None = Field(description="For an archived ticket: its status after it is restored.", examples=[None])
    deleted_at: datetime | None = Field(examples=[None])
    deleted_by_id: int | None = Field(examples=[None])
    revision: int = Field(description="Increases with every change except comments and fulfillments.", examples=[1])
    created_at: datetime = Field(examples=["2026-08-17T07:30:00+00:00"])
    updated_at: datetime = Field(examples=["2026-08-17T07:30:00+00:00"])

    @classmethod
    def of(cls, ticket: Ticket, around: Surroundings, actor: Actor) -> dict[str, Any]:
        first = ticket.items[0]
        approvers = around.approvers.get(ticket.id, [])
        steps = relation_of(ticket, approvers, actor).open_steps(TicketStatus(ticket.status))
        shown = {
            "assigned_to": around.names.get(ticket.assigned_to_id) if ticket.assigned_to_id else None,
            "open_steps": [step.value for step in steps],
            "cable_type": first.cable_type,
            "cable_length": first.cable_length,
            "cable_gauge": first.cable_gauge,
            "items": [_item_out(ticket, number, around) for number in range(len(ticket.items))],
            "approver_unreachable": " ".join(f"{each.recipient}: {each.problem}" for each in around.unreached.get(ticket.id, [])) or None,
            "asked": [{"id": each.user_id, "name": around.names.get(each.user_id, ""), "for_id": each.for_user_id} for each in approvers],
        }
        return {name: shown[name] if name in shown else _json(getattr(ticket, name)) for name in TicketOut.model_fields}


class CommentOut(BaseModel):
    id: int = Field(examples=[3])
    author_id: int | None = Field(examples=[2])
    author: str = Field(examples=["grace"])
    body: str = Field(examples=["Please use the blue ones."])
    created_at: datetime = Field(examples=["2026-08-17T07:30:00+00:00"])

    @classmethod
    def of(cls, comment: TicketComment) -> dict[str, Any]:
        return {name: _json(getattr(comment, name)) for name in cls.model_fields}


class WholeTicket(TicketOut):
    """A ticket with its comments."""

    comments: list[CommentOut] = Field(description="The last 200, the oldest first.")


class TicketList(RootModel[list[TicketOut]]):
    """Tickets, newest first."""


class TicketChanged(BaseModel):
    message: str = Field(examples=["Ticket updated"])
    ticket: TicketOut


class CreatedTicket(BaseModel):
    message: str = Field(examples=["Ticket created"])
    ticket: TicketOut


class TicketArchivedOut(BaseModel):
    message: str = Field(examples=["Ticket archived"])
    status: str = Field(examples=["deleted"])
    ticket: TicketOut


class TicketPurged(BaseModel):
    message: str = Field(examples=["Ticket purged"])
    id: int = Field(examples=[7])


class Commented(BaseModel):
    message: str = Field(examples=["Comment added"])
    comment: CommentOut


class EventOut(BaseModel):
    id: int = Field(examples=[31])
    ticket_id: int = Field(examples=[7])
    event: str = Field(
        description="`created`, `edited`, `reassigned`, `commented`, `archived`, `restored`, `purged`, or the new status.",
        examples=["approved"],
    )
    status_from: str | None = Field(description="Set if the status has changed.", examples=["pending_approval"])
    status_to: str | None = Field(examples=["approved"])
    actor_user_id: int | None = Field(examples=[2])
    actor: str = Field(description="`B for A` if a substitute acted.", examples=["grace"])
    detail: dict[str, Any] = Field(description="Depends on the event, such as `changed` or `reason`.", examples=[{}])
    created_at: datetime = Field(examples=["2026-08-17T07:30:00+00:00"])

    @classmethod
    def of(cls, event: TicketEvent) -> dict[str, Any]:
        return {name: _json(getattr(event, name)) for name in cls.model_fields}


class EventList(RootModel[list[EventOut]]):
    """What has happened to a ticket, newest first."""


def _item_out(ticket: Ticket, position: int, around: Surroundings) -> dict[str, Any]:
    item = ticket.items[position]
    reservation = around.reservations.get((ticket.id, item.id))
    counted = (
        {"reserved": reservation.reserved, "backordered": reservation.backordered} if reservation else {"reserved": 0, "backordered": 0}
    )
    return {name: counted[name] if name in counted else getattr(item, name) for name in TicketItemOut.model_fields}


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
