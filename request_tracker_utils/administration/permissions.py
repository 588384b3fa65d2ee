"""Permissions of administration, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class AdministrationPermission(StrEnum):
    STATUS = "administration:status:read"
    JOBS = "administration:job:run"
    SETTINGS = "administration:settings:read"
    DATA = "administration:data:read"
    ACCESS = "administration:access:read"
    METRICS = "administration:metrics:read"


GRANTS = {"admin": frozenset(AdministrationPermission)}
