"""A process that is killed at any commit of sending: Resend has one message, and Twilio is asked at most once to send it."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from request_tracker_utils.core.messages import Channel, Recipient
from request_tracker_utils.notifications.models import LEASE
from tests.services.killed_sender import COMMITS, providers
from tests.services.providers import ProviderServer, Resend, Twilio
from tests.services.sending import NOW, Office
from tests.services.server import CHECKOUT
from tests.services.tables import check_all

RECIPIENTS = {
    Channel.EMAIL: Recipient(address="ada@example.org", channel=Channel.EMAIL),
    Channel.SMS: Recipient(address="+12025550123", channel=Channel.SMS),
}
POINTS = [(when, number) for number in range(1, COMMITS + 1) for when in ("before", "after")]


Kill = Callable[[str], int]
"""Runs a case of `killed_sender` and returns its signal."""


@pytest.fixture
def resend() -> Iterator[Resend]:
    with Resend() as server:
        yield server


@pytest.fixture
def twilio() -> Iterator[Twilio]:
    with Twilio() as server:
        yield server


@pytest.fixture
def office(inside: Flask, tmp_path: Path, resend: Resend, twilio: Twilio) -> Office:
    return Office(inside, tmp_path, providers(resend.url, twilio.url))


@pytest.fixture
def kill(tmp_path: Path, database_url: str, resend: Resend, twilio: Twilio) -> Iterator[Kill]:
    command = [sys.executable, "-m", "tests.services.killed_sender", str(tmp_path), database_url, resend.url, twilio.url]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        typed, said = process.stdin, process.stdout
        assert said.readline() == "ready\n"

        def run(case: str) -> int:
            typed.write(f"{case}\n")
            typed.flush()
            return int(said.readline())

        yield run
        typed.close()


def sends(server: ProviderServer) -> list[str]:
    """The bodies of all requests to send."""
    return [call.body.decode() for call in server.calls if call.method == "POST"]


def test_a_process_killed_at_any_commit_leaves_one_message(
    office: Office, resend: Resend, twilio: Twilio, kill: Callable[[str], int]
) -> None:
    def check(channel: Channel, when: str, number: int) -> None:
        server: ProviderServer = resend if channel is Channel.EMAIL else twilio
        server.accepted.clear()
        office.now = NOW  # also the time of the process that is killed
        before = len(sends(server))
        office.write(RECIPIENTS[channel], about=f"{channel} {when} {number}", name=f"{channel} {when} {number}")
        assert kill(f"{channel} {when} {number}") == signal.SIGKILL
        was_given = (when, number) in [("after", 2), ("before", 3)]
        assert office.rows()[-1].status == ("sending" if was_given else "sent" if number == COMMITS else "queued")
        office.sender_of_messages = office.restarted()
        office.wait(LEASE)
        office.send_due(channel)
        row, asked = office.rows()[-1], sends(server)[before:]
        if channel is Channel.EMAIL:
            twice = (when, number) == ("before", 3)
            assert (row.status, len(asked), len(server.accepted)) == ("sent", 2 if twice else 1, 1)
            keys = {call.headers["idempotency-key"] for call in resend.calls[before:]}
            assert keys == {row.key}
            assert len(set(asked)) == 1
        elif (when, number) == ("after", 2):
            assert (row.status, len(asked)) == ("uncertain", 0)
        else:
            assert (row.status, len(asked), row.provider_id) == ("sent", 1, server.accepted[0]["sid"])

    check_all([(channel, *point) for channel in (Channel.EMAIL, Channel.SMS) for point in POINTS], check)
