"""Permissions of imports, as `scope:resource:action`, and the roles that have them. Domains have their own for importing."""

from enum import StrEnum


class ImportPermission(StrEnum):
    MANAGE_ALL = "imports:file:manage-all"
    """See, import and delete other people's uploaded files."""


GRANTS = {"admin": frozenset(ImportPermission)}
