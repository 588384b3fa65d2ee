"""Requests, responses and errors of the routes of batch creation: the fields, messages and statuses of their contract, and no others."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from request_tracker_utils.asset_store.service import (
    AssetNotFound,
    AssetStoreBroken,
    AssetStoreBusy,
    AssetStoreInvalid,
    AssetStoreRefused,
    AssetStoreSearchFailed,
    AssetStoreUnreachable,
    SerialTaken,
)
from request_tracker_utils.assets.errors import CreationUnknown, SerialInFlight
from request_tracker_utils.assets.fields import MAX_LENGTHS
from request_tracker_utils.core.errors import AppError, Invalid, Unavailable
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags.errors import SequenceExhausted, SequenceNotReady
from request_tracker_utils.web.error_responses import ErrorShape

PERMANENT = (AssetStoreInvalid, AssetStoreRefused, AssetNotFound)
"""Errors of the asset store that the same request causes again."""
ASSET_STORE_ERRORS = (*PERMANENT, AssetStoreUnreachable, AssetStoreBroken, AssetStoreBusy)
SERIAL: JsonDict = {"minLength": 1, "maxLength": MAX_LENGTHS["serial_number"], "pattern": "^[A-Za-z0-9-]+$"}
"""Surrounding blanks are trimmed."""


class CreateAsset(BaseModel):
    """The rules are only documented here. `fields` checks them, also for forms, imports and commands."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["serial_number", "manufacturer", "model"]})

    serial_number: str = Field("", json_schema_extra=SERIAL, description="Must be unique, ignoring case.", examples=["ABC123456"])
    internal_name: str = Field(
        "",
        json_schema_extra={"maxLength": MAX_LENGTHS["internal_name"]},
        description="Internal name or description.",
        examples=["Dell CB 3100 #1"],
    )
    manufacturer: str = Field("", json_schema_extra={"minLength": 1, "maxLength": MAX_LENGTHS["manufacturer"]}, examples=["Dell"])
    model: str = Field("", json_schema_extra={"minLength": 1, "maxLength": MAX_LENGTHS["model"]}, examples=["Chromebook 3100"])
    category: str = Field("", json_schema_extra={"maxLength": MAX_LENGTHS["category"]}, examples=["Laptop"])
    funding_source: str = Field("", json_schema_extra={"maxLength": MAX_LENGTHS["funding_source"]}, examples=["Title I"])
    catalog: str = Field(
        "", json_schema_extra={"maxLength": MAX_LENGTHS["catalog"]}, description="Default: RT_CATALOG.", examples=["General assets"]
    )


class CreatedAssetResponse(BaseModel):
    success: bool = Field(description="Always true.", examples=[True])
    asset_id: int = Field(description="ID of the asset in Request Tracker.", examples=[12345])
    asset_tag: str = Field(examples=["W12-1234"])
    serial_number: str = Field(description="As sent, trimmed.", examples=["ABC123456"])
    label_printed: bool = Field(
        description="True if the label was rendered and is ready on its print page, `/labels/print?asset_id=…`. It does not mean that "
        "paper came out: a browser prints the page, and the server cannot see paper. False if the label could not be rendered, because its "
        "text or a code does not fit the label format; `retry_print_url` is then set. The asset and its tag exist in both cases.",
        examples=[True],
    )
    message: str = Field(examples=["Asset W12-1234 created successfully"])
    retry_print_url: str | None = Field(
        None,
        description="Only if `label_printed` is false: the page to retry, after the label format is corrected.",
        examples=["/labels/print?asset_id=12345"],
    )


class SerialQuery(BaseModel):
    serial_number: str = Field("", description="The serial number to check.", json_schema_extra={"example": "ABC123456"})


class SerialChecked(BaseModel):
    valid: bool = Field(description="Whether an asset with it can be created.", examples=[False])
    serial_number: str = Field(description="As checked, trimmed.", examples=["ABC123456"])
    error: str | None = Field(None, description="Why not.", examples=["Serial number already exists"])
    existing_asset_id: int | None = Field(None, description="The asset that has it.", examples=[45678])
    existing_asset_tag: str | None = Field(None, description="That asset's tag.", examples=["W12-0789"])


class CatalogQuery(BaseModel):
    catalog: str = Field(
        "", max_length=1_000, description="Catalogs may have their own prefix.", json_schema_extra={"example": "General assets"}
    )


class TagPreviewed(BaseModel):
    next_tag: str = Field(examples=["W12-1235"])
    prefix: str = Field(examples=["W12-"])
    sequence_number: int = Field(examples=[1235])


class FormCleared(BaseModel):
    success: bool = Field(description="Always true.", examples=[True])
    message: str = Field(examples=["Form state cleared"])


class DuplicateSerial(Invalid):
    """An asset has this serial number: `existing_asset_id`, if known. With `retry`, another request is creating it."""

    code = "duplicate_serial"


class CreationFailed(AppError):
    """The asset was not created, or the result is unknown. With `retry`, the request can be repeated without creating a duplicate."""

    status, code = 500, "creation_failed"


class SequenceUnavailable(AppError):
    """No tag is available: the existing tags are still being read from Request Tracker, or all numbers are used."""

    status, code = 500, "sequence_unavailable"


class SerialNotChecked(AppError):
    """Request Tracker could not be searched."""

    status, code = 500, "serial_not_checked"


def _creation_error(message: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    shown = ("field", "existing_asset_id", "validation_rule", "retry")
    return {"success": False, "error": message, **{name: fields[name] for name in shown if fields.get(name) is not None}}


def _plain_error(message: str, _fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"error": message}


ERROR = {"type": "string", "description": "What is wrong and what to do, in words."}
CREATION = ErrorShape(
    "CreationRefusal",
    {
        "title": "CreationRefusal",
        "type": "object",
        "required": ["success", "error"],
        "additionalProperties": False,
        "properties": {
            "success": {"type": "boolean", "enum": [False]},
            "error": ERROR,
            "field": {"type": "string", "description": "The field that is invalid."},
            "existing_asset_id": {"type": "integer", "description": "The asset that has the serial number."},
            "validation_rule": {"type": "string", "description": "The rule for the field."},
            "retry": {"type": "boolean", "description": "Whether the same request may succeed later."},
        },
        "examples": [
            {
                "success": False,
                "error": "Serial number ABC123456 already exists (Asset #45678)",
                "field": "serial_number",
                "existing_asset_id": 45678,
            }
        ],
    },
    _creation_error,
    unavailable=500,
)
PLAIN = ErrorShape(
    "PlainRefusal",
    {
        "title": "PlainRefusal",
        "type": "object",
        "required": ["error"],
        "additionalProperties": False,
        "properties": {"error": ERROR},
        "examples": [{"error": "Missing required parameter: serial_number"}],
    },
    _plain_error,
    unavailable=500,
)


@contextmanager
def creation_errors() -> Iterator[None]:
    """Raises the errors of a creation as the contract has them."""
    try:
        yield
    except SerialTaken as error:
        raise DuplicateSerial(error.message, field="serial_number", existing_asset_id=error.fields["asset_id"]) from error
    except SerialInFlight as error:
        raise DuplicateSerial(error.message, field="serial_number", retry=True) from error
    except (SequenceNotReady, SequenceExhausted) as error:
        raise sequence_unavailable(error) from error
    except (CreationUnknown, *ASSET_STORE_ERRORS) as error:
        message = _("Failed to create asset in RT: %(problem)s", problem=error.message)
        is_permanent = isinstance(error, PERMANENT) and not isinstance(error, AssetStoreSearchFailed)
        raise CreationFailed(message, retry=not is_permanent) from error


def sequence_unavailable(error: AppError) -> SequenceUnavailable:
    return SequenceUnavailable(_("Asset tag sequence unavailable"), retry=isinstance(error, Unavailable))
