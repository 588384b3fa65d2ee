"""Permissions for administration, as `scope:resource:action`."""

from enum import StrEnum


class AdministrationPermission(StrEnum):
    STATUS = "administration:status:read"
    JOBS = "administration:job:run"
    SETTINGS = "administration:settings:read"
    DATA = "administration:data:read"
    ACCESS = "administration:access:read"
    METRICS = "administration:metrics:read"
