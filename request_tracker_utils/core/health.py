"""Health checks, each in its own thread, so that nobody waits long for one that hangs."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

import structlog
from sqlalchemy.exc import SQLAlchemyError

from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _

log = structlog.get_logger(__name__)

TIMEOUT = 3.0
"""Seconds until a check counts as failed."""


class Status(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True)
class CheckResult:
    """`summary` is public: no versions, addresses or paths. `detail` is added for administrators."""

    status: Status
    summary: str
    detail: str = ""

    def text(self, *, full: bool) -> str:
        return f"{self.summary} {self.detail}".rstrip() if full else self.summary


@dataclass(frozen=True)
class HealthCheck:
    """`run` runs in the app context. The program is down without an `essential` one. A result is reused for `ttl` seconds from the start
    of the check; with 0 everybody who asks waits for a new one.
    """

    name: str
    run: Callable[[], CheckResult]
    essential: bool
    ttl: float = 0.0


@dataclass(frozen=True)
class Report:
    status: Status
    results: dict[str, CheckResult]

    @property
    def failing(self) -> list[str]:
        return [name for name, result in self.results.items() if result.status is not Status.OK]


class _Runner:
    """One check and its last result. At most one run is in progress."""

    def __init__(self, check: HealthCheck, inside: Callable[[], AbstractContextManager[object]]) -> None:
        self.check, self._inside = check, inside
        self._changed = threading.Condition()
        self._last: CheckResult | None = None
        self._started_at = float("-inf")
        self._started = self._done = 0

    def start(self) -> bool:
        """Starts a run unless one is in progress or the last result is still fresh. Returns whether to wait for a new result."""
        with self._changed:
            if self._started > self._done:
                return self._last is None or not self.check.ttl
            if time.monotonic() - self._started_at < self.check.ttl:
                return False
            self._started, self._started_at = self._started + 1, time.monotonic()
        threading.Thread(target=self._run, name=f"health {self.check.name}", daemon=True).start()
        return True

    def result(self, *, wait: bool) -> CheckResult:
        """The result of the run in progress if it ends in time; without `wait` the last one."""
        with self._changed:
            awaited, left = self._started, self._started_at + TIMEOUT - time.monotonic()
            if wait and not self._changed.wait_for(lambda: self._done >= awaited, max(left, 0)):
                self._last = CheckResult(Status.DOWN, _("No answer within %(seconds)s s.", seconds=f"{TIMEOUT:g}"))
            if self._last is None:
                raise RuntimeError("the check has not been started")
            return self._last

    def _run(self) -> None:
        result = CheckResult(Status.DOWN, _("The check itself failed. See the log for the reason."))
        try:
            with self._inside():
                result = self.check.run()
        except (AppError, SQLAlchemyError, OSError) as error:
            result = CheckResult(Status.DOWN, _("No answer."), str(getattr(error, "orig", None) or error))
        except Exception:
            log.exception("a health check failed", check=self.check.name)
            raise
        finally:
            with self._changed:
                self._last, self._done = result, self._done + 1
                self._changed.notify_all()


class Health:
    """All checks. `inside` gives the context they run in."""

    def __init__(self, checks: Sequence[HealthCheck], inside: Callable[[], AbstractContextManager[object]]) -> None:
        self._runners = [_Runner(check, inside) for check in checks]

    def report(self) -> Report:
        """Runs all checks at once. Takes as long as the slowest one, and TIMEOUT at most."""
        started = [(runner, runner.start()) for runner in self._runners]
        results = {runner.check.name: runner.result(wait=wait) for runner, wait in started}
        essential = {results[runner.check.name].status for runner in self._runners if runner.check.essential}
        if Status.DOWN in essential:
            return Report(Status.DOWN, results)
        well = all(result.status is Status.OK for result in results.values())
        return Report(Status.OK if well else Status.DEGRADED, results)
