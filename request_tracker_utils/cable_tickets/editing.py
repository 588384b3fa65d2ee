"""Editing a ticket, reassigning it, and comments. Approvers approve exactly what they have read: an edit ends their links, and
changed items have to be approved again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from request_tracker_utils.cable_tickets import fields, search, stock
from request_tracker_utils.cable_tickets.approvers import ask
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import EditConflict, InvalidTicketField, NotEditable, NotYourStep
from request_tracker_utils.cable_tickets.fields import Item
from request_tracker_utils.cable_tickets.messages import notify
from request_tracker_utils.cable_tickets.models import Ticket, TicketComment, TicketItem
from request_tracker_utils.cable_tickets.rules import relation
from request_tracker_utils.cable_tickets.states import EDITABLE, RESERVES, TicketStatus, status_title
from request_tracker_utils.cable_tickets.steps import reopen
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.lengths import key_of


@dataclass(frozen=True)
class Edit:
    """What is to be changed, as it was entered; None leaves a field as it is. `items` are all items: those with an `id` are changed, those
    without are added, and those that are not in it are removed."""

    items: Sequence[Item] | None = None
    location: str | None = None
    notes: str | None = None
    priority: str | None = None
    needed_by: date | None = None
    clear_needed_by: bool = False
    revision: int | None = None
    """The revision that was edited; the edit is refused if there is another one now."""


def edit(change: Change, ticket: Ticket, wanted: Edit) -> list[str]:
    """Edits a locked ticket; returns the names of the fields that have changed. Other items of a ticket that is approved, or in progress,
    release what it reserves and return it to its approvers.

    Raises NotYourStep, EditConflict, NotEditable, InvalidTicketField.
    """
    if not relation(change.session, ticket, change.actor).may_edit:
        raise NotYourStep(_("Only the person who requested ticket %(id)s, or an administrator, can edit it.", id=ticket.id))
    if wanted.revision is not None and wanted.revision != ticket.revision:
        message = _("Ticket %(id)s has been changed since you opened it. Reload it, and edit it again.", id=ticket.id)
        raise EditConflict(message, revision_now=ticket.revision)
    former = TicketStatus(ticket.status)
    if former not in EDITABLE:
        message = _(
            "Ticket %(id)s has the status “%(status)s” and can no longer be edited. Add a comment instead.",
            id=ticket.id,
            status=status_title(former),
        )
        raise NotEditable(message, status_now=former.value)
    changed = _set_values(change, ticket, wanted)
    items_changed = wanted.items is not None and _set_items(change, ticket, wanted.items, changed)
    if not changed:
        return []
    ticket.search_words = search.words_of(ticket)
    if "priority" in changed:
        stock.prioritize(change, ticket)
    approve_again = items_changed and former in RESERVES
    if approve_again:
        stock.release_for(change, ticket)
        ticket.status = TicketStatus.PENDING_APPROVAL
    asks = ticket.status == TicketStatus.PENDING_APPROVAL
    if asks:
        reopen(change, ticket)
    else:
        ticket.revision += 1
    change.record(ticket, "edited", status_from=former if approve_again else None, changed=changed)
    change.session.flush()
    if asks:
        notify(change, ticket, "edited")
    return list(changed)


def reassign(change: Change, ticket: Ticket, assigned_to_id: int | None) -> None:
    """Passes a locked ticket that waits for approval to somebody else, or with None to DEFAULT_APPROVERS. After the approval, it only
    changes who works on it. Without a change, does nothing.

    Raises NotYourStep, NotEditable, InvalidTicketField.
    """
    if assigned_to_id == ticket.assigned_to_id:
        return
    if not relation(change.session, ticket, change.actor).may_reassign:
        message = _("Only the person who requested ticket %(id)s, its approvers, or an administrator can reassign it.", id=ticket.id)
        raise NotYourStep(message)
    if ticket.status not in EDITABLE:
        message = _(
            "Ticket %(id)s has the status “%(status)s” and can no longer be reassigned.", id=ticket.id, status=status_title(ticket.status)
        )
        raise NotEditable(message, status_now=ticket.status)
    former = ticket.assigned_to_id
    ticket.revision += 1
    ask(change, ticket, assigned_to_id)
    change.record(ticket, "reassigned", assigned_to_id=assigned_to_id, former_id=former)
    change.session.flush()
    notify(change, ticket, "reassigned")


def comment(change: Change, ticket: Ticket, body: str) -> TicketComment:
    """Raises InvalidTicketField."""
    text = fields.parse_notes(body, field="body")
    if not text:
        raise InvalidTicketField(_("Enter a comment."), field="body")
    author = {"author_id": change.actor.user_id, "author": change.actor.name}
    written = TicketComment(ticket_id=ticket.id, body=text, created_at=change.now, **author)
    change.session.add(written)
    change.session.flush()
    change.record(ticket, "commented", comment_id=written.id)
    change.session.flush()
    notify(change, ticket, "commented", comment_id=written.id)
    return written


def _set_values(change: Change, ticket: Ticket, wanted: Edit) -> dict[str, Any]:
    """Field → its former value and the new one, of those that have changed, as events store them."""
    values: dict[str, Any] = {}
    if wanted.location is not None:
        values["location"] = fields.parse_location(wanted.location)
    if wanted.notes is not None:
        values["notes"] = fields.parse_notes(wanted.notes)
    if wanted.priority is not None:
        values["priority"] = fields.parse_priority(wanted.priority).value
    if wanted.clear_needed_by:
        values["needed_by"] = None
    elif wanted.needed_by is not None and wanted.needed_by != ticket.needed_by:
        values["needed_by"] = fields.parse_needed_by(wanted.needed_by, change.today)
    changed: dict[str, Any] = {}
    for name, value in values.items():
        former = getattr(ticket, name)
        if former == value:
            continue
        setattr(ticket, name, value)
        changed[name] = {} if name == "notes" else {"from": _stored(former), "to": _stored(value)}
    ticket.location_key = key_of(ticket.location)
    return changed


def _stored(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _set_items(change: Change, ticket: Ticket, wanted: Sequence[Item], changed: dict[str, Any]) -> bool:
    """Whether the items have changed."""
    items = fields.parse_items(wanted)
    existing = {item.id: item for item in ticket.items}
    for position, item in enumerate(items):
        if item.id is not None and item.id not in existing:
            message = _("Ticket %(id)s has no item %(item)s. Leave the ID out to add one.", id=ticket.id, item=item.id)
            raise InvalidTicketField(message, field="id", item=position)
    ids = [item.id for item in items if item.id is not None]
    if len(set(ids)) < len(ids):
        raise InvalidTicketField(_("The same item is in the list twice."), field="items")
    former = [item.describe() for item in ticket.items]
    if [(item.id, *_entered(item)) for item in items] == [(item.id, *_entered(item)) for item in ticket.items]:
        return False
    if any(item.fulfilled for item in ticket.items):
        message = _("Part of ticket %(id)s is fulfilled, so its items cannot be changed. Create another ticket for more.", id=ticket.id)
        raise NotEditable(message, status_now=ticket.status)
    for item in items:
        if item.id is None:
            ticket.items.append(TicketItem(fulfilled=0, returned=0, **_values(item)))
        else:
            for name, value in _values(item).items():
                setattr(existing[item.id], name, value)
    for item_id, row in existing.items():
        if item_id not in ids:
            ticket.items.remove(row)
    change.session.flush()
    changed["items"] = {"from": former, "to": [item.describe() for item in ticket.items]}
    return True


def _values(item: Item) -> dict[str, Any]:
    names = ("cable_type", "cable_length", "cable_gauge")
    return {name: getattr(item, name) for name in names} | {"quantity": item.pieces}


def _entered(item: Item | TicketItem) -> tuple[object, ...]:
    return (item.cable_type, item.cable_length, item.cable_gauge, item.quantity)
