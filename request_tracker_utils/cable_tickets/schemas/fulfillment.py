"""Schemas of fulfilling tickets, of returns, and of the pick list."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from request_tracker_utils.cable_tickets.fields import MAX_ITEMS
from request_tracker_utils.cable_tickets.fulfillment import Pieces as ItemPieces
from request_tracker_utils.cable_tickets.pick_list import Pick, PickedTicket
from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.inventory.models import StockRow
from request_tracker_utils.inventory.schemas.stock import Pieces, Text
from request_tracker_utils.inventory.stock import MAX_NOTES
from request_tracker_utils.web.paging import MAX_PAGE_SIZE

CUT = "Cut longer pieces for those that lack, the shortest sufficient ones first."


class PiecesIn(BaseModel):
    """Lenient types: `fulfillment` validates them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"required": ["id"]})

    id: int = Field(strict=True, description="The item’s ID.", examples=[12], json_schema_extra={"minimum": 1, "maximum": LARGEST_ID})
    quantity: Pieces = Field(None, description="Pieces; all that are left if it is omitted.", examples=[1])

    def pieces(self) -> ItemPieces:
        return ItemPieces(self.id, self.quantity)


class FulfilledPiecesIn(PiecesIn):
    cut: bool = Field(False, description=CUT, examples=[False])

    def pieces(self) -> ItemPieces:
        return ItemPieces(self.id, self.quantity, self.cut)


class TicketFulfillIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[FulfilledPiecesIn] = Field([], min_length=1, max_length=MAX_ITEMS, description="All that is left if it is omitted.")
    cut: bool = Field(False, description=f"For all items: {CUT[0].lower()}{CUT[1:]}", examples=[False])


class TicketReturnIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[PiecesIn] = Field([], min_length=1, max_length=MAX_ITEMS, description="All that was fulfilled if it is omitted.")
    notes: Text = Field("", max_length=MAX_NOTES, examples=["Not needed"])


class PickListQuery(BaseModel):
    limit: int = Field(200, ge=1, le=MAX_PAGE_SIZE, description="Tickets at most.", json_schema_extra={"example": 200})
    after: Text = Field(
        "",
        max_length=30,
        description='Cursor of the page: `Link: …; rel="next"` has the address of the next one.',
        json_schema_extra={"example": ""},
    )


class CutFrom(BaseModel):
    stock_id: int = Field(examples=[4])
    cable_length: str = Field(examples=["1,000 ft"])


class PickOut(BaseModel):
    id: int = Field(examples=[12])
    cable_type: str = Field(examples=["Cat6"])
    cable_length: str = Field(examples=["100ft"])
    cable_gauge: str = Field(examples=["23AWG"])
    quantity: int = Field(examples=[5])
    left: int = Field(description="Pieces that are not fulfilled yet.", examples=[3])
    reserved: int = Field(description="Pieces on the shelf that are set aside for it.", examples=[2])
    backordered: int = Field(description="Pieces that are missing.", examples=[1])
    stock_id: int | None = Field(description="Its stock row.", examples=[3])
    cut_from: CutFrom | None = Field(
        description="The shortest longer piece that missing ones could be cut from.", examples=[{"stock_id": 4, "cable_length": "1,000 ft"}]
    )

    @classmethod
    def of(cls, pick: Pick) -> dict[str, Any]:
        own = {
            "left": pick.left,
            "reserved": pick.reserved,
            "backordered": pick.backordered,
            "stock_id": pick.row.id if pick.row else None,
            "cut_from": _row(pick.cut_from),
        }
        return {name: own[name] if name in own else getattr(pick.item, name) for name in cls.model_fields}


class PickedTicketOut(BaseModel):
    ticket_id: int = Field(examples=[7])
    location: str = Field(examples=["Building A"])
    status: str = Field(description="`approved` or `in_progress`.", examples=["approved"])
    priority: str = Field(description="`low`, `medium` or `high`.", examples=["medium"])
    needed_by: date | None = Field(examples=[None])
    created_by: str = Field(examples=["ada"])
    items: list[PickOut] = Field(description="Items of which something is left.")

    @classmethod
    def of(cls, picked: PickedTicket) -> dict[str, Any]:
        ticket = picked.ticket
        own = {
            "ticket_id": ticket.id,
            "needed_by": ticket.needed_by.isoformat() if ticket.needed_by else None,
            "items": [PickOut.of(pick) for pick in picked.picks],
        }
        return {name: own[name] if name in own else getattr(ticket, name) for name in cls.model_fields}


class PickListOut(RootModel[list[PickedTicketOut]]):
    """Tickets that are approved or in progress, by location, then the oldest first."""


def _row(row: StockRow | None) -> dict[str, Any] | None:
    return {"stock_id": row.id, "cable_length": row.cable_length} if row else None
