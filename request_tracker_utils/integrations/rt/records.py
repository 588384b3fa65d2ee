"""Records of Request Tracker as typed values, and how their texts are compared with those searched for."""

import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.rt.errors import RtRefused

NOBODY = "Nobody"
"""The owner of assets without an owner. Every Request Tracker has this user."""


@dataclass(frozen=True)
class RtAsset:
    """`fields` maps the names of all custom fields of the asset to their values; several values of one field are joined by `, `.

    `holders` and `owner` are user names. `etag` is set only by `Assets.get`. `created_at` is None where it was not asked for.
    """

    id: int
    name: str
    status: str
    catalog: str
    fields: dict[str, str] = field(default_factory=dict)
    holders: tuple[str, ...] = ()
    owner: str = ""
    etag: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True)
class RtUser:
    id: int
    name: str
    real_name: str
    email: str
    privileged: bool
    disabled: bool


@dataclass(frozen=True)
class RtTicket:
    """`assets` are the ids of the assets that the ticket refers to."""

    id: int
    assets: tuple[int, ...]


def malformed(what: str) -> RtRefused:
    message = _("Request Tracker's response contains %(what)s in an unknown format. Check RT_URL and RT's version.", what=what)
    return RtRefused(message)


def number(value: Any) -> int:
    """An id, which Request Tracker sends as a number or as text."""
    if (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and value.isascii() and value.isdigit()):
        return int(value)
    raise malformed(_("an id"))


def text(value: Any) -> str:
    return "" if value is None else str(value)


def asset_of(row: Any, etag: str = "") -> RtAsset:
    """Raises RtRefused for a row that is not an asset."""
    if not isinstance(row, dict) or "Name" not in row:
        raise malformed(_("an asset"))
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
        created_at=_time(row.get("Created")),
    )


def user_of(row: Any) -> RtUser:
    """Raises RtRefused for a row that is not a user."""
    if not isinstance(row, dict) or not row.get("Name"):
        raise malformed(_("a user"))
    return RtUser(
        id=number(row.get("id")),
        name=text(row["Name"]),
        real_name=text(row.get("RealName")),
        email=text(row.get("EmailAddress")),
        privileged=is_true(row.get("Privileged")),
        disabled=is_true(row.get("Disabled")),
    )


def same(one: str, other: str) -> bool:
    """Ignores case."""
    return one.casefold() == other.casefold()


def similar(one: str, other: str) -> bool:
    """Ignores case, accents and surrounding spaces, as some databases do.

    A row that is not even similar to what was searched for shows that Request Tracker did not understand the search.
    """
    return _folded(one) == _folded(other)


def contains(whole: str, part: str) -> bool:
    """Ignores case."""
    return part.casefold() in whole.casefold()


def contains_similar(whole: str, part: str) -> bool:
    """Like `contains`, and as generous as `similar`."""
    return _folded(part) in _folded(whole)


def _folded(value: str) -> str:
    bare = (character for character in unicodedata.normalize("NFKD", value) if not unicodedata.combining(character))
    return "".join(bare).casefold().strip()


def is_true(value: Any) -> bool:
    return value not in (None, "", 0, "0", False)


def _time(value: Any) -> datetime | None:
    """Request Tracker sends times in UTC: `2026-11-28T08:05:26Z`."""
    try:
        time = datetime.fromisoformat(text(value))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _users(value: Any) -> tuple[str, ...]:
    rows = value if isinstance(value, list) else [value]
    return tuple(text(row.get("Name") or row.get("id")) for row in rows if isinstance(row, dict) and row.get("type") == "user")


def _fields(value: Any) -> dict[str, str]:
    if not isinstance(value, list):
        return {}
    rows = (row for row in value if isinstance(row, dict) and row.get("name"))
    # The values of a field that was cleared are [None], of one that was never set [].
    return {text(row["name"]): ", ".join(text(each) for each in row.get("values") or () if each not in (None, "")) for row in rows}
