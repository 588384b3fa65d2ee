"""What all domains share in an app: settings, permissions, jobs, contributions of features, and instances by type."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar, cast

from flask import Flask, current_app

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.health import HealthCheck
from request_tracker_utils.core.jobs import Jobs
from request_tracker_utils.core.messages import MessageKind
from request_tracker_utils.core.page_settings import PageSettings
from request_tracker_utils.core.scheduler import Scheduler
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.web.feature import Demo, Gauges, HomeCard, NavItem, PageLink, StatusSection

_EXTENSION = "rtutils"
T = TypeVar("T")


@dataclass
class Registry:
    settings: Settings
    grants: Mapping[str, frozenset[StrEnum]]
    jobs: Jobs
    page_settings: PageSettings
    navigation: list[NavItem] = field(default_factory=list)
    administration: list[NavItem] = field(default_factory=list)
    links: list[PageLink] = field(default_factory=list)
    cards: list[HomeCard] = field(default_factory=list)
    checks: list[HealthCheck] = field(default_factory=list)
    gauges: list[Gauges] = field(default_factory=list)
    status: list[StatusSection] = field(default_factory=list)
    messages: list[MessageKind] = field(default_factory=list)
    preparations: list[Callable[[], None]] = field(default_factory=list)
    demos: list[Demo] = field(default_factory=list)
    scheduler: Scheduler | None = None
    started_at: datetime = field(default_factory=utc_now)
    """When this process created the app."""
    _provided: dict[type[Any], Any] = field(default_factory=dict)

    def provide(self, kind: type[T], value: T) -> None:
        """Registers the value under its type for all domains. Features call this while the app is set up; the last one wins."""
        self._provided[kind] = value

    def get(self, kind: type[T]) -> T:
        """The value provided for the type. Raises LookupError if no feature provides one, which is a programming error."""
        try:
            return cast(T, self._provided[kind])
        except KeyError:
            raise LookupError(f"no feature provides {kind.__qualname__}") from None

    def find(self, kind: type[T]) -> T | None:
        """The value provided for the type, or None where providing one is optional."""
        return cast("T | None", self._provided.get(kind))

    def run_soon(self, job: str, after: timedelta = timedelta(0)) -> None:
        """Runs the job soon in this process. Without a scheduler (a command, a test) it runs on its schedule in a server process."""
        if self.scheduler is not None:
            self.scheduler.run_soon(job, after)

    def stopping(self) -> bool:
        """Whether this process is shutting down."""
        return self.scheduler is not None and self.scheduler.stopping()


def install(app: Flask, registry: Registry) -> None:
    app.extensions[_EXTENSION] = registry


def registry_of(app: Flask) -> Registry:
    return cast(Registry, app.extensions[_EXTENSION])


def registry() -> Registry:
    """The registry of the current app."""
    return registry_of(current_app)


def settings() -> Settings:
    return registry().settings
