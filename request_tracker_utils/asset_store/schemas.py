"""The id of an asset, as every route accepts it."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from request_tracker_utils.asset_store.service import LARGEST_ID


def _integer(value: Any) -> Any:
    """Request Tracker sends its ids as numbers, and sometimes as text."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value.strip()) <= 12:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)  # in JSON, 12.0 and 12 are the same number
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be the number of an asset")
    return value


def asset_ids_in(texts: Iterable[str]) -> list[int]:
    """The asset ids in texts with one id each, or several separated by commas; each id once, in order. Everything else is ignored."""
    pieces = (piece.strip() for text in texts for piece in text.split(","))
    numbers = (int(piece) for piece in pieces if piece.isascii() and piece.isdigit() and len(piece) <= 10)
    return list(dict.fromkeys(number for number in numbers if 0 < number <= LARGEST_ID))


AS_JSON = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": LARGEST_ID},
        {"type": "string", "pattern": "^[1-9][0-9]{0,8}$", "description": "The number as text."},
    ]
}

AssetId = Annotated[int, Field(ge=1, le=LARGEST_ID), BeforeValidator(_integer), WithJsonSchema(AS_JSON)]
