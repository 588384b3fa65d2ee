"""Schemas of deliveries and cable types."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.inventory.cable_types import MAX_CHOICES
from request_tracker_utils.inventory.lengths import MAX_TEXT
from request_tracker_utils.inventory.models import CableReceipt, CableType
from request_tracker_utils.inventory.receiving import MAX_ITEMS, MAX_NUMBER, MAX_VENDOR, Delivery, DeliveryItem
from request_tracker_utils.inventory.schemas.stock import BEFORE, LENGTH, LIMIT, TYPE, CableIn, Pieces, Text
from request_tracker_utils.inventory.stock import MAX_NOTES
from request_tracker_utils.web.paging import MAX_PAGE_SIZE


class ItemIn(CableIn):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["cable_type", "cable_length", "quantity"]})

    quantity: Pieces = Field(None, examples=[5])


class DeliveryIn(BaseModel):
    """`items`, or one item with its fields here."""

    model_config = ConfigDict(extra="ignore")

    vendor: Text = Field("", max_length=MAX_VENDOR, examples=["Graybar"])
    po_number: Text = Field("", max_length=MAX_NUMBER, examples=["PO-1207"])
    packing_slip: Text = Field(
        "", max_length=MAX_NUMBER, description="The vendor’s number of the packing slip. It is received once.", examples=["PS-88121"]
    )
    notes: Text = Field("", max_length=MAX_NOTES, examples=[""])
    items: list[ItemIn] = Field([], max_length=MAX_ITEMS)
    cable_type: str = Field("", max_length=MAX_TEXT, description=TYPE, examples=[""])
    cable_length: str = Field("", max_length=MAX_TEXT, description=LENGTH, examples=[""])
    quantity: Pieces = Field(None, examples=[1])

    def delivery(self) -> Delivery:
        """One that is sent flat has one item."""
        items: list[ItemIn | DeliveryIn] = [*self.items]
        if {"cable_type", "cable_length", "quantity"} & self.model_fields_set and (self.cable_type or not items):
            items.append(self)
        entered = [DeliveryItem(item.cable_type, item.cable_length, item.quantity) for item in items]
        return Delivery(entered, self.vendor, self.po_number, self.packing_slip, self.notes)


class ItemOut(BaseModel):
    id: int = Field(examples=[12])
    cable_type: str = Field(examples=["Cat6"])
    cable_length: str = Field(examples=["100ft"])
    quantity: int = Field(examples=[5])
    stock_id: int = Field(examples=[3])


class ReceiptOut(BaseModel):
    id: int = Field(examples=[7])
    vendor: str = Field(examples=["Graybar"])
    po_number: str = Field(examples=["PO-1207"])
    packing_slip: str = Field(examples=["PS-88121"])
    notes: str = Field(examples=[""])
    received_by_id: int | None = Field(examples=[2])
    received_by: str = Field(examples=["grace"])
    created_at: datetime = Field(examples=["2026-08-17T07:30:00+00:00"])
    reversed_at: datetime | None = Field(description="When all of it had been reversed.", examples=[None])
    items: list[ItemOut]

    @classmethod
    def of(cls, receipt: CableReceipt) -> dict[str, Any]:
        names = ("id", "vendor", "po_number", "packing_slip", "notes", "received_by_id", "received_by")
        return {name: getattr(receipt, name) for name in names} | {
            "created_at": receipt.created_at.isoformat(),
            "reversed_at": receipt.reversed_at.isoformat() if receipt.reversed_at else None,
            "items": [{name: getattr(item, name) for name in ItemOut.model_fields} for item in receipt.items],
        }


class ReceiptList(RootModel[list[ReceiptOut]]):
    """Deliveries, newest first."""


class ReceiptsQuery(BaseModel):
    limit: int = Field(100, ge=1, le=MAX_PAGE_SIZE, description=LIMIT, json_schema_extra={"example": 100})
    before: int | None = Field(None, ge=1, le=LARGEST_ID, description=BEFORE, json_schema_extra={"example": 500})


class ReceiptPath(BaseModel):
    receipt_id: int = Field(ge=1, le=LARGEST_ID, description="The delivery’s ID.", json_schema_extra={"example": 7})


class Received(BaseModel):
    message: str = Field(examples=["Delivery received"])
    receipt: ReceiptOut


class TypePath(BaseModel):
    type_id: int = Field(ge=1, le=LARGEST_ID, description="The cable type’s ID.", json_schema_extra={"example": 1})


class TypesQuery(BaseModel):
    include_inactive: bool = Field(False, description="Also types that are no longer offered.", json_schema_extra={"example": False})


class ChangedType(BaseModel):
    """Omitted fields are not changed."""

    model_config = ConfigDict(extra="ignore")

    name: Text = Field("", max_length=MAX_TEXT, examples=["Cat6"])
    gauges: list[Text] = Field([], max_length=MAX_CHOICES, examples=[["23AWG"]])
    lengths: list[Text] = Field([], max_length=MAX_CHOICES, examples=[["100 ft", "1,000 ft"]])
    active: bool = Field(True, description="Whether pages offer it.", examples=[True])


class NewType(BaseModel):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["name"]})

    name: Text = Field("", max_length=MAX_TEXT, examples=["Cat6"])
    gauges: list[Text] = Field([], max_length=MAX_CHOICES, examples=[["23AWG"]])
    lengths: list[Text] = Field([], max_length=MAX_CHOICES, examples=[["100 ft", "1,000 ft"]])


class TypeOut(BaseModel):
    id: int = Field(examples=[1])
    name: str = Field(examples=["Cat6"])
    gauges: list[str] = Field(examples=[["23AWG"]])
    lengths: list[str] = Field(examples=[["100 ft", "1,000 ft"]])
    active: bool = Field(examples=[True])

    @classmethod
    def of(cls, cable_type: CableType) -> dict[str, Any]:
        return {name: getattr(cable_type, name) for name in cls.model_fields}


class TypeList(RootModel[list[TypeOut]]):
    """Cable types by name."""
