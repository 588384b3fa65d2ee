"""Cable types that pages offer, with their usual gauges and lengths."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import upsert_into
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.errors import CableTypeExists, CableTypeNotFound, InvalidStockField
from request_tracker_utils.inventory.lengths import MAX_TEXT, key_of, one_line, parse_length, parse_type
from request_tracker_utils.inventory.models import CableType

MAX_CHOICES = 50
"""Gauges or lengths of one type."""


def list_types(session: Session, *, include_inactive: bool = False) -> Sequence[CableType]:
    """By name."""
    query = select(CableType).order_by(CableType.name_key)
    return session.scalars(query if include_inactive else query.where(CableType.active)).all()


def add_type(session: Session, *, name: str, gauges: Sequence[str] = (), lengths: Sequence[str] = ()) -> CableType:
    """Raises InvalidStockField, CableTypeExists."""
    values = _checked({"name": name, "gauges": gauges, "lengths": lengths})
    insert = upsert_into(session)(CableType).values(**values, active=True).on_conflict_do_nothing(index_elements=["name_key"])
    type_id: int | None = session.scalar(insert.returning(CableType.id))
    if type_id is None:
        raise _exists(values["name"])
    return session.get_one(CableType, type_id)


def change_type(session: Session, type_id: int, **values: Any) -> CableType:
    """`values` are `name`, `gauges`, `lengths`, `active`; those that are missing stay. Raises InvalidStockField, CableTypeExists,
    CableTypeNotFound."""
    found = session.get(CableType, type_id, with_for_update=True)
    if found is None:
        raise CableTypeNotFound(_("No cable type has the number %(id)s.", id=type_id))
    checked = _checked(values)
    if checked.get("name_key", found.name_key) != found.name_key:
        taken = select(CableType.id).where(CableType.name_key == checked["name_key"])
        if session.scalar(taken) is not None:
            raise _exists(checked["name"])
    for column, value in checked.items():
        setattr(found, column, value)
    session.flush()
    return found


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    checked = dict(values)
    if "name" in values:
        try:
            checked["name"] = parse_type(values["name"])
        except InvalidStockField as error:
            error.fields["field"] = "name"
            raise
        checked["name_key"] = key_of(checked["name"])
    if "gauges" in values:
        checked["gauges"] = _choices([one_line(gauge, "gauges", MAX_TEXT) for gauge in values["gauges"]], "gauges")
    if "lengths" in values:
        checked["lengths"] = _choices([parse_length(length).written for length in values["lengths"]], "lengths")
    return checked


def _choices(texts: Sequence[str], field: str) -> list[str]:
    """Each once."""
    distinct = list({key_of(text): text for text in texts if text}.values())
    if len(distinct) > MAX_CHOICES:
        raise InvalidStockField(_("A type has at most %(count)s of them.", count=MAX_CHOICES), field=field)
    return distinct


def _exists(name: str) -> CableTypeExists:
    return CableTypeExists(_("There is already a cable type called %(name)s.", name=name), field="name")
