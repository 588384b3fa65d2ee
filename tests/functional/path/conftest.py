"""Servers that several tests share. Each has a prefix of its own, so that one Request Tracker serves them all."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from itertools import count

import pytest
import requests

from tests.services.databases import DATABASES, PostgreSQL, SQLite
from tests.services.installation import Installation, Surroundings
from tests.services.local_server import wait_until
from tests.services.proxy import Proxy
from tests.services.request_tracker import NOT_INSTALLED, RequestTracker, installed

Install = Callable[..., Installation]
RT_TIMEOUT = 1.5
"""Seconds after which the impatient server gives Request Tracker up."""
_numbers = count(1)


@pytest.fixture(scope="session")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    if not installed():
        pytest.skip(NOT_INSTALLED)
    with RequestTracker(tmp_path_factory.mktemp("path-rt"), workers=6) as rt, Proxy() as hook, Proxy(rt.url) as line:
        yield Surroundings(rt, hook, line)


@pytest.fixture(scope="session")
def rt(surroundings: Surroundings) -> RequestTracker:
    return surroundings.rt


@pytest.fixture(scope="module")
def own_line(rt: RequestTracker) -> Iterator[Proxy]:
    """A way to Request Tracker for servers of one module, whose requests can be counted: jobs of other servers use another."""
    with Proxy(rt.url) as line:
        yield line


@pytest.fixture(scope="session", params=DATABASES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def databases(sqlite: SQLite, postgresql: PostgreSQL) -> dict[str, SQLite | PostgreSQL]:
    return {"sqlite": sqlite, "postgresql": postgresql}


@pytest.fixture(scope="session")
def installer(
    databases: dict[str, SQLite | PostgreSQL], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[ExitStack], Install]:
    """Makes a function that creates installations, which end with the stack. They have Request Tracker unless `rt=False`, and its names are
    adopted before the function returns unless `adopted=False`; more arguments are settings.
    """

    def on(stack: ExitStack) -> Install:
        def install(kind: str, *, rt: bool = True, adopted: bool = True, prefix: str = "", **settings: str) -> Installation:
            url = stack.enter_context(databases[kind].fresh())
            if rt:
                around: Surroundings = request.getfixturevalue("surroundings")
                settings = {"rt_url": around.line.url, "rt_token": around.rt.token, **settings}
            made = Installation(tmp_path_factory.mktemp("installation"), url, prefix or f"T{next(_numbers)}-", settings)
            stack.callback(made.close)
            if adopted:
                try:
                    wait_until(lambda: made.call("GET", "/next-asset-tag").ok, within=60)
                except (AssertionError, requests.ConnectionError) as error:
                    raise AssertionError(f"{error}\nThe server's log ends:\n{made.server.log()[-3000:]}") from error
            return made

        return install

    return on


@pytest.fixture
def install(installer: Callable[[ExitStack], Install]) -> Iterator[Install]:
    """For servers of one test alone."""
    with ExitStack() as stack:
        yield installer(stack)


@pytest.fixture(scope="module")
def install_for_module(installer: Callable[[ExitStack], Install]) -> Iterator[Install]:
    """For servers that the tests of a module share."""
    with ExitStack() as stack:
        yield installer(stack)


@pytest.fixture(scope="session")
def shared(surroundings: Surroundings, installer: Callable[[ExitStack], Install]) -> Iterator[Callable[[str], Installation]]:
    """One installation for each kind of database, with Request Tracker and nothing of its settings changed."""
    with ExitStack() as stack:
        make = installer(stack)
        yield cache(lambda kind: make(kind))


@pytest.fixture
def installation(shared: Callable[[str], Installation], kind: str, surroundings: Surroundings) -> Installation:
    """The shared one of each kind; Request Tracker tells it of new assets, by the plugin and inside its transaction."""
    made = shared(kind)
    surroundings.tells(made.server.url)
    return made


@pytest.fixture(scope="session")
def impatient_server(surroundings: Surroundings, installer: Callable[[ExitStack], Install]) -> Iterator[Installation]:
    with ExitStack() as stack:
        yield installer(stack)("sqlite", rt_timeout=str(RT_TIMEOUT))


@pytest.fixture
def impatient(impatient_server: Installation, surroundings: Surroundings) -> Installation:
    """A server that gives Request Tracker up early, on SQLite, and is told of new assets."""
    surroundings.tells(impatient_server.server.url)
    return impatient_server
