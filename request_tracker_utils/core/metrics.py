"""Counters and timings for Prometheus. Server processes write theirs to a shared folder, and each can report the sum."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from request_tracker_utils.core.metrics_files import CountsFile

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LONG = (0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1800)
"""Upper bounds of histogram buckets, in seconds."""


@dataclass(frozen=True)
class Gauge:
    """A number that is read when metrics are requested."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


class Instruments:
    """All counters and histograms. Dashboards rely on their names and labels."""

    def __init__(self) -> None:
        # The library decides on its first import whether processes share their counters, so it is imported here, after `share_in`.
        from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, values

        setattr(values, "MmapedDict", CountsFile)  # noqa: B010 — the library does not export it
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("rtutils_requests", "Requests answered.", ["method", "route", "status"], registry=registry)
        self.request_seconds = Histogram(
            "rtutils_request_seconds", "Seconds until a response was ready.", ["route"], buckets=QUICK, registry=registry
        )
        self.rt_requests = Counter("rtutils_rt_requests", "Requests to Request Tracker.", ["method", "kind", "outcome"], registry=registry)
        self.rt_request_seconds = Histogram(
            "rtutils_rt_request_seconds", "Seconds that Request Tracker took to answer.", ["kind"], buckets=QUICK, registry=registry
        )
        self.connections_closed = Counter(
            "rtutils_connections_closed", "Connections closed to protect the server.", ["reason"], registry=registry
        )
        self.job_runs = Counter("rtutils_job_runs", "Job runs.", ["job", "outcome"], registry=registry)
        self.refused = Counter("rtutils_refused_requests", "Requests refused because of too many others.", ["reason"], registry=registry)
        self.lost_accesses = Counter(
            "rtutils_lost_access_events", "Accesses to personal data that were logged but not stored.", ["kind"], registry=registry
        )
        self.job_seconds = Histogram("rtutils_job_seconds", "Seconds that a job run took.", ["job"], buckets=LONG, registry=registry)


def share_in(folder: Path) -> None:
    """Lets this process and its children share their counters in the folder. Call before `instruments`; accesses no file."""
    os.environ[FOLDER] = str(folder)


def reset() -> None:
    """Deletes the counters of an earlier server from the shared folder. Call before anything is counted."""
    shutil.rmtree(os.environ[FOLDER], ignore_errors=True)


@cache
def instruments() -> Instruments:
    """The instruments of this process. The first call creates them, while only one thread is running."""
    return Instruments()


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """`route` is the URL rule, not the path: the number of paths is unlimited."""
    requests, times = _of_requests(method, route, status)
    requests.inc()
    times.observe(seconds)


@cache
def _of_requests(method: str, route: str, status: int) -> "tuple[Counter, Histogram]":
    """Cached: looking them up by their labels takes as long as counting."""
    registered = instruments()
    return registered.requests.labels(method, route, status), registered.request_seconds.labels(route)


def count_rt_request(method: str, kind: str, seconds: float, outcome: str) -> None:
    """Matches `OnRequest` of the RT client."""
    registered = instruments()
    registered.rt_requests.labels(method, kind, outcome).inc()
    registered.rt_request_seconds.labels(kind).observe(seconds)


def count_closed_connection(reason: str) -> None:
    """`reason` is one of `web.connections.Reason`."""
    instruments().connections_closed.labels(reason).inc()


def count_lost_access(kind: str) -> None:
    """`kind` is `export`, `lookup` or `list`."""
    instruments().lost_accesses.labels(kind).inc()


def count_job_run(job: str, outcome: str, seconds: float) -> None:
    """`outcome` is `ok` or `failed`."""
    registered = instruments()
    registered.job_runs.labels(job, outcome).inc()
    registered.job_seconds.labels(job).observe(seconds)


def count_refused(reason: str) -> None:
    """`reason` is the limit that was reached."""
    instruments().refused.labels(reason).inc()


def exposition(gauges: Iterable[Gauge]) -> bytes:
    """Everything in Prometheus text format: the sum over the processes that share a folder, or this process alone."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.metrics_core import GaugeMetricFamily
    from prometheus_client.multiprocess import MultiProcessCollector

    families: dict[str, GaugeMetricFamily] = {}
    for gauge in gauges:
        family = families.setdefault(gauge.name, GaugeMetricFamily(gauge.name, gauge.help, labels=list(gauge.labels)))
        family.add_metric(list(gauge.labels.values()), gauge.value)

    class Gauges:
        def collect(self) -> Iterable[GaugeMetricFamily]:
            return families.values()

    counted, gauge_registry = instruments().registry, CollectorRegistry()
    gauge_registry.register(Gauges())
    if FOLDER in os.environ and os.path.isdir(os.environ[FOLDER]):
        counted = CollectorRegistry()
        MultiProcessCollector(counted, os.environ[FOLDER])  # type: ignore[no-untyped-call]
    return generate_latest(counted) + generate_latest(gauge_registry)
