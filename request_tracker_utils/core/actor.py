"""Who performs an action. Plain data, so that services need neither a request nor the users table."""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True)
class Actor:
    name: str
    permissions: frozenset[StrEnum] = field(default_factory=frozenset)
    user_id: int | None = None
    role: str = ""
    student_id: int | None = None
    """The row of the student to whom the account belongs."""
    school: str = ""
    homeroom: str = ""
    """Of the account. Which students a caller may see depends on them: see `students/visibility.py`."""

    def may(self, permission: StrEnum) -> bool:
        return permission in self.permissions


REQUEST_TRACKER = Actor("Request Tracker")
"""The actor of webhook calls."""


def of_job(name: str) -> Actor:
    return Actor(f"job {name}")


def of_command() -> Actor:
    return Actor("command line")
