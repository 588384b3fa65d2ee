"""What holds for the fields of students and devices. One set of rules for forms, the API and files."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from request_tracker_utils.students.errors import FieldUnfit
from request_tracker_utils.students.grades import grade_of, rank
from request_tracker_utils.students.search_keys import key

STUDENT_TEXTS = {"first_name": 100, "last_name": 100, "building": 100, "homeroom": 50, "email": 254, "rt_user": 100}
"""Field → most characters."""
DEVICE_TEXTS = {"serial_number": 100, "model": 200, "building": 100}
LONGEST_ID = 50
KEPT = 20_000
"""Texts that are kept as they were read."""
RESERVED = {
    "students": {"stats", "new", "scan", "import", "export.csv", "rollover", "leavers", "leavers.csv", "differences", "years"},
    "devices": {"batch-checkin", "poll_all", "new", "import", "export.csv", "logs.csv", "overdue"},
}
"""Identifiers that are addresses of their own."""
NAMES = {"student_id": "student number", "rt_user": "Request Tracker user", "email": "e-mail address", "asset_tag": "tag"}
CONDITIONS = ("good", "fair", "damaged")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def identifier(text: str, field: str, subject: str) -> str:
    """A student's number or a device's tag, in composed form and without blanks around it; leading zeros stay. Raises FieldUnfit."""
    cleaned = text if text.isascii() else unicodedata.normalize("NFC", text)
    cleaned = cleaned.strip()
    name = NAMES[field]
    if not cleaned:
        raise FieldUnfit(f"The {name} is missing.", field=field)
    if len(cleaned) > LONGEST_ID:
        raise FieldUnfit(f"The {name} has {len(cleaned)} characters; at most {LONGEST_ID} fit.", field=field)
    if "/" in cleaned or "\\" in cleaned:
        raise FieldUnfit(f"The {name} {cleaned} holds a slash, which cannot stand in an address. Leave it out.", field=field)
    if not cleaned.isprintable():
        raise FieldUnfit(f"The {name} holds a line break or another control character.", field=field)
    if cleaned in (".", "..") or cleaned.lower() in RESERVED[subject]:
        raise FieldUnfit(f"{cleaned} cannot be a {name}: it is an address of its own. Choose another.", field=field)
    return cleaned


def short_text(text: str, field: str, longest: int) -> str:
    """Raises FieldUnfit."""
    cleaned = text.strip()
    if len(cleaned) > longest or not cleaned.isprintable():
        name = NAMES.get(field, field.replace("_", " "))
        what = f"is longer than {longest} characters" if len(cleaned) > longest else "holds a line break or another control character"
        raise FieldUnfit(f"The {name} {what}.", field=field)
    if field == "email" and cleaned and not _EMAIL.fullmatch(cleaned):
        raise FieldUnfit(f"{cleaned} is no e-mail address.", field=field)
    return cleaned


@lru_cache(maxsize=KEPT)
def _name_key(name: str) -> str:
    return key(name)[:200]


_known_text = lru_cache(maxsize=KEPT)(short_text)
"""Of names, buildings and homerooms a list of thousands holds the same ones again and again."""


def student_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a student for those fields that are given. Raises FieldUnfit."""
    columns: dict[str, Any] = {}
    if "student_id" in values:
        columns["student_id"] = identifier(str(values["student_id"]), "student_id", "students")
        columns["id_key"] = key(columns["student_id"])
    for field, longest in STUDENT_TEXTS.items():
        if field in values:
            columns[field] = (short_text if field == "email" else _known_text)(str(values[field] or ""), field, longest)
    for field, column in (("first_name", "first_key"), ("last_name", "last_key")):
        if field in columns:
            if not columns[field]:
                raise FieldUnfit(f"The {field.replace('_', ' ')} is missing.", field=field)
            columns[column] = _name_key(columns[field])
    if "grade" in values:
        columns["grade"] = grade_of("" if values["grade"] is None else str(values["grade"]))
        columns["grade_rank"] = rank(columns["grade"])
    return columns


def device_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a device for those fields that are given. Raises FieldUnfit."""
    columns: dict[str, Any] = {}
    if "asset_tag" in values:
        columns["asset_tag"] = identifier(str(values["asset_tag"]), "asset_tag", "devices")
        columns["tag_key"] = key(columns["asset_tag"])
    for field, longest in DEVICE_TEXTS.items():
        if field in values:
            columns[field] = short_text(str(values[field] or ""), field, longest)
    if "serial_number" in columns:
        columns["serial_number"] = columns["serial_number"] or None
        columns["serial_key"] = key(columns["serial_number"])[:200] if columns["serial_number"] else None
    if "asset_id" in values:
        columns["asset_id"] = values["asset_id"]
    if "condition" in values:
        columns["condition"] = condition_of(str(values["condition"] or "good"))
    return columns


def condition_of(text: str) -> str:
    """Raises FieldUnfit."""
    cleaned = text.strip().lower()
    if cleaned not in CONDITIONS:
        raise FieldUnfit(f"The condition is one of {', '.join(CONDITIONS)}.", field="condition")
    return cleaned
