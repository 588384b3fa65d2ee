"""How the routes of batch creation say no: fields, messages and statuses of their contract, which other programs rely on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from request_tracker_utils.asset_store.service import (
    AssetNotFound,
    AssetStoreBroken,
    AssetStoreBusy,
    AssetStoreInvalid,
    AssetStoreRefused,
    AssetStoreUnreachable,
    SerialTaken,
)
from request_tracker_utils.assets.errors import CreationUnknown, SerialInFlight
from request_tracker_utils.core.errors import AppError, Invalid, Unavailable
from request_tracker_utils.tags.errors import SequenceExhausted, SequenceNotReady
from request_tracker_utils.web.error_responses import ErrorShape

OF_DIRECTORY = (AssetStoreUnreachable, AssetStoreBroken, AssetStoreBusy, AssetStoreInvalid, AssetStoreRefused, AssetNotFound)
FOR_GOOD = (AssetStoreInvalid, AssetStoreRefused, AssetNotFound)
"""What the directory says again when it is asked again."""


class DuplicateSerial(Invalid):
    """An asset has this serial number: `existing_asset_id` names it where that is known. With `retry` it is being created just now."""

    code = "duplicate_serial"


class CreationFailed(AppError):
    """The directory did not create the asset, or did not say so. With `retry` the request may be sent again: there is no second asset."""

    status, code = 500, "creation_failed"


class SequenceUnavailable(AppError):
    """No tag can be given: the tags that the directory holds are still being read, or all numbers are given."""

    status, code = 500, "sequence_unavailable"


class SerialNotChecked(AppError):
    """The directory could not be searched."""

    status, code = 500, "serial_not_checked"


def _of_creation(message: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    told = ("field", "existing_asset_id", "validation_rule", "retry")
    return {"success": False, "error": message, **{name: fields[name] for name in told if fields.get(name) is not None}}


def _plainly(message: str, _fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"error": message}


ERROR = {"type": "string", "description": "What is wrong and what to do, for a person to read."}
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
            "field": {"type": "string", "description": "The field that does not fit."},
            "existing_asset_id": {"type": "integer", "description": "The asset that has the serial number."},
            "validation_rule": {"type": "string", "description": "What holds for the field."},
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
    _of_creation,
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
    _plainly,
    unavailable=500,
)


@contextmanager
def creating() -> Iterator[None]:
    """Errors of a creation in the words of the contract."""
    try:
        yield
    except SerialTaken as error:
        raise DuplicateSerial(error.message, field="serial_number", existing_asset_id=error.fields["asset_id"]) from error
    except SerialInFlight as error:
        raise DuplicateSerial(error.message, field="serial_number", retry=True) from error
    except (SequenceNotReady, SequenceExhausted) as error:
        raise sequence_unavailable(error) from error
    except (CreationUnknown, *OF_DIRECTORY) as error:
        raise CreationFailed(f"Failed to create asset in RT: {error.message}", retry=not isinstance(error, FOR_GOOD)) from error


def sequence_unavailable(error: AppError) -> SequenceUnavailable:
    return SequenceUnavailable("Asset tag sequence unavailable", retry=isinstance(error, Unavailable))
