"""Validation of the fields of students and devices: the same rules for forms, the API and files."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from request_tracker_utils.core.scanned_text import with_hyphens
from request_tracker_utils.core.text import clean, clean_identifier, search_key, unprintable_character
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.students.errors import InvalidField
from request_tracker_utils.students.grades import grade_rank, parse_grade

STUDENT_TEXT_LENGTHS = {"first_name": 100, "last_name": 100, "building": 100, "homeroom": 50, "email": 254, "rt_user": 100}
DEVICE_TEXT_LENGTHS = {"serial_number": 100, "model": 200, "building": 100}
"""Field → maximum number of characters."""
MAX_ID_LENGTH = 50
CACHE_SIZE = 20_000
CONDITIONS = {"good": gettext_noop("good"), "fair": gettext_noop("fair"), "damaged": gettext_noop("damaged")}
"""Condition → label."""
RESERVED = {
    "students": {"stats", "new", "scan", "import", "export.csv", "rollover", "leavers", "leavers.csv", "differences", "years"},
    "devices": {"batch-checkin", "poll_all", "new", "import", "export.csv", "logs.csv", "overdue"},
}
"""Identifiers that are addresses of other pages or routes."""
FIELD_LABELS = {
    "student_id": gettext_noop("student number"),
    "first_name": gettext_noop("first name"),
    "last_name": gettext_noop("last name"),
    "building": gettext_noop("school"),
    "homeroom": gettext_noop("homeroom"),
    "email": gettext_noop("email address"),
    "rt_user": gettext_noop("Request Tracker user"),
    "asset_tag": gettext_noop("tag"),
    "serial_number": gettext_noop("serial number"),
    "model": gettext_noop("model"),
}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def student_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a student for the fields in `values`. Raises InvalidField."""
    columns: dict[str, Any] = {}
    if "student_id" in values:
        columns["student_id"] = identifier(str(values["student_id"]), "student_id", "students")
        columns["id_key"] = search_key(columns["student_id"])
    for field, max_length in STUDENT_TEXT_LENGTHS.items():
        if field in values:
            columns[field] = (_text if field == "email" else _cached_text)(str(values[field] or ""), field, max_length)
    for field, column in (("first_name", "first_key"), ("last_name", "last_key")):
        if field in columns:
            if not columns[field]:
                raise _missing(field)
            columns[column] = _name_key(columns[field])
    if "grade" in values:
        columns["grade"] = parse_grade("" if values["grade"] is None else str(values["grade"]))
        columns["grade_rank"] = grade_rank(columns["grade"])
    return columns


def device_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a device for the fields in `values`. Raises InvalidField."""
    columns: dict[str, Any] = {}
    if "asset_tag" in values:
        columns["asset_tag"] = identifier(str(values["asset_tag"]), "asset_tag", "devices")
        columns["tag_key"] = search_key(columns["asset_tag"])
    for field, max_length in DEVICE_TEXT_LENGTHS.items():
        if field in values:
            columns[field] = _text(str(values[field] or ""), field, max_length)
    if "serial_number" in columns:
        columns["serial_number"] = columns["serial_number"] or None
        columns["serial_key"] = search_key(columns["serial_number"])[:200] if columns["serial_number"] else None
    if "asset_id" in values:
        columns["asset_id"] = values["asset_id"]
    if "condition" in values:
        columns["condition"] = _condition(str(values["condition"] or "good"))
    return columns


def identifier(text: str, field: str, subject: str) -> str:
    """A student's number or a device's tag in composed form, with leading zeros and with a hyphen for each dash, without surrounding spaces
    and invisible characters. Raises InvalidField.
    """
    cleaned = text if text.isascii() else with_hyphens(unicodedata.normalize("NFC", clean_identifier(text)))
    cleaned = cleaned.strip()
    if not cleaned:
        raise _missing(field)
    if len(cleaned) > MAX_ID_LENGTH:
        raise _too_long(field, MAX_ID_LENGTH)
    if "/" in cleaned or "\\" in cleaned:
        message = _("The %(name)s %(value)s contains a slash. Remove it.", name=_(FIELD_LABELS[field]), value=cleaned)
        raise InvalidField(message, field=field)
    if character := unprintable_character(cleaned):
        raise _refused(field, character)
    if cleaned in (".", "..") or cleaned.lower() in RESERVED[subject]:
        message = _("%(value)s is reserved. Choose another %(name)s.", value=cleaned, name=_(FIELD_LABELS[field]))
        raise InvalidField(message, field=field)
    return cleaned


def _text(text: str, field: str, max_length: int) -> str:
    """Raises InvalidField."""
    cleaned = clean(text).strip()
    if field == "serial_number":
        cleaned = with_hyphens(cleaned)
    if len(cleaned) > max_length:
        raise _too_long(field, max_length)
    if character := unprintable_character(cleaned):
        raise _refused(field, character)
    if field == "email" and cleaned and not _EMAIL.fullmatch(cleaned):
        raise InvalidField(_("%(value)s is not an email address.", value=cleaned), field=field)
    return cleaned


_cached_text = lru_cache(maxsize=CACHE_SIZE)(_text)
"""Large files repeat the same names, schools and homerooms."""


@lru_cache(maxsize=CACHE_SIZE)
def _name_key(name: str) -> str:
    return search_key(name)[:200]


def _condition(text: str) -> str:
    """Raises InvalidField."""
    cleaned = text.strip().lower()
    if cleaned not in CONDITIONS:
        raise InvalidField(_("The condition must be one of %(conditions)s.", conditions=", ".join(CONDITIONS)), field="condition")
    return cleaned


def _missing(field: str) -> InvalidField:
    return InvalidField(_("The %(name)s is missing.", name=_(FIELD_LABELS[field])), field=field)


def _too_long(field: str, max_length: int) -> InvalidField:
    name = _(FIELD_LABELS[field])
    return InvalidField(_("The %(name)s is longer than %(limit)s characters.", name=name, limit=max_length), field=field)


def _refused(field: str, character: str) -> InvalidField:
    message = _("The %(name)s contains the character %(code)s. Remove it.", name=_(FIELD_LABELS[field]), code=character)
    return InvalidField(message, field=field)
