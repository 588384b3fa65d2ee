"""Permissions of labels, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class LabelPermission(StrEnum):
    PRINT = "labels:label:print"


GRANTS = {"admin": frozenset(LabelPermission), "staff": frozenset(LabelPermission)}
