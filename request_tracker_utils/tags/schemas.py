"""What the tag routes take and give."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from request_tracker_utils.directory.schemas import AssetId


def _storable(value: str) -> str:
    return value.replace("\0", "")


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
    asset_name: Annotated[str, AfterValidator(_storable)] | None = Field(None, max_length=10_000, examples=["Laptop Model X"])
    catalog: str | None = Field(None, max_length=1_000, examples=["Chromebooks"])
    created_by: str | None = Field(None, max_length=1_000)


class TagGiven(BaseModel):
    message: str
    asset_id: int
    asset_tag: str | None
    previous_name: str | None
