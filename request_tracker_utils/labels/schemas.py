"""What the label routes take."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from request_tracker_utils.directory.schemas import AssetId
from request_tracker_utils.labels.service import MOST_LABELS


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


class BatchLabels(BaseModel):
    """`asset_ids`, in the order in which they are to print, or a `query` in the directory's language."""

    asset_ids: Annotated[list[AssetId], Field(max_length=MOST_LABELS)] | None = None
    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)] | None = None
    size: str | None = Field(None, max_length=60)
    autoprint: bool = False

    @model_validator(mode="after")
    def _names_some(self) -> Self:
        if not self.asset_ids and not self.query:
            raise ValueError("Tick at least one asset, or send asset_ids or a query.")
        return self
