"""Whether the program is well: checks, each looking in a thread of its own, so that nobody waits long for one that hangs."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

import structlog
from sqlalchemy.exc import SQLAlchemyError

from request_tracker_utils.core.errors import AppError

log = structlog.get_logger(__name__)

PATIENCE = 3.0
"""Seconds from a look's beginning until it counts as failed."""


class Status(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True)
class Finding:
    """`summary` is told to everybody: no version, no address, no path. `detail` is told to administrators beside it."""

    status: Status
    summary: str
    detail: str = ""

    def told(self, *, full: bool) -> str:
        return f"{self.summary} {self.detail}".rstrip() if full else self.summary


@dataclass(frozen=True)
class HealthCheck:
    """`look` runs inside the app's context. Without an `essential` one the program is of no use. A finding stays good for some
    seconds, counted from the look's beginning; with 0 everybody who asks waits for a new look.
    """

    name: str
    look: Callable[[], Finding]
    essential: bool
    good_for: float = 0.0


@dataclass(frozen=True)
class Report:
    status: Status
    findings: dict[str, Finding]

    @property
    def unwell(self) -> list[str]:
        return [name for name, finding in self.findings.items() if finding.status is not Status.OK]


class Watch:
    """One check and what it last found. At most one look is under way."""

    def __init__(self, check: HealthCheck, inside: Callable[[], AbstractContextManager[object]]) -> None:
        self.check, self._inside = check, inside
        self._changed = threading.Condition()
        self._kept: Finding | None = None
        self._begun_at = float("-inf")
        self._begun = self._done = 0

    def ask(self) -> bool:
        """Begins a look unless one is under way or the last one is good still. Returns whether a new finding is worth waiting for."""
        with self._changed:
            if self._begun > self._done:
                return self._kept is None or not self.check.good_for
            if time.monotonic() - self._begun_at < self.check.good_for:
                return False
            self._begun, self._begun_at = self._begun + 1, time.monotonic()
        threading.Thread(target=self._look, name=f"health {self.check.name}", daemon=True).start()
        return True

    def finding(self, *, wait: bool) -> Finding:
        """What the look that is under way finds, if it ends in time; without `wait` what is known."""
        with self._changed:
            wanted, left = self._begun, self._begun_at + PATIENCE - time.monotonic()
            if wait and not self._changed.wait_for(lambda: self._done >= wanted, max(left, 0)):
                self._kept = Finding(Status.DOWN, f"No answer within {PATIENCE:g} s.")
            if self._kept is None:
                raise RuntimeError("nobody has asked yet")
            return self._kept

    def _look(self) -> None:
        found = Finding(Status.DOWN, "The look itself failed; the log says why.")
        try:
            with self._inside():
                found = self.check.look()
        except (AppError, SQLAlchemyError, OSError) as error:
            found = Finding(Status.DOWN, "It does not answer.", str(getattr(error, "orig", None) or error))
        except Exception:
            log.exception("a health check failed", check=self.check.name)
            raise
        finally:
            with self._changed:
                self._kept, self._done = found, self._done + 1
                self._changed.notify_all()


class Health:
    """All checks of a house. `inside` gives the context that looks run in."""

    def __init__(self, checks: Sequence[HealthCheck], inside: Callable[[], AbstractContextManager[object]]) -> None:
        self._watches = [Watch(check, inside) for check in checks]

    def report(self) -> Report:
        """All checks look at once; it takes as long as the slowest, and PATIENCE at most."""
        asked = [(watch, watch.ask()) for watch in self._watches]
        findings = {watch.check.name: watch.finding(wait=wait) for watch, wait in asked}
        essential = {findings[watch.check.name].status for watch in self._watches if watch.check.essential}
        if Status.DOWN in essential:
            return Report(Status.DOWN, findings)
        well = all(finding.status is Status.OK for finding in findings.values())
        return Report(Status.OK if well else Status.DEGRADED, findings)
