"""Schemas of what is on hand, the ledger and the changes by hand, and the types that all schemas of the stock share."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, RootModel, WithJsonSchema

from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.inventory.lengths import MAX_TEXT
from request_tracker_utils.inventory.models import MAX_QUANTITY, Movement, StockRow
from request_tracker_utils.inventory.reels import Offer
from request_tracker_utils.inventory.reorder import Suggestion
from request_tracker_utils.inventory.repeats import MAX_KEY
from request_tracker_utils.inventory.stock import MAX_NOTES
from request_tracker_utils.web.paging import MAX_PAGE_SIZE

_PIECES = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY}, {"type": "string", "pattern": "^[0-9,]+$"}]}
_COUNTED = {"anyOf": [{"type": "integer", "minimum": 0, "maximum": MAX_QUANTITY}, {"type": "string", "pattern": "^[0-9,]+$"}]}
_DELTA = {
    "anyOf": [{"type": "integer", "minimum": -MAX_QUANTITY, "maximum": MAX_QUANTITY}, {"type": "string", "pattern": "^[-+−]?[0-9,]+$"}]
}
_LEVEL = {"anyOf": [*_COUNTED["anyOf"], {"type": "null"}]}


def _storable(value: str) -> str:
    return value.replace("\0", "\ufffd")


Text = Annotated[str, AfterValidator(_storable)]
Pieces = Annotated[Any, WithJsonSchema(_PIECES)]
"""A positive whole number, or its digits. `lengths.parse_quantity` decides."""
Counted = Annotated[Any, WithJsonSchema(_COUNTED)]
"""The same with 0."""
Delta = Annotated[Any, WithJsonSchema(_DELTA)]
"""The same with a sign."""
Level = Annotated[Any, WithJsonSchema(_LEVEL)]
TYPE = "Case does not matter."
LENGTH = (
    "A number and a unit (`ft`, `in`, `yd`, `m`, `cm`, `mm`, `km`): `100ft` and `100 ft` are the same. Text that is not a number with a "
    "unit is a length of its own."
)
LIMIT = "Rows at most."
BEFORE = "Rows with a smaller ID than this: the last ID of the previous page."


class RequestKey(BaseModel):
    """A request with the key of an earlier one changes nothing and gets its result."""

    model_config = ConfigDict(populate_by_name=True)

    key: Text = Field(
        "",
        alias="Idempotency-Key",
        max_length=MAX_KEY,
        description="A key that the client chooses for this request, such as a UUID. Sent again with the same key within 30 days, the "
        "request changes nothing and gets the first result.",
        json_schema_extra={"example": "3f0c1d5e-8a52-4b0e-9a55-0d9a4a1c6f10"},
    )


class CableIn(BaseModel):
    """Lenient types: `lengths` validates cables from every source."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["cable_type", "cable_length"]})

    cable_type: str = Field("", max_length=MAX_TEXT, description=TYPE, examples=["Cat6"])
    cable_length: str = Field("", max_length=MAX_TEXT, description=LENGTH, examples=["100 ft"])


class OnHandQuery(BaseModel):
    include_zero: bool = Field(False, description="Also rows with nothing left.", json_schema_extra={"example": False})
    cable_type: str = Field("", max_length=MAX_TEXT, description=TYPE, json_schema_extra={"example": ""})


class StockOut(BaseModel):
    cable_type: str = Field(description="As it was written first.", examples=["Cat6"])
    cable_length: str = Field(description="As it was written first.", examples=["100 ft"])
    on_hand: int = Field(description="The sum of its movements.", examples=[8])
    reserved: int = Field(examples=[2])
    available: int = Field(description="`on_hand` − `reserved`.", examples=[6])
    backordered: int = Field(description="Pieces that reservations still lack.", examples=[0])
    stock_id: int = Field(examples=[3])
    movement_id: int = Field(description="Its last movement; 0 for none.", examples=[41])
    threshold: int | None = Field(description="Reorder when no more than this is available.", examples=[5])
    target: int | None = Field(description="How many there should be after an order.", examples=[20])

    @classmethod
    def of(cls, row: StockRow) -> dict[str, Any]:
        return {
            "cable_type": row.cable_type,
            "cable_length": row.cable_length,
            "on_hand": row.on_hand,
            "reserved": row.reserved,
            "available": row.available,
            "backordered": row.backordered,
            "stock_id": row.id,
            "movement_id": row.movement_id,
            "threshold": row.threshold,
            "target": row.target,
        }


class StockList(RootModel[list[StockOut]]):
    """Rows of the stock."""


class MovementsQuery(BaseModel):
    movement_type: Literal["", "receipt", "consumption", "adjustment", "return", "reversal"] = Field(
        "",
        description="`receipt`, `consumption`, `adjustment`, `return` or `reversal`.",
        json_schema_extra={"example": "receipt"},
    )
    source_type: Text = Field("", max_length=30, description="Such as `cable_receiving`.", json_schema_extra={"example": "cable_receiving"})
    source_id: int | None = Field(None, ge=1, le=LARGEST_ID, description="ID within the source type.", json_schema_extra={"example": 7})
    stock_id: int | None = Field(None, ge=1, le=LARGEST_ID, description="Only this stock row.", json_schema_extra={"example": 3})
    limit: int = Field(100, ge=1, le=MAX_PAGE_SIZE, description=LIMIT, json_schema_extra={"example": 100})
    before: int | None = Field(None, ge=1, le=LARGEST_ID, description=BEFORE, json_schema_extra={"example": 500})


class MovementOut(BaseModel):
    id: int = Field(examples=[41])
    movement_type: str = Field(description="`receipt`, `consumption`, `adjustment`, `return` or `reversal`.", examples=["receipt"])
    source_type: str = Field(description="`manual`, `cable_receiving`, `stock_count`, …", examples=["cable_receiving"])
    source_id: int | None = Field(examples=[7])
    actor_user_id: int | None = Field(examples=[2])
    actor: str = Field(examples=["grace"])
    cable_type: str = Field(description="As it was written.", examples=["Cat6"])
    cable_length: str = Field(description="As it was written.", examples=["100ft"])
    quantity_delta: int = Field(examples=[5])
    balance: int = Field(description="On hand after it.", examples=[8])
    notes: str = Field(examples=[""])
    stock_id: int = Field(examples=[3])
    reverses_id: int | None = Field(description="The movement that this one reverses.", examples=[None])
    cut_from_id: int | None = Field(
        description="For a remnant, the consumption of the piece that it was cut from. Both are reversed together.", examples=[None]
    )
    created_at: datetime = Field(examples=["2026-08-17T07:30:00+00:00"])

    @classmethod
    def of(cls, movement: Movement) -> dict[str, Any]:
        names = [name for name in cls.model_fields if name != "created_at"]
        return {name: getattr(movement, name) for name in names} | {"created_at": movement.created_at.isoformat()}


class MovementList(RootModel[list[MovementOut]]):
    """Movements, newest first."""


class AdjustmentIn(CableIn):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["cable_type", "cable_length", "quantity_delta", "reason"]})

    quantity_delta: Delta = Field(None, description="Pieces to add, or with a minus sign to remove; not 0.", examples=[-1])
    reason: Text = Field("", max_length=MAX_NOTES, examples=["Damaged connector"])


class ReturnIn(CableIn):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["cable_type", "cable_length", "quantity"]})

    quantity: Pieces = Field(None, examples=[1])
    notes: Text = Field("", max_length=MAX_NOTES, examples=["Not needed in room 12"])


class ConsumptionIn(CableIn):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["cable_type", "cable_length", "quantity"]})

    quantity: Pieces = Field(None, examples=[1])
    cut: bool = Field(False, description="Cut longer pieces if there are not enough of this length.", examples=[False])
    cut_from: int | None = Field(None, ge=1, le=LARGEST_ID, description="Cut all of it from pieces of this stock row.", examples=[None])
    notes: Text = Field("", max_length=MAX_NOTES, examples=["Room 12"])


class CutQuery(BaseModel):
    cable_type: str = Field("", max_length=MAX_TEXT, description=TYPE, json_schema_extra={"example": "Cat6"})
    cable_length: str = Field("", max_length=MAX_TEXT, description=LENGTH, json_schema_extra={"example": "100 ft"})
    quantity: int = Field(1, ge=1, le=MAX_QUANTITY, description="Pieces.", json_schema_extra={"example": 1})


class CutOut(BaseModel):
    stock_id: int = Field(description="The row of the piece that is cut.", examples=[4])
    cable_length: str = Field(description="Its length.", examples=["1,000 ft"])
    pieces: int = Field(description="How many of the pieces come from it.", examples=[1])
    remnant: str | None = Field(description="The length of what is left; null if nothing is.", examples=["900 ft"])

    @classmethod
    def of(cls, offer: Offer) -> dict[str, Any]:
        remnant = offer.remnant.written if offer.remnant else None
        return {"stock_id": offer.row.id, "cable_length": offer.row.cable_length, "pieces": offer.pieces, "remnant": remnant}


class CutOffer(BaseModel):
    whole: int = Field(description="Pieces that are there in this length.", examples=[0])
    cuts: list[CutOut] = Field(description="Longer pieces to cut for the rest, shortest first.")


class ReverseIn(BaseModel):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["reason"]})

    reason: Text = Field("", max_length=MAX_NOTES, examples=["Entered twice"])


class MovementPath(BaseModel):
    movement_id: int = Field(ge=1, le=LARGEST_ID, description="The movement’s ID.", json_schema_extra={"example": 41})


class StockPath(BaseModel):
    stock_id: int = Field(ge=1, le=LARGEST_ID, description="The stock row’s ID.", json_schema_extra={"example": 3})


class Moved(BaseModel):
    message: str = Field(examples=["Stock adjusted"])
    movement: MovementOut


class ManyMoved(BaseModel):
    message: str = Field(examples=["Stock taken out"])
    movements: list[MovementOut] = Field(description="A cut has two: the piece that is consumed, and its remnant.")


class LevelsIn(BaseModel):
    """Both, or neither."""

    model_config = ConfigDict(extra="ignore")

    threshold: Level = Field(None, description="Reorder when no more than this is available; null or omitted: never.", examples=[5])
    target: Level = Field(None, description="How many there should be after an order; null or omitted: never.", examples=[20])


class SuggestionOut(StockOut):
    suggested: int = Field(description="Pieces to order: they fill all back-orders and reach the target.", examples=[14])

    @classmethod
    def of_suggestion(cls, suggestion: Suggestion) -> dict[str, Any]:
        return {**StockOut.of(suggestion.row), "suggested": suggestion.quantity}


class SuggestionList(RootModel[list[SuggestionOut]]):
    """What to order."""
