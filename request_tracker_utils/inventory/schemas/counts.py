"""Schemas of counts."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.inventory.counting import MAX_TITLE, RowToCount
from request_tracker_utils.inventory.lengths import MAX_TEXT
from request_tracker_utils.inventory.models import StockCount, StockCountRow
from request_tracker_utils.inventory.schemas.stock import LIMIT, Counted, Text
from request_tracker_utils.inventory.stock import MAX_NOTES
from request_tracker_utils.web.paging import MAX_PAGE_SIZE


class NewCount(BaseModel):
    model_config = ConfigDict(extra="ignore")

    title: Text = Field("", max_length=MAX_TITLE, examples=["Closet B"])
    cable_type: Text = Field("", max_length=MAX_TEXT, description="Count only this type.", examples=["Cat6"])


class CountPath(BaseModel):
    count_id: int = Field(ge=1, le=LARGEST_ID, description="The count’s ID.", json_schema_extra={"example": 2})


class CountsQuery(BaseModel):
    limit: int = Field(100, ge=1, le=MAX_PAGE_SIZE, description=LIMIT, json_schema_extra={"example": 100})


class CountOut(BaseModel):
    id: int = Field(examples=[2])
    title: str = Field(examples=["Closet B"])
    cable_type: str = Field(description="Empty if all types are counted.", examples=["Cat6"])
    started_by: str = Field(examples=["grace"])
    started_at: datetime = Field(examples=["2026-08-17T07:30:00+00:00"])
    finished_at: datetime | None = Field(examples=[None])

    @classmethod
    def of(cls, count: StockCount) -> dict[str, Any]:
        return {
            "id": count.id,
            "title": count.title,
            "cable_type": count.cable_type,
            "started_by": count.started_by,
            "started_at": count.started_at.isoformat(),
            "finished_at": count.finished_at.isoformat() if count.finished_at else None,
        }


class CountList(RootModel[list[CountOut]]):
    """Counts, newest first."""


class CountedOut(BaseModel):
    counted: int = Field(examples=[7])
    expected: int = Field(description="The balance at the moment when it was counted.", examples=[8])
    movement_id: int | None = Field(description="The adjustment; null if the count was as expected.", examples=[42])
    reason: str = Field(examples=["One was broken"])
    counted_by: str = Field(examples=["grace"])
    counted_at: datetime = Field(examples=["2026-08-17T07:30:00+00:00"])

    @classmethod
    def of(cls, counted: StockCountRow) -> dict[str, Any]:
        names = ("counted", "expected", "movement_id", "reason", "counted_by")
        return {name: getattr(counted, name) for name in names} | {"counted_at": counted.counted_at.isoformat()}


class RowOut(BaseModel):
    stock_id: int = Field(examples=[3])
    cable_type: str = Field(examples=["Cat6"])
    cable_length: str = Field(examples=["100 ft"])
    movement_id: int = Field(description="Its last movement; send it with the number that you count now.", examples=[41])
    counted: CountedOut | None = Field(description="Null until it is counted.", examples=[None])

    @classmethod
    def of(cls, row: RowToCount) -> dict[str, Any]:
        return {
            "stock_id": row.row.id,
            "cable_type": row.row.cable_type,
            "cable_length": row.row.cable_length,
            "movement_id": row.row.movement_id,
            "counted": CountedOut.of(row.counted) if row.counted else None,
        }


class CountWithRows(CountOut):
    rows: list[RowOut]


class CountedIn(BaseModel):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["stock_id", "counted", "movement_id"]})

    stock_id: int = Field(0, ge=0, le=LARGEST_ID, examples=[3])
    counted: Counted = Field(None, description="Pieces on the shelf.", examples=[7])
    movement_id: int = Field(
        0, ge=0, le=LARGEST_ID, description="The row’s last movement when it was counted; 0 if it had none.", examples=[41]
    )
    reason: Text = Field("", max_length=MAX_NOTES, description="Required if the number differs.", examples=["One was broken"])
    recount: bool = Field(False, description="Count a row again that was already counted.", examples=[False])


class RowCounted(BaseModel):
    message: str = Field(examples=["Row counted"])
    row: CountedOut
