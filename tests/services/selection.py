"""Which database a test of pages runs on, and which tests stay together on one worker.

`tests/unit` and `tests/schema` run on both databases. A test in `tests/functional` runs on one of them, which its name decides, or the
name of its module where tests share servers (the fixture `kind`); on both with the marker `both_databases`, with ALL_DATABASES=1, and where
the command line names a database or a single case.
"""

import os
import re
from collections import defaultdict
from zlib import crc32

import pytest

from tests.services.databases import DATABASES
from tests.services.timings import database_of, services_of

_NAMES = re.compile(rf"\b({'|'.join(DATABASES)})\b")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not _chosen_by_hand(config):
        _leave_out_other_database(items)
    for item in items:
        if group := _group_of(item):
            item.add_marker(pytest.mark.xdist_group(group))


def _chosen_by_hand(config: pytest.Config) -> bool:
    asked = " ".join([config.option.keyword, *(argument for argument in config.args if "[" in argument)])
    return os.environ.get("ALL_DATABASES") == "1" or bool(_NAMES.search(asked))


def _leave_out_other_database(items: list[pytest.Item]) -> None:
    cases: defaultdict[str, dict[str, pytest.Item]] = defaultdict(dict)
    for item in items:
        database = database_of(item)
        if database and item.nodeid.startswith("tests/functional/") and not item.get_closest_marker("both_databases"):
            cases[_NAMES.sub("", item.nodeid)][database] = item
    left_out = {id(other) for name, by_database in cases.items() for other in _others(name, by_database)}
    items[:] = [item for item in items if id(item) not in left_out]


def _others(name: str, by_database: dict[str, pytest.Item]) -> list[pytest.Item]:
    """The items of the databases that the test does not run on."""
    shares_servers = any("kind" in getattr(item, "fixturenames", ()) for item in by_database.values())
    deciding = name.split("::", 1)[0] if shares_servers else name
    chosen = DATABASES[crc32(deciding.encode()) % len(DATABASES)]
    return [item for database, item in by_database.items() if database != chosen] if chosen in by_database else []


def _group_of(item: pytest.Item) -> str | None:
    """Tests that share a service, or servers, stay on one worker, so that these start once."""
    services = services_of(item)
    if item.nodeid.startswith("tests/functional/path/"):
        return "path" if "rt" in services else "servers"
    return next((service for service in ("rt", "chromium") if service in services), None)
