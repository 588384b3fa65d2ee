"""Permissions of accounts, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class AccountPermission(StrEnum):
    READ = "accounts:user:read"
    MANAGE = "accounts:user:manage"
    EVENTS = "accounts:event:read"


GRANTS = {"admin": frozenset(AccountPermission)}
