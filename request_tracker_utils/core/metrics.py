"""Counts and times, for Prometheus. Server processes write theirs to files of one folder, and each of them can tell the sum."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LONG = (0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1800)
"""Seconds: upper bounds of what is counted together."""


@dataclass(frozen=True)
class Gauge:
    """A number that is looked up when somebody asks."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


class Instruments:
    """One for each thing that is counted or timed. Names and labels are what dashboards know: they stay."""

    def __init__(self) -> None:
        # The library decides when it is first imported whether processes share their numbers. So it is imported here, after `share_in`.
        from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("rtutils_requests", "Requests answered.", ["method", "route", "status"], registry=registry)
        self.request_seconds = Histogram(
            "rtutils_request_seconds", "Seconds until an answer was ready.", ["route"], buckets=QUICK, registry=registry
        )
        self.rt_requests = Counter("rtutils_rt_requests", "Requests to Request Tracker.", ["method", "kind", "outcome"], registry=registry)
        self.rt_request_seconds = Histogram(
            "rtutils_rt_request_seconds", "Seconds that Request Tracker took.", ["kind"], buckets=QUICK, registry=registry
        )
        self.job_runs = Counter("rtutils_job_runs", "Runs of jobs.", ["job", "outcome"], registry=registry)
        self.job_seconds = Histogram("rtutils_job_seconds", "Seconds that a run took.", ["job"], buckets=LONG, registry=registry)


def share_in(folder: Path) -> None:
    """Has this process and its descendants keep their numbers in the folder. Called before `instruments`; touches no file."""
    os.environ[FOLDER] = str(folder)


def begin_anew() -> None:
    """Makes the shared folder, empty. Called before anything is counted. Raises OSError."""
    folder = Path(os.environ[FOLDER])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)


def join() -> None:
    """Makes the shared folder where somebody has removed it: a worker that cannot count could not answer either."""
    Path(os.environ[FOLDER]).mkdir(mode=0o700, parents=True, exist_ok=True)


@cache
def instruments() -> Instruments:
    """Those of this process. The first call makes them, and is made while one thread runs."""
    return Instruments()


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """`route` is the rule, never the path: paths are without end."""
    requests, times = _of_requests(method, route, status)
    requests.inc()
    times.observe(seconds)


@cache
def _of_requests(method: str, route: str, status: int) -> "tuple[Counter, Histogram]":
    """Found once: to look them up by their labels takes as long as to count."""
    made = instruments()
    return made.requests.labels(method, route, status), made.request_seconds.labels(route)


def count_rt_request(method: str, kind: str, seconds: float, outcome: str) -> None:
    """Fits `OnRequest` of the client of Request Tracker."""
    made = instruments()
    made.rt_requests.labels(method, kind, outcome).inc()
    made.rt_request_seconds.labels(kind).observe(seconds)


def count_job_run(job: str, outcome: str, seconds: float) -> None:
    """`outcome` is `ok` or `failed`."""
    made = instruments()
    made.job_runs.labels(job, outcome).inc()
    made.job_seconds.labels(job).observe(seconds)


def exposition(gauges: Iterable[Gauge]) -> bytes:
    """Everything in Prometheus' text format: the sum over the processes that share a folder, or else this process alone."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.metrics_core import GaugeMetricFamily
    from prometheus_client.multiprocess import MultiProcessCollector

    families: dict[str, GaugeMetricFamily] = {}
    for gauge in gauges:
        family = families.setdefault(gauge.name, GaugeMetricFamily(gauge.name, gauge.help, labels=list(gauge.labels)))
        family.add_metric(list(gauge.labels.values()), gauge.value)

    class LookedUp:
        def collect(self) -> Iterable[GaugeMetricFamily]:
            return families.values()

    counted, looked_up = instruments().registry, CollectorRegistry()
    looked_up.register(LookedUp())
    if FOLDER in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted, os.environ[FOLDER])  # type: ignore[no-untyped-call]
    return generate_latest(counted) + generate_latest(looked_up)
