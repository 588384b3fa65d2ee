"""What the tag routes take and give."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from request_tracker_utils.directory.schemas import AssetId


def _storable(value: str) -> str:
    return value.replace("\0", "")


class NextTag(BaseModel):
    next_asset_tag: str = Field(examples=["W12-0001"])


class ConfirmTag(BaseModel):
    asset_tag: str = Field(min_length=1, max_length=100, description="Beginning and number, as on the label.", examples=["W12-1025"])
    request_tracker_id: AssetId = Field(description="The asset's number in the directory.", examples=[12345])


class TagConfirmed(BaseModel):
    message: str = Field(examples=["Asset tag confirmation logged successfully. Asset name updated in RT."])
    asset_tag: str = Field(examples=["W12-1025"])
    rt_asset_id: int = Field(examples=[12345])


class AssetCreated(BaseModel):
    """The webhook's call. Request Tracker's bare scrip sends `asset_id`, `event` and `timestamp`; ours sends name and catalog too."""

    model_config = ConfigDict(extra="ignore")

    asset_id: AssetId = Field(description="The asset's number in Request Tracker.", examples=[12345])
    asset_name: Annotated[str, AfterValidator(_storable)] | None = Field(
        None, max_length=10_000, description="A name that is a free tag of ours becomes the asset's tag.", examples=["Laptop Model X"]
    )
    catalog: str | None = Field(None, max_length=1_000, examples=["Chromebooks"])
    created_by: str | None = Field(None, max_length=1_000, description="Who created it in Request Tracker.", examples=["admin_user"])


class TagGiven(BaseModel):
    message: str = Field(examples=["Asset tag W12-1025 assigned to asset 12345"])
    asset_id: int = Field(examples=[12345])
    asset_tag: str | None = Field(description="Null as long as the asset waits for its tag (status 202).", examples=["W12-1025"])
    previous_name: str | None = Field(examples=["Laptop Model X"])
