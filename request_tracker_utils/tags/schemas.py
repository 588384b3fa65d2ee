"""What the tag routes take and give."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from request_tracker_utils.directory.service import LARGEST_ID


def _whole(value: Any) -> Any:
    """Request Tracker sends its ids as numbers and, here and there, as text."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value.strip()) <= 12:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be the number of an asset")
    return value


AssetId = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=LARGEST_ID)]


class NextTag(BaseModel):
    next_asset_tag: str = Field(examples=["W12-0001"])


class ConfirmTag(BaseModel):
    asset_tag: str = Field(min_length=1, max_length=100, examples=["W12-1025"])
    request_tracker_id: AssetId = Field(examples=[12345])


class TagConfirmed(BaseModel):
    message: str
    asset_tag: str
    rt_asset_id: int


class AssetCreated(BaseModel):
    """The webhook's call. Request Tracker's bare scrip sends `asset_id`, `event` and `timestamp`; ours sends name and catalog too."""

    model_config = ConfigDict(extra="ignore")

    asset_id: AssetId = Field(examples=[12345])
    asset_name: str | None = Field(None, max_length=10_000, examples=["Laptop Model X"])
    catalog: str | None = Field(None, max_length=1_000, examples=["Chromebooks"])
    created_by: str | None = Field(None, max_length=1_000)


class TagGiven(BaseModel):
    message: str
    asset_id: int
    asset_tag: str | None
    previous_name: str | None
