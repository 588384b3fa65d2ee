"""JSON of the tag routes."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from request_tracker_utils.asset_store.schemas import AssetId
from request_tracker_utils.tags.tag_format import LARGEST_NUMBER


def _without_nul(value: str) -> str:
    return value.replace("\0", "")


def _integer(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # JSON does not distinguish 12.0 and 12
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")
    return value


def _printable(value: str) -> str:
    if not value.strip() or any(ord(character) < 32 for character in value):
        raise ValueError("must be a name without control characters")
    return value.strip()


class NextTag(BaseModel):
    next_asset_tag: str = Field(examples=["W12-0001"])


class ConfirmTag(BaseModel):
    asset_tag: str = Field(min_length=1, max_length=100, description="Prefix and number, as on the label.", examples=["W12-1025"])
    request_tracker_id: AssetId = Field(description="ID of the asset.", examples=[12345])


class TagConfirmed(BaseModel):
    message: str = Field(examples=["Asset tag confirmation logged successfully. Asset name updated in RT."])
    asset_tag: str = Field(examples=["W12-1025"])
    rt_asset_id: int = Field(examples=[12345])


class AssetCreated(BaseModel):
    """The webhook call. A minimal scrip in Request Tracker sends `asset_id`, `event` and `timestamp`; ours adds the name and catalog."""

    model_config = ConfigDict(extra="ignore")

    asset_id: AssetId = Field(description="ID of the asset in Request Tracker.", examples=[12345])
    asset_name: Annotated[str, AfterValidator(_without_nul)] | None = Field(
        None, max_length=10_000, description="A name that is an available tag becomes the asset's tag.", examples=["Laptop Model X"]
    )
    catalog: Annotated[str, AfterValidator(_without_nul)] | None = Field(
        None, max_length=1_000, description="A catalog may have its own prefix.", examples=["Chromebooks"]
    )
    created_by: str | None = Field(None, max_length=1_000, description="Who created the asset in Request Tracker.", examples=["admin_user"])


class TagAssigned(BaseModel):
    message: str = Field(examples=["Asset tag W12-1025 assigned to asset 12345"])
    asset_id: int = Field(examples=[12345])
    asset_tag: str | None = Field(description="Null while the asset's tag is pending (status 202).", examples=["W12-1025"])
    previous_name: str | None = Field(examples=["Laptop Model X"])


class ResetTag(BaseModel):
    start_number: Annotated[int, BeforeValidator(_integer)] = Field(
        ge=1, le=LARGEST_NUMBER, description="Where the sequence continues. Numbers in use are skipped.", examples=[1025]
    )
    prefix: str | None = Field(None, max_length=16, description="Default: PREFIX.", examples=["W12-"])
    reason: Annotated[str, AfterValidator(_without_nul)] | None = Field(
        None, max_length=500, description="Recorded in the audit log.", examples=["New labels start at 1025."]
    )


class TagReset(BaseModel):
    message: str = Field(examples=["1025 to 1030 are in use and were skipped. The next tag is W12-1031."])
    new_start_tag: str = Field(description="The next tag.", examples=["W12-1031"])


class UpdateName(BaseModel):
    asset_id: AssetId = Field(description="ID of the asset.", examples=[12345])
    asset_name: Annotated[str, AfterValidator(_printable)] = Field(
        min_length=1, max_length=255, description="A name that is an available tag becomes the asset's tag.", examples=["Cart 4, front"]
    )


class NameUpdated(BaseModel):
    message: str = Field(examples=["Asset 12345 was renamed to Cart 4, front."])
    asset_id: int = Field(examples=[12345])
    old_name: str = Field(examples=["Laptop Model X"])
    new_name: str = Field(examples=["Cart 4, front"])
