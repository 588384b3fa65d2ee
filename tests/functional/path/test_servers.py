"""Several servers on one database, stopping, and a database that another transaction blocks. Without Request Tracker."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache

import psycopg
import pytest
import requests

from tests.functional.path.conftest import Install
from tests.services.installation import Installation
from tests.services.local_server import wait_until
from tests.services.server import RunningServer

LEADS = "leadership acquired"
LEADER_CHECK = 6.0
"""Seconds within which each process has asked whether it may lead."""


@pytest.fixture(scope="module")
def one_of_each(install_for_module: Install) -> Callable[[str], Installation]:
    """An installation on each kind of database, which the tests share and leave running."""
    return cache(lambda kind: install_for_module(kind, rt=False, workers="3"))


@pytest.fixture
def installation(one_of_each: Callable[[str], Installation], kind: str) -> Installation:
    return one_of_each(kind)


@pytest.fixture
def on_sqlite(one_of_each: Callable[[str], Installation]) -> Installation:
    return one_of_each("sqlite")


@contextmanager
def second(installation: Installation) -> Iterator[RunningServer]:
    """Another server of the same installation: same data folder, same database, another port."""
    same = {**installation.settings, "instance_path": installation.server.settings["instance_path"]}
    with RunningServer(installation.folder, **same) as server:
        yield server


@contextmanager
def database_held(url: str) -> Iterator[None]:
    """Somebody else writes: a transaction that holds SQLite's one lock, or PostgreSQL's row of the sequence."""
    with ExitStack() as stack:
        if url.startswith("sqlite"):
            connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
            stack.callback(connection.close)
            connection.execute("BEGIN IMMEDIATE")
            stack.callback(connection.rollback)
        else:
            holder = stack.enter_context(psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://")))
            holder.execute("SELECT * FROM tag_sequences FOR UPDATE")
            stack.callback(holder.rollback)
        yield


def times_leading(server: RunningServer) -> int:
    """How many of its processes have become the leader since it was last started."""
    return server.log_since_start().count(LEADS)


def ask(server: RunningServer, installation: Installation, asset_id: int) -> str:
    headers = {"Authorization": f"Bearer {installation.settings['webhook_token']}"}
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"{server.url}/webhook/asset-created", json={"asset_id": asset_id}, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["asset_tag"])


@pytest.mark.both_databases
def test_a_request_under_way_is_answered_before_the_server_ends(installation: Installation) -> None:
    tag = installation.next_tag()
    with ThreadPoolExecutor(2) as pool:
        with database_held(installation.database_url):
            asked = pool.submit(ask, installation.server, installation, 501)
            time.sleep(1)
            stopping = pool.submit(installation.server.stop)
            time.sleep(1.5)
            assert not asked.done()
        assert asked.result() == tag
        assert stopping.result() < 15
    assert installation.tags_of([501]) == {501: tag}
    installation.server.start()
    assert installation.next_tag() != tag


@pytest.mark.both_databases
def test_a_database_that_is_held_for_five_seconds_delays_the_tag_and_loses_none(installation: Installation) -> None:
    tags = installation.next_tags(4)
    with ThreadPoolExecutor(4) as pool:
        with database_held(installation.database_url):
            begun = time.monotonic()
            asked = [pool.submit(ask, installation.server, installation, asset_id) for asset_id in range(601, 605)]
            time.sleep(5)
            assert not any(each.done() for each in asked)
        given = sorted(each.result() for each in asked)
        assert 5 <= time.monotonic() - begun < 12
    assert given == tags


@pytest.mark.both_databases
def test_two_servers_give_each_asset_one_tag_and_one_of_all_their_processes_leads(installation: Installation) -> None:
    first, (*tags, following) = installation.server, installation.next_tags(101)
    wait_until(lambda: times_leading(first) == 1)
    with second(installation) as other:
        begun = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            # Each server is asked about each asset, so that they race for it.
            calls = [(server, asset_id) for asset_id in range(1, 101) for server in (first, other)]
            given = list(pool.map(lambda call: ask(call[0], installation, call[1]), calls))
        assert given[0::2] == given[1::2]
        assert sorted(given[0::2]) == tags

        time.sleep(max(0.0, begun + LEADER_CHECK - time.monotonic()))
        assert (times_leading(first), times_leading(other)) == (1, 0)
        first.kill()
        wait_until(lambda: times_leading(other) == 1, within=15)
        assert ask(other, installation, 101) == following
    first.start()


def test_workers_end_with_the_process_that_started_them_when_it_is_killed_alone(on_sqlite: Installation) -> None:
    server = on_sqlite.server
    os.kill(server.pid, signal.SIGKILL)

    def nobody_answers() -> bool:
        try:
            requests.get(f"{server.url}/sign-in", timeout=1)
        except requests.RequestException:
            return True
        return False

    wait_until(nobody_answers, within=15)
    server.kill()  # of the first process, what is left to be waited for
    server.start()


def test_an_idle_server_and_one_whose_workers_are_starting_end_at_once(on_sqlite: Installation) -> None:
    server = on_sqlite.server
    assert server.stop() < 10
    server.launch()
    wait_until(lambda: server.url in server.log_since_start(), within=60)  # the workers are the next to start
    with database_held(on_sqlite.database_url):
        time.sleep(1)  # they wait for the database now
        assert server.stop() < 10
    server.start()
