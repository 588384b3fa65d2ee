"""What the routes of batch creation take and give: the contract's fields and no others."""

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from request_tracker_utils.assets.fields import LONGEST

SERIAL: JsonDict = {"minLength": 1, "maxLength": LONGEST["serial_number"], "pattern": "^[A-Za-z0-9-]+$"}
"""Blanks around it are trimmed."""


class CreateAsset(BaseModel):
    """The rules stand in the documentation only: they are checked in one place, whichever way an asset comes."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["serial_number", "manufacturer", "model"]})

    serial_number: str = Field(
        "",
        json_schema_extra=SERIAL,
        description="No two assets have the same one; capitals make no difference.",
        examples=["ABC123456"],
    )
    internal_name: str = Field(
        "", json_schema_extra={"maxLength": LONGEST["internal_name"]}, description="What people call it.", examples=["Dell CB 3100 #1"]
    )
    manufacturer: str = Field("", json_schema_extra={"minLength": 1, "maxLength": LONGEST["manufacturer"]}, examples=["Dell"])
    model: str = Field("", json_schema_extra={"minLength": 1, "maxLength": LONGEST["model"]}, examples=["Chromebook 3100"])
    category: str = Field("", json_schema_extra={"maxLength": LONGEST["category"]}, examples=["Laptop"])
    funding_source: str = Field("", json_schema_extra={"maxLength": LONGEST["funding_source"]}, examples=["Title I"])
    catalog: str = Field(
        "", json_schema_extra={"maxLength": LONGEST["catalog"]}, description="Without it RT_CATALOG.", examples=["General assets"]
    )


class AssetAdded(BaseModel):
    success: bool = Field(description="Always true.", examples=[True])
    asset_id: int = Field(description="The asset's number in the directory.", examples=[12345])
    asset_tag: str = Field(examples=["W12-1234"])
    serial_number: str = Field(description="As it was sent, trimmed.", examples=["ABC123456"])
    label_printed: bool = Field(description="Whether the label is drawn and waits at its print page.", examples=[True])
    message: str = Field(examples=["Asset W12-1234 created successfully"])
    retry_print_url: str | None = Field(
        None, description="Only where the label could not be drawn: where to try again.", examples=["/labels/print?asset_id=12345"]
    )


class WhichSerial(BaseModel):
    serial_number: str = Field("", description="The serial number to look for.", json_schema_extra={"example": "ABC123456"})


class SerialChecked(BaseModel):
    valid: bool = Field(description="Whether an asset with it can be created.", examples=[False])
    serial_number: str = Field(description="As it was checked, trimmed.", examples=["ABC123456"])
    error: str | None = Field(None, description="Why not.", examples=["Serial number already exists"])
    existing_asset_id: int | None = Field(None, description="The asset that has it.", examples=[45678])
    existing_asset_tag: str | None = Field(None, description="That asset's tag.", examples=["W12-0789"])


class WhichCatalog(BaseModel):
    catalog: str = Field(
        "", max_length=1_000, description="Catalogs may have a prefix of their own.", json_schema_extra={"example": "General assets"}
    )


class TagPreviewed(BaseModel):
    next_tag: str = Field(examples=["W12-1235"])
    prefix: str = Field(examples=["W12-"])
    sequence_number: int = Field(examples=[1235])


class FormCleared(BaseModel):
    success: bool = Field(description="Always true.", examples=[True])
    message: str = Field(examples=["Form state cleared"])
