"""What the app holds for all its rooms, found from a request or a command."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast

from flask import current_app

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.health import HealthCheck
from request_tracker_utils.core.jobs import Jobs
from request_tracker_utils.core.scheduler import Scheduler
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.web.feature import Gauges, HomeCard, NavItem, PageLink, StatusSection

EXTENSION = "rtutils"


@dataclass
class Registry:
    settings: Settings
    grants: Mapping[str, frozenset[StrEnum]]
    jobs: Jobs
    navigation: list[NavItem] = field(default_factory=list)
    administration: list[NavItem] = field(default_factory=list)
    links: list[PageLink] = field(default_factory=list)
    cards: list[HomeCard] = field(default_factory=list)
    checks: list[HealthCheck] = field(default_factory=list)
    gauges: list[Gauges] = field(default_factory=list)
    status: list[StatusSection] = field(default_factory=list)
    preparations: list[Callable[[], None]] = field(default_factory=list)
    scheduler: Scheduler | None = None
    started_at: datetime = field(default_factory=utc_now)
    """When this process made the app."""

    def run_soon(self, job: str, after: timedelta = timedelta(0)) -> None:
        """Has the job run soon. Without a scheduler (a command, a test) it waits for its turn elsewhere."""
        if self.scheduler is not None:
            self.scheduler.run_soon(job, after)

    def stopping(self) -> bool:
        """Whether this process has been told to end."""
        return self.scheduler is not None and self.scheduler.stopping()


def registry() -> Registry:
    return cast(Registry, current_app.extensions[EXTENSION])


def settings() -> Settings:
    return registry().settings
