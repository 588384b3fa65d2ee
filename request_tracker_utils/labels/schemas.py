"""What the label routes take and give."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator

from request_tracker_utils.directory.schemas import AssetId
from request_tracker_utils.directory.service import LARGEST_ID
from request_tracker_utils.labels.service import MOST_LABELS

MOST_COPIES = 20
MOST_SKIPPED = 500
"""More labels than any sheet has."""


class PrintLabel(BaseModel):
    """`asset_id` (or `assetId`) or `assetName` says which asset; `size` is a format's name."""

    asset_id: AssetId | None = None
    assetId: AssetId | None = None
    assetName: str | None = Field(None, min_length=1, max_length=500)
    size: str | None = Field(None, max_length=60)
    autoprint: bool = False

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if self.number is None and not self.assetName:
            raise ValueError("assetId or assetName is required")
        return self

    @property
    def number(self) -> int | None:
        return self.asset_id or self.assetId


def _divided(value: Any) -> Any:
    """A form sends a tick as a field, and a long list as one field with commas."""
    if not isinstance(value, list):
        return value
    pieces = [piece for each in value for piece in (each.split(",") if isinstance(each, str) else [each])]
    if len(pieces) > MOST_LABELS:
        raise ValueError(f"These are {len(pieces):,}; at most {MOST_LABELS:,} labels are printed at once. Divide them into several prints.")
    return pieces


class BatchLabels(BaseModel):
    """`asset_ids`, in the order in which they are to print, or a `query` in the directory's language, of which the assets `beyond` a
    number are printed. `total` is how many labels are expected then, where somebody has counted.

    `preview` shows the first labels, and nothing counts as printed.
    """

    asset_ids: Annotated[list[AssetId], BeforeValidator(_divided)] | None = None
    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)] | None = None
    beyond: int = Field(0, ge=0, le=LARGEST_ID)
    total: int | None = Field(None, ge=1, le=MOST_LABELS)
    size: str | None = Field(None, max_length=60)
    copies: int = Field(1, ge=1, le=MOST_COPIES)
    skip: int = Field(0, ge=0, le=MOST_SKIPPED)
    autoprint: bool = False
    preview: bool = False

    @model_validator(mode="after")
    def _names_some(self) -> Self:
        if not self.asset_ids and not self.query:
            raise ValueError("Tick at least one asset, or send asset_ids or a query.")
        return self


class LabelPath(BaseModel):
    asset_id: int = Field(ge=1, le=LARGEST_ID, description="The asset’s number in the directory.", json_schema_extra={"example": 12345})


class LabelledAssetFacts(BaseModel):
    """An asset, and what became of its label."""

    asset_id: int = Field(examples=[12345])
    name: str = Field(description="What the directory calls it: its tag, as a rule.", examples=["W12-1025"])
    serial: str = Field(examples=["5CD2198XKL"])
    model: str = Field(examples=["Chromebook 3100"])
    manufacturer: str = Field(examples=["Dell"])
    catalog: str = Field(examples=["Chromebooks"])
    holder: str = Field(description="Empty when nobody has it.", examples=["student1001"])
    printed_at: datetime | None = Field(description="Of its newest label.", examples=["2026-03-02T08:00:00+00:00"])
    printed_by: str | None = Field(description="Empty for a label that was not printed here.", examples=["ada"])
    scanned_at: datetime | None = Field(description="Since that label was printed.", examples=["2026-03-02T09:30:00+00:00"])
    scanned_by: str | None = Field(examples=["ada"])
