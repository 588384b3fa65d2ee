"""Permissions of accounts, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class AccountPermission(StrEnum):
    READ = "accounts:user:read"
    """View accounts."""
    LIST = "accounts:user:list"
    """List names and roles of accounts, to choose a person."""
    MANAGE = "accounts:user:manage"
    """Add and change accounts."""
    EVENTS = "accounts:event:read"
    """View sign-ins, and who accessed personal data."""


GRANTS = {
    "admin": frozenset(AccountPermission),
    **{role: frozenset({AccountPermission.LIST}) for role in ("staff", "teacher", "user")},
}
