"""Permissions of labels, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class LabelPermission(StrEnum):
    PRINT = "labels:label:print"
    """Print and scan labels, and view the print history."""


GRANTS = {"admin": frozenset(LabelPermission), "staff": frozenset(LabelPermission)}
