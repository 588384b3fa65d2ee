"""What the tag routes take and give."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from request_tracker_utils.asset_store.schemas import AssetId
from request_tracker_utils.tags.names import LARGEST_NUMBER


def _storable(value: str) -> str:
    return value.replace("\0", "")


def _number(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # to JSON 12.0 and 12 are one number
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")
    return value


def _name(value: str) -> str:
    if not value.strip() or any(ord(character) < 32 for character in value):
        raise ValueError("must be a name, without control characters")
    return value.strip()


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
    catalog: Annotated[str, AfterValidator(_storable)] | None = Field(
        None, max_length=1_000, description="Its tags may have a prefix of their own.", examples=["Chromebooks"]
    )
    created_by: str | None = Field(None, max_length=1_000, description="Who created it in Request Tracker.", examples=["admin_user"])


class TagGiven(BaseModel):
    message: str = Field(examples=["Asset tag W12-1025 assigned to asset 12345"])
    asset_id: int = Field(examples=[12345])
    asset_tag: str | None = Field(description="Null as long as the asset waits for its tag (status 202).", examples=["W12-1025"])
    previous_name: str | None = Field(examples=["Laptop Model X"])


class ResetTag(BaseModel):
    start_number: Annotated[int, BeforeValidator(_number)] = Field(
        ge=1, le=LARGEST_NUMBER, description="Where the sequence goes on; numbers in use are skipped.", examples=[1025]
    )
    prefix: str | None = Field(None, max_length=16, description="Another prefix than PREFIX.", examples=["W12-"])
    reason: Annotated[str, AfterValidator(_storable)] | None = Field(
        None, max_length=500, description="Stands in the audit trail.", examples=["New labels begin at 1025."]
    )


class TagReset(BaseModel):
    message: str = Field(examples=["1025 to 1030 are in use and are skipped; the next tag is W12-1031."])
    new_start_tag: str = Field(description="The tag that is given next.", examples=["W12-1031"])


class UpdateName(BaseModel):
    asset_id: AssetId = Field(description="The asset's number in the directory.", examples=[12345])
    asset_name: Annotated[str, AfterValidator(_name)] = Field(
        min_length=1, max_length=255, description="A name that is a tag of ours becomes the asset's tag.", examples=["Cart 4, front"]
    )


class NameUpdated(BaseModel):
    message: str = Field(examples=["Asset 12345 is called Cart 4, front now."])
    asset_id: int = Field(examples=[12345])
    old_name: str = Field(examples=["Laptop Model X"])
    new_name: str = Field(examples=["Cart 4, front"])
