"""Permissions: `scope:resource:action`."""

from enum import StrEnum


class LabelPermission(StrEnum):
    PRINT = "labels:label:print"
