"""Where the time of a run goes: seconds by room, by phase and by service, and the slowest tests, printed at the end of each run.

A plugin of pytest. It works with pytest-xdist too: each report carries the names of its services to the process that prints.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

import pytest

from tests.services.databases import DATABASES

PHASES = ("setup", "call", "teardown")
SERVICES = {"request_tracker": "rt", "surroundings": "rt", "browser": "chromium"}
"""Fixture → the service that it starts. Databases are found by their parameter, see `services_of`."""
SLOWEST = 10
_PROPERTY = "services"


def database_of(item: pytest.Item) -> str | None:
    """The database that the test's parameters name, if any."""
    callspec = getattr(item, "callspec", None)
    return next((value for value in callspec.params.values() if value in DATABASES), None) if callspec else None


def services_of(item: pytest.Item) -> set[str]:
    """What the test runs against, from its fixtures, its parameters and its markers `rt` and `chromium`."""
    fixtures = {SERVICES[name] for name in getattr(item, "fixturenames", ()) if name in SERVICES}
    marked = {name for name in ("rt", "chromium") if item.get_closest_marker(name)}
    database = database_of(item)
    return fixtures | marked | ({database} if database else set())


def room_of(node: str) -> str:
    """`tests/functional/tags/test_api.py::test_x` → `functional/tags`."""
    folders = node.split("::", 1)[0].split("/")[:-1]
    return "/".join(folders[1:3]) or "tests"


class Timings:
    """Adds up the durations of reports."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._services: dict[str, str] = {}

    def add(self, node: str, phase: str, seconds: float, services: str) -> None:
        test = node.rsplit("@", 1)[0]  # pytest-xdist appends the test's group
        self._seconds[test][phase] += seconds
        self._services[test] = services

    def __bool__(self) -> bool:
        return bool(self._seconds)

    def lines(self) -> Iterable[str]:
        yield _line("room", "tests", *PHASES, "total")
        rooms = self._grouped({test: [room_of(test)] for test in self._seconds})
        yield from _rows(rooms)
        yield ""
        yield _line("service", "tests", *PHASES, "total")
        yield from _rows(self._grouped({test: services.split() or ["none"] for test, services in self._services.items()}))
        yield "Tests of several services count in each."
        yield ""
        yield from (f"{sum(phases.values()):7.1f} s  {test}" for test, phases in self._slowest())

    def _grouped(self, groups: dict[str, list[str]]) -> dict[str, list[Counter[str]]]:
        grouped = defaultdict(list)
        for test, names in groups.items():
            for name in names:
                grouped[name].append(self._seconds[test])
        return grouped

    def _slowest(self) -> list[tuple[str, Counter[str]]]:
        return sorted(self._seconds.items(), key=lambda test: -sum(test[1].values()))[:SLOWEST]


def _rows(groups: dict[str, list[Counter[str]]]) -> list[str]:
    totals = {name: [sum(test[phase] for test in tests) for phase in PHASES] for name, tests in groups.items()}
    return [
        _line(name, str(len(groups[name])), *(f"{seconds:.1f}" for seconds in (*phases, sum(phases))))
        for name, phases in sorted(totals.items(), key=lambda row: -sum(row[1]))
    ]


def _line(name: str, *cells: str) -> str:
    return f"{name:<28}" + "".join(f"{cell:>10}" for cell in cells)


_timings = Timings()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.user_properties.append((_PROPERTY, " ".join(sorted(services_of(item)))))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    services = dict(report.user_properties).get(_PROPERTY, "")
    _timings.add(report.nodeid, report.when or "call", report.duration, str(services))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _timings:
        terminalreporter.section("time")
        for line in _timings.lines():
            terminalreporter.line(line)
