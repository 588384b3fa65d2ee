"""Several servers on one database, stopping, and a database that is held by somebody else. Without Request Tracker."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
import requests

from tests.functional.path.conftest import Install
from tests.services.installation import Installation
from tests.services.local_server import wait_until
from tests.services.server import RunningServer

LEADS = "leadership acquired"


@pytest.fixture
def installation(install: Install, kind: str) -> Installation:
    return install(kind, rt=False)


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


def ask(server: RunningServer, installation: Installation, asset_id: int) -> str:
    headers = {"Authorization": f"Bearer {installation.settings['webhook_token']}"}
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"{server.url}/webhook/asset-created", json={"asset_id": asset_id}, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["asset_tag"])


def test_two_servers_give_each_asset_one_tag_and_one_of_them_leads(installation: Installation) -> None:
    first = installation.server
    with second(installation) as other:
        with ThreadPoolExecutor(8) as pool:
            # Each server is asked about each asset, so that they race for it.
            calls = [(server, asset_id) for asset_id in range(1, 101) for server in (first, other)]
            given = list(pool.map(lambda call: ask(call[0], installation, call[1]), calls))
        assert given[0::2] == given[1::2]
        assert sorted(given[0::2]) == [installation.tag(number) for number in range(1, 101)]

        wait_until(lambda: LEADS in first.log() + other.log())
        leader, follower = (first, other) if LEADS in first.log() else (other, first)
        time.sleep(6)  # it asks every five seconds
        assert (leader.log().count(LEADS), follower.log().count(LEADS)) == (1, 0)
        leader.kill()
        wait_until(lambda: LEADS in follower.log(), within=15)
        assert ask(follower, installation, 101) == installation.tag(101)


def test_of_several_worker_processes_one_leads(install: Install, kind: str) -> None:
    server = install(kind, rt=False, workers="3").server
    wait_until(lambda: LEADS in server.log())
    time.sleep(6)
    assert server.log().count(LEADS) == 1
    assert server.stop() < 15


def test_a_request_under_way_is_answered_before_the_server_ends(installation: Installation) -> None:
    installation.next_tag()
    with ThreadPoolExecutor(2) as pool:
        with database_held(installation.database_url):
            asked = pool.submit(ask, installation.server, installation, 1)
            time.sleep(1)
            stopping = pool.submit(installation.server.stop)
            time.sleep(1.5)
            assert not asked.done()
        assert asked.result() == installation.tag(1)
        assert stopping.result() < 15
    assert installation.tags_of([1]) == {1: installation.tag(1)}
    installation.server.start()
    assert installation.next_tag() == installation.tag(2)


def test_workers_end_with_the_process_that_started_them_when_it_is_killed_alone(install: Install) -> None:
    server = install("sqlite", rt=False).server
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


def test_an_idle_server_ends_at_once(install: Install) -> None:
    assert install("sqlite", rt=False).server.stop() < 10


def test_a_server_told_to_end_while_its_workers_start_ends_at_once(install: Install) -> None:
    installation = install("sqlite", rt=False)
    server = installation.server
    server.stop()
    server.launch()
    wait_until(lambda: server.log().count("serves http") == 2)  # the workers are the next to start
    with database_held(installation.database_url):
        time.sleep(1)  # they wait for the database now
        assert server.stop() < 10


def test_a_database_that_is_held_for_five_seconds_delays_the_tag_and_loses_none(installation: Installation) -> None:
    released = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        with database_held(installation.database_url):
            begun = time.monotonic()
            asked = [pool.submit(ask, installation.server, installation, asset_id) for asset_id in range(1, 5)]
            released.wait(5)
            assert not any(each.done() for each in asked)
        given = sorted(each.result() for each in asked)
        assert 5 <= time.monotonic() - begun < 12
    assert given == [installation.tag(number) for number in range(1, 5)]
