"""The list of parts that can be requested, in the order that administrators choose. It always ends with
`Other`, which has no row."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.locks import lock_until_commit
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.optics.checks import checked_text, part_key
from request_tracker_utils.optics.errors import InvalidOpticsField, OpticsPartExists, OpticsPartNotFound
from request_tracker_utils.optics.models import MAX_PART, OTHER, OpticsPart

MAX_PARTS = 200
_LOCK_SPACE = 7051


def list_parts(session: Session) -> Sequence[OpticsPart]:
    """In their order, without `Other`."""
    return session.scalars(select(OpticsPart).order_by(OpticsPart.position, OpticsPart.id)).all()


def part_names(session: Session) -> list[str]:
    """What can be selected: `Other` is last."""
    return [*(part.name for part in list_parts(session)), OTHER]


def add_part(session: Session, name: str) -> OpticsPart:
    """Adds a part behind the others. Raises InvalidOpticsField, OpticsPartExists."""
    parts = _locked(session)
    if len(parts) >= MAX_PARTS:
        raise _too_many()
    part = OpticsPart(position=len(parts), **_named(name, parts))
    session.add(part)
    _renumber([*parts, part])
    session.flush()
    return part


def rename_part(session: Session, part_id: int, name: str) -> OpticsPart:
    """Requests keep the former name. Raises InvalidOpticsField, OpticsPartExists, OpticsPartNotFound."""
    parts = _locked(session)
    part = _find(parts, part_id)
    named = _named(name, [each for each in parts if each is not part])
    part.name, part.name_key = named["name"], named["name_key"]
    session.flush()
    return part


def move_part(session: Session, part_id: int, *, up: bool) -> OpticsPart:
    """Exchanges a part with its neighbor; the first one stays first, and the last one before `Other`. Raises OpticsPartNotFound."""
    parts = list(_locked(session))
    part = _find(parts, part_id)
    before = parts.index(part)
    parts.insert(max(0, before - 1) if up else before + 1, parts.pop(before))
    _renumber(parts)
    return part


def remove_part(session: Session, part_id: int) -> OpticsPart:
    """Requests for it stay as they are. Raises OpticsPartNotFound."""
    part = _find(_locked(session), part_id)
    session.delete(part)
    session.flush()
    return part


def replace_parts(session: Session, names: Sequence[str]) -> list[str]:
    """Makes these names the list, in their order, and returns it. `Other` may be among them and is last anyway.

    Raises InvalidOpticsField, OpticsPartExists.
    """
    former = {part.name_key: part for part in _locked(session)}
    wanted: list[OpticsPart] = []
    for name in names:
        if part_key(name) == part_key(OTHER):
            continue
        named = _named(name, wanted)
        part = former.pop(named["name_key"], None) or OpticsPart(name_key=named["name_key"])
        part.name = named["name"]
        wanted.append(part)
    if len(wanted) > MAX_PARTS:
        raise _too_many()
    for part in former.values():
        session.delete(part)
    session.add_all(wanted)
    _renumber(wanted)
    session.flush()
    return part_names(session)


def _locked(session: Session) -> Sequence[OpticsPart]:
    """The list, which nobody else changes until the transaction ends."""
    lock_until_commit(session, _LOCK_SPACE, ["optics parts"])
    return list_parts(session)


def _find(parts: Sequence[OpticsPart], part_id: int) -> OpticsPart:
    part = next((each for each in parts if each.id == part_id), None)
    if part is None:
        raise OpticsPartNotFound(_("This part is no longer on the list."))
    return part


def _named(name: str, others: Sequence[OpticsPart]) -> dict[str, str]:
    written = checked_text(name, "name", MAX_PART)
    if not written:
        raise InvalidOpticsField(_("Enter the part, such as SFP-10G-SR."), field="name")
    key = part_key(written)
    if key == part_key(OTHER):
        raise OpticsPartExists(_("Other is already on the list. It is always the last entry."), field="name")
    if any(part.name_key == key for part in others):
        raise OpticsPartExists(_("The list already has %(name)s.", name=written), field="name")
    return {"name": written, "name_key": key}


def _renumber(parts: Sequence[OpticsPart]) -> None:
    for position, part in enumerate(parts):
        part.position = position


def _too_many() -> InvalidOpticsField:
    return InvalidOpticsField(_("The list has at most %(count)s parts.", count=MAX_PARTS), field="name")
