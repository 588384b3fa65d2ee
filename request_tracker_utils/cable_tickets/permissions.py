"""Permissions of cable tickets, as `scope:resource:action`, and the roles that have them. Who may do what with one ticket also depends on
the ticket: see `rules.py`."""

from enum import StrEnum


class TicketPermission(StrEnum):
    READ = "cables:tickets:read"
    """View tickets, comment on them, and archive and restore one's own."""
    CREATE = "cables:tickets:create"
    """Request cable."""
    WORK = "cables:tickets:work"
    """Work on approved tickets and fulfill them, also those of others; close them short."""
    MANAGE = "cables:tickets:manage"
    """Decide, archive, restore and purge any ticket, create them for others, and edit the kits."""


_EVERYBODY = frozenset({TicketPermission.READ, TicketPermission.CREATE})

GRANTS = {
    "admin": frozenset(TicketPermission),
    "staff": _EVERYBODY | {TicketPermission.WORK},
    "teacher": _EVERYBODY,
    "user": _EVERYBODY,
}


def roles_with(permission: TicketPermission) -> list[str]:
    """The roles of accounts that have the permission, for queries of people."""
    return [role for role, granted in GRANTS.items() if permission in granted]
