"""Request Tracker's rows as values of ours, and how texts are compared with what was asked."""

import unicodedata
from dataclasses import dataclass, field
from typing import Any

from request_tracker_utils.integrations.rt.errors import RtRefused

NOBODY = "Nobody"
"""The user who owns what nobody owns."""


@dataclass(frozen=True)
class RtAsset:
    """`fields` holds every custom field that the asset has, by name; the values of one with several are joined by `, `.

    `holders` and `owner` are user names. `etag` is set only for an asset that was read by itself.
    """

    id: int
    name: str
    status: str
    catalog: str
    fields: dict[str, str] = field(default_factory=dict)
    holders: tuple[str, ...] = ()
    owner: str = ""
    etag: str = ""


@dataclass(frozen=True)
class RtAssetPage:
    assets: list[RtAsset]
    more: bool


@dataclass(frozen=True)
class RtUser:
    id: int
    name: str
    real_name: str
    email: str
    privileged: bool
    disabled: bool


def misshapen(what: str) -> RtRefused:
    return RtRefused(f"Request Tracker's answer holds {what} in a form that REST 2.0 does not have. Check RT_URL, and RT's version.")


def number(value: Any) -> int:
    """An id, which Request Tracker gives as a number or as text."""
    if (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and value.isascii() and value.isdigit()):
        return int(value)
    raise misshapen("an id")


def text(value: Any) -> str:
    return "" if value is None else str(value)


def asset_of(row: Any, etag: str = "") -> RtAsset:
    """Raises RtRefused for a row that is no asset."""
    if not isinstance(row, dict) or "Name" not in row:
        raise misshapen("an asset")
    catalog = row.get("Catalog")
    owner = next(iter(_users(row.get("Owner"))), "")
    return RtAsset(
        id=number(row.get("id")),
        name=text(row["Name"]),
        status=text(row.get("Status")),
        catalog=text(catalog.get("Name")) if isinstance(catalog, dict) else "",
        fields=_fields(row.get("CustomFields")),
        holders=_users(row.get("HeldBy")),
        owner="" if owner == NOBODY else owner,
        etag=etag,
    )


def user_of(row: Any) -> RtUser:
    """Raises RtRefused for a row that is no user."""
    if not isinstance(row, dict) or not row.get("Name"):
        raise misshapen("a user")
    return RtUser(
        id=number(row.get("id")),
        name=text(row["Name"]),
        real_name=text(row.get("RealName")),
        email=text(row.get("EmailAddress")),
        privileged=_true(row.get("Privileged")),
        disabled=_true(row.get("Disabled")),
    )


def same(one: str, other: str) -> bool:
    """Without case."""
    return one.casefold() == other.casefold()


def alike(one: str, other: str) -> bool:
    """As generously as any database compares: without case, accents, and spaces around.

    What is not even alike was not asked for, and shows that the question was not understood.
    """
    return _folded(one) == _folded(other)


def holds(whole: str, part: str) -> bool:
    return part.casefold() in whole.casefold()


def holds_alike(whole: str, part: str) -> bool:
    return _folded(part) in _folded(whole)


def _folded(value: str) -> str:
    bare = (character for character in unicodedata.normalize("NFKD", value) if not unicodedata.combining(character))
    return "".join(bare).casefold().strip()


def _true(value: Any) -> bool:
    return value not in (None, "", 0, "0", False)


def _users(value: Any) -> tuple[str, ...]:
    rows = value if isinstance(value, list) else [value]
    return tuple(text(row.get("Name") or row.get("id")) for row in rows if isinstance(row, dict) and row.get("type") == "user")


def _fields(value: Any) -> dict[str, str]:
    if not isinstance(value, list):
        return {}
    rows = (row for row in value if isinstance(row, dict) and row.get("name"))
    # A field that was emptied reads back as [None], one that never was set as [].
    return {text(row["name"]): ", ".join(text(each) for each in row.get("values") or () if each not in (None, "")) for row in rows}
