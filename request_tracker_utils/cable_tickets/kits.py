"""What a person asks for again with one tap: the site's kits, which administrators edit, and their own last requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from request_tracker_utils.cable_tickets.errors import InvalidTicketField, KitNotFound
from request_tracker_utils.cable_tickets.fields import Item, parse_items
from request_tracker_utils.cable_tickets.models import Kit, Ticket
from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.locks import lock_until_commit
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.lengths import key_of

MAX_KITS = 50
MAX_NAME = 40
RECENT = 5
LOOKED_THROUGH = 40
"""Requests of a person among which the last different ones are found."""
_LOCK_SPACE = 7052
FIELDS = ("cable_type", "cable_length", "cable_gauge", "quantity")


@dataclass(frozen=True)
class Chip:
    """Something to ask for with one tap. `key` names it in forms."""

    key: str
    title: str
    items: Sequence[Mapping[str, object]]
    location: str = ""
    is_kit: bool = False


def chips(session: Session, user_id: int | None) -> list[Chip]:
    """The person's last requests, then the kits."""
    kits = [Chip(f"kit-{kit.id}", kit.name, kit.items, is_kit=True) for kit in all_kits(session)]
    return [*recent(session, user_id), *kits]


def recent(session: Session, user_id: int | None) -> list[Chip]:
    """The last RECENT requests of a person that differ from each other, newest first."""
    if user_id is None:
        return []
    query = select(Ticket).where(Ticket.created_by_id == user_id).order_by(Ticket.id.desc()).limit(LOOKED_THROUGH)
    query = query.options(selectinload(Ticket.items))
    found: dict[object, Chip] = {}
    for ticket in session.scalars(query):
        if len(found) < RECENT:
            items = items_of(ticket)
            same = (*sorted(tuple(key_of(str(value)).replace(" ", "") for value in item.values()) for item in items), ticket.location_key)
            found.setdefault(same, Chip(f"ticket-{ticket.id}", describe(items), items, ticket.location))
    return list(found.values())


def chip(session: Session, key: str, user_id: int | None) -> Chip | None:
    """The chip of this key: a kit, or a ticket that the person may ask for again. None if there is none."""
    kind, _dash, number = key.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    if kind == "kit" and (kit := session.get(Kit, int(number))):
        return Chip(key, kit.name, kit.items, is_kit=True)
    if kind == "ticket" and (ticket := session.get(Ticket, int(number))):
        return Chip(key, describe(items_of(ticket)), items_of(ticket), ticket.location if ticket.created_by_id == user_id else "")
    return None


def items_of(ticket: Ticket) -> list[dict[str, object]]:
    return [{name: getattr(item, name) for name in FIELDS} for item in ticket.items]


def describe(items: Sequence[Mapping[str, object]]) -> str:
    """The first item, and how many others there are."""
    if not items:
        return ""
    first = items[0]
    pieces = "" if first.get("quantity", 1) == 1 else f"{first['quantity']} × "
    text = f"{pieces}{first['cable_type']}, {first['cable_length']}"
    return text if len(items) == 1 else _("%(item)s + %(count)s more", item=text, count=len(items) - 1)


def all_kits(session: Session) -> Sequence[Kit]:
    return session.scalars(select(Kit).order_by(Kit.position, Kit.id).limit(MAX_KITS)).all()


def find_kit(session: Session, kit_id: int) -> Kit:
    """Raises KitNotFound."""
    kit = find_row(session, Kit, kit_id)
    if kit is None:
        raise KitNotFound(_("The kit was deleted. Reload the page."))
    return kit


def add_kit(session: Session, *, name: str, items: Sequence[Item]) -> Kit:
    """Adds a kit behind the others. Raises InvalidTicketField."""
    _lock(session)
    if (session.scalar(select(func.count()).select_from(Kit)) or 0) >= MAX_KITS:
        raise InvalidTicketField(_("There are %(count)s kits already. Delete one first.", count=MAX_KITS), field="name")
    last = session.scalar(select(func.max(Kit.position)))
    kit = Kit(name=_free_name(session, name, None), items=_stored(items), position=0 if last is None else last + 1)
    session.add(kit)
    session.flush()
    return kit


def change_kit(session: Session, kit_id: int, *, name: str, items: Sequence[Item]) -> Kit:
    """Raises KitNotFound, InvalidTicketField."""
    _lock(session)
    kit = find_kit(session, kit_id)
    kit.name, kit.items = _free_name(session, name, kit_id), _stored(items)
    return kit


def move_kit(session: Session, kit_id: int, *, up: bool) -> Kit:
    """Exchanges the kit with its neighbor. Raises KitNotFound."""
    _lock(session)
    kit = find_kit(session, kit_id)
    order = list(all_kits(session))
    here = order.index(kit)
    there = min(max(here + (-1 if up else 1), 0), len(order) - 1)
    order[here], order[there] = order[there], order[here]
    for position, each in enumerate(order):
        each.position = position
    return kit


def delete_kit(session: Session, kit_id: int) -> str:
    """Returns the name. Raises KitNotFound."""
    _lock(session)
    kit = find_kit(session, kit_id)
    session.delete(kit)
    return kit.name


def _lock(session: Session) -> None:
    """Nobody else changes the list of kits until the transaction ends. Rows locked one by one could deadlock when two people move kits."""
    lock_until_commit(session, _LOCK_SPACE, ["kits"])


def _stored(items: Sequence[Item]) -> list[dict[str, object]]:
    return [{**{name: getattr(item, name) for name in FIELDS}, "quantity": item.pieces} for item in parse_items(items)]


def _free_name(session: Session, name: str, kit_id: int | None) -> str:
    """The name, if it is one and no other kit has it. Raises InvalidTicketField."""
    name = " ".join(name.replace("\0", "").split())
    if not name or len(name) > MAX_NAME:
        raise InvalidTicketField(_("Enter a name of 1 to %(count)s characters.", count=MAX_NAME), field="name")
    others = select(Kit.id).where(func.lower(Kit.name) == name.lower(), Kit.id.is_distinct_from(kit_id))
    if session.scalar(others) is not None:
        raise InvalidTicketField(_("There is already a kit named %(name)s. Choose another name.", name=name), field="name")
    return name
