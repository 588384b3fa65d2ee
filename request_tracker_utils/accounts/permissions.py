"""Permissions for accounts, as `scope:resource:action`."""

from enum import StrEnum


class AccountPermission(StrEnum):
    READ = "accounts:user:read"
    MANAGE = "accounts:user:manage"
    EVENTS = "accounts:event:read"
