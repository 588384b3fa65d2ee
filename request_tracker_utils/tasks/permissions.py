"""`scope:resource:action`."""

from enum import StrEnum


class TaskPermission(StrEnum):
    READ = "tasks:task:read"
    RUN = "tasks:task:run"
