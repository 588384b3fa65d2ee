"""Permissions of tasks, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class TaskPermission(StrEnum):
    READ = "tasks:task:read"
    """View tasks."""
    RUN = "tasks:task:run"
    """Cancel and resume tasks."""


GRANTS = {"admin": frozenset(TaskPermission), "staff": frozenset(TaskPermission)}
