"""Records who read personal data: exports, lookups of one person, and lists of people. `accounts` stores the events.

A route says in one line what it has answered with (`record_lookup`, `record_list`); exports are recorded by `exports.csv_response`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from flask import has_request_context, request

from request_tracker_utils.core.actor import Actor, of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.web.auth import current_actor
from request_tracker_utils.web.registry import registry


class AccessKind(StrEnum):
    """The values are stored; `accounts/parts.html` has the words for pages."""

    EXPORT = "export"
    LOOKUP = "lookup"
    LIST = "list"


@dataclass(frozen=True)
class Access:
    """Who read what, when and from where. `subject` names the person that a lookup is about, see `student` and `rt_user`; `records` is the
    number of records that were sent, and `complete` says whether all were."""

    kind: AccessKind
    what: str
    records: int
    at: datetime
    actor: Actor
    address: str = ""
    subject: str = ""
    complete: bool = True


class AccessLog(ABC):
    """Stores accesses. No method waits for the database while requests are served, and none fails."""

    @abstractmethod
    def add(self, access: Access, *, once_per: timedelta | None = None) -> None:
        """`once_per` skips the access if the same person has made the same one from the same address within this time."""


def student(student_id: str) -> str:
    """The subject of accesses to this student; empty for no student."""
    return f"student {student_id}" if student_id else ""


def rt_user(name: str) -> str:
    """The subject of accesses to this Request Tracker user; empty for no name."""
    return f"RT user {name}" if name else ""


def account(name: str) -> str:
    """The subject of accesses to this account."""
    return f"account {name}"


def record_lookup(what: str, subject: str, *, once_per: timedelta | None = None) -> None:
    """Records that this request was answered with one person's record. With an empty subject, as of a device that nobody
    has, nothing is recorded."""
    if subject:
        registry().get(AccessLog).add(access(AccessKind.LOOKUP, what, records=1, subject=subject), once_per=once_per)


def record_list(what: str, records: int, *, once_per: timedelta | None = None) -> None:
    """Records that this request was answered with a list of so many people or of their devices; empty lists are not recorded."""
    if records:
        registry().get(AccessLog).add(access(AccessKind.LIST, what, records=records), once_per=once_per)


def access(kind: AccessKind, what: str, *, records: int = 0, subject: str = "") -> Access:
    """An access by the caller of this request, or by a command."""
    if has_request_context():
        return Access(kind, what, records, utc_now(), current_actor(), request.remote_addr or "", subject)
    return Access(kind, what, records, utc_now(), of_command(), subject=subject)
