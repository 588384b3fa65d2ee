"""Runs that are killed at every commit, and two servers that send at the same time: the CRM has each workday exactly once."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import update

from request_tracker_utils.core.db import transaction
from request_tracker_utils.workdays.content import LEASE
from request_tracker_utils.workdays.models import Workday
from tests.services.crm import FakeCrm, one_in_twenty
from tests.services.crm_workdays import CLOSED, NOW, computed, stored, sync
from tests.services.killed_crm_sync import COMMITS
from tests.services.server import CHECKOUT
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")

Server = subprocess.Popen[str]


@pytest.fixture
def crm() -> Iterator[FakeCrm]:
    with FakeCrm() as server:
        yield server


@pytest.fixture
def start(database_url: str, crm: FakeCrm) -> Iterator[Callable[[], Server]]:
    """Starts a process that waits for cases."""
    with ExitStack() as stack:

        def start() -> Server:
            command = [sys.executable, "-m", "tests.services.killed_crm_sync", database_url, crm.address]
            server = stack.enter_context(subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            assert read(server) == "ready"
            return server

        yield start


def read(server: Server) -> str:
    assert server.stdout is not None
    return server.stdout.readline().strip()


def tell(server: Server, case: str) -> None:
    assert server.stdin is not None
    server.stdin.write(f"{case}\n")
    server.stdin.flush()


def test_a_run_killed_at_any_commit_leaves_each_workday_once(start: Callable[[], Server], crm: FakeCrm) -> None:
    server = start()
    computed(4)

    def check(when: str, number: int) -> None:
        with transaction() as session:  # a new revision, which is due
            values = {"revision": Workday.revision + 1, "synced_to_crm": False, "crm_due_at": CLOSED, "crm_attempts": 0, "sync_attempts": 0}
            session.execute(update(Workday).values(values))
        crm.stored.clear()
        crm.calls.clear()
        tell(server, f"{when} {number}")
        assert read(server) == str(int(signal.SIGKILL))
        due = {row.crm_due_at for row in stored().values()}
        assert due <= ({CLOSED} if (when, number) == ("before", 1) else {NOW + LEASE, None})
        assert None not in due or (when, number) == ("after", COMMITS)
        sync(crm.client(), now=NOW + LEASE)
        assert (len(crm.stored), set(crm.stored.values())) == (4, {1})
        if number == 1:
            assert len(crm.calls) == 4, "nothing is sent before the claim is stored"
        assert {(row.synced_to_crm, row.crm_due_at, row.crm_attempts) for row in stored().values()} == {(True, None, 0)}

    check_all([(when, number) for number in range(1, 1 + COMMITS) for when in ("before", "after")], check)


def test_a_run_killed_while_it_sends_leaves_each_workday_once(start: Callable[[], Server], crm: FakeCrm) -> None:
    server = start()
    computed(40)
    tell(server, "before 4")
    assert read(server) == str(int(signal.SIGKILL))
    tell(server, "before 6")
    assert read(server) == str(int(signal.SIGKILL))
    sync(crm.client(), now=NOW + LEASE)
    assert (len(crm.stored), set(crm.stored.values())) == (40, {1})
    assert all(row.synced_to_crm for row in stored().values())


def test_two_servers_send_each_workday_once(start: Callable[[], Server], crm: FakeCrm) -> None:
    crm.delay, crm.fails = 0.01, one_in_twenty
    servers = [start(), start()]
    computed(80)
    for server in servers:
        tell(server, "never 0")
    assert [read(server) for server in servers] == ["0", "0"]
    assert (len(crm.stored), set(crm.stored.values())) == (80, {1})
    repeated = sum(each - 1 for each in crm.attempts.values())
    failing = sum(1 for call in {call.headers["idempotency-key"]: call for call in crm.calls}.values() if one_in_twenty(call, 1))
    assert repeated == failing, "no workday was sent by both"
    assert all(row.synced_to_crm for row in stored().values())
