"""Guessing passwords is slow, and nobody keeps somebody else out."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from request_tracker_utils.accounts import links, login_events, passwords, service
from request_tracker_utils.accounts.login_events import Origin
from request_tracker_utils.accounts.models import LoginEvent, LoginKind, SignInSession, User
from request_tracker_utils.accounts.throttling import (
    DAILY_GUESSES,
    EVERYWHERE,
    NETWORK,
    NEW_NETWORK_ATTEMPTS,
    THIS_NETWORK,
    Rule,
    TooManyAttempts,
)
from request_tracker_utils.core.db import reading, transaction
from tests.services.apps import PASSWORD, csrf_token, make_app, user

PAGE = {"Accept": "text/html"}
HOME, STRANGER = "203.0.113.7", "198.51.100.66"
Attempt = Callable[..., TestResponse]


@pytest.fixture
def attempt(app: Flask) -> Attempt:
    """Tries to sign in: name, password, address."""
    user(app, "staff", "ada")

    def attempt(name: str = "ada", password: str = "wrong", address: str = STRANGER, of: Flask = app) -> TestResponse:
        client = of.test_client()
        form = {"name": name, "password": password, "csrf_token": csrf_token(client)}
        return client.post("/sign-in", data=form, headers=PAGE, environ_base={"REMOTE_ADDR": address})

    return attempt


def failed(app: Flask, count: int, *, address: str = STRANGER, name: str = "ada", at: datetime) -> None:
    """Writes failures down as if they had happened."""
    with app.app_context(), transaction() as session:
        user = session.scalar(select(User).where(User.name == name))
        for _ in range(count):
            login_events.record(session, LoginKind.FAILED, Origin(address, "test"), now=at, user=user, key=None if user else name)


def counted(app: Flask, kind: LoginKind) -> int:
    with app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(LoginEvent).where(LoginEvent.kind == str(kind))) or 0


@pytest.mark.parametrize("rule", [THIS_NETWORK, EVERYWHERE, NETWORK])
def test_pauses_start_at_a_second_and_double_up_to_the_limit(rule: Rule) -> None:
    assert rule.pause(rule.free - 1) == timedelta(0)
    assert [rule.pause(rule.free + more).total_seconds() for more in range(4)] == [1, 2, 4, 8]
    assert rule.pause(rule.enough) == rule.pause(1_000_000) == rule.longest


def test_wrong_passwords_cause_a_pause_whose_duration_is_shown(clock: time_machine.Traveller, attempt: Attempt) -> None:
    assert [attempt().status_code for _ in range(THIS_NETWORK.free)] == [400] * THIS_NETWORK.free
    answer = attempt(password=PASSWORD)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert "Wait a second, then try again." in answer.get_data(as_text=True)
    clock.shift(1.1)
    assert attempt(password=PASSWORD).status_code == 303


def test_each_further_failure_doubles_the_pause(clock: time_machine.Traveller, attempt: Attempt) -> None:
    for _ in range(THIS_NETWORK.free):
        attempt()
    pauses = []
    for _ in range(6):
        pauses.append(int(attempt().headers["Retry-After"]))
        clock.shift(pauses[-1] + 0.1)
        assert attempt().status_code == 400
    assert pauses == [1, 2, 4, 8, 16, 32]


def test_attempts_during_a_pause_are_not_checked_and_do_not_extend_it(app: Flask, clock: time_machine.Traveller, attempt: Attempt) -> None:
    failed(app, THIS_NETWORK.free + 3, at=datetime.now(UTC))
    assert [attempt(password=PASSWORD).status_code for _ in range(20)] == [429] * 20
    assert counted(app, LoginKind.FAILED) == THIS_NETWORK.free + 3
    assert counted(app, LoginKind.PAUSED) == 1
    clock.shift(8.1)
    assert attempt(password=PASSWORD).status_code == 303


def test_failures_expire_after_an_hour(app: Flask, clock: time_machine.Traveller, attempt: Attempt) -> None:
    failed(app, 1_000, at=datetime.now(UTC))
    clock.shift(3_601)
    assert [attempt().status_code for _ in range(THIS_NETWORK.free)] == [400] * THIS_NETWORK.free


def test_signing_in_resets_the_count(app: Flask, clock: time_machine.Traveller, attempt: Attempt) -> None:
    for _ in range(THIS_NETWORK.free - 1):
        attempt()
    assert attempt(password=PASSWORD).status_code == 303
    clock.shift(1)
    assert [attempt().status_code for _ in range(THIS_NETWORK.free)] == [400] * THIS_NETWORK.free


def test_many_networks_together_are_slowed_down_too(app: Flask, clock: time_machine.Traveller, attempt: Attempt) -> None:
    statuses = [attempt(address=f"198.51.100.{n}").status_code for n in range(20)]
    assert statuses == [400] * EVERYWHERE.free + [429] * 10


def test_one_network_that_tries_many_names_is_slowed_down(app: Flask, clock: time_machine.Traveller, attempt: Attempt) -> None:
    for n in range(NETWORK.free):
        failed(app, 1, name=f"name{n}", at=datetime.now(UTC))
    assert attempt(name="another").status_code == 429
    assert attempt(name="another", address=HOME).status_code == 400


def test_addresses_of_one_ipv6_network_count_together(clock: time_machine.Traveller, attempt: Attempt) -> None:
    statuses = [attempt(address=f"2001:db8:1:2::{n:x}").status_code for n in range(1, THIS_NETWORK.free + 4)]
    assert statuses == [400] * THIS_NETWORK.free + [429] * 3
    assert attempt(address="2001:db8:1:3::1").status_code == 400


def test_failures_elsewhere_do_not_lock_the_owner_out_of_a_known_network(
    app: Flask, clock: time_machine.Traveller, attempt: Attempt
) -> None:
    assert attempt(password=PASSWORD, address=HOME).status_code == 303
    clock.shift(60)
    for n in range(100):
        failed(app, 100, address=f"198.51.100.{n}", at=datetime.now(UTC))
    assert attempt(password=PASSWORD, address="192.0.2.1").status_code == 429
    assert attempt(password=PASSWORD, address=HOME).status_code == 303


def test_the_owner_can_sign_in_from_a_new_network_after_a_minute(app: Flask, clock: time_machine.Traveller, attempt: Attempt) -> None:
    failed(app, 10_000, at=datetime.now(UTC))
    clock.shift(EVERYWHERE.longest.total_seconds() + 0.1)
    assert attempt(password=PASSWORD, address="192.0.2.1").status_code == 303


class Guessing:
    """Attempts for one account at times of their own, without the page and without the cost of Argon2."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def attempt(self, address: str, password: str = "wrong", name: str = "ada") -> str:
        """The result: in, wrong or wait."""
        try:
            service.verify_password(
                reading, transaction, name=name, password=password, unknown_key=name, origin=Origin(address, "test"), now=self.now
            )
        except service.WrongCredentials:
            return "wrong"
        except TooManyAttempts as error:
            self.retry_after = int(error.fields["retry_after"])
            return "wait"
        return "in"


@pytest.fixture
def guessing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guessing]:
    user(app, "staff", "ada")
    monkeypatch.setattr(passwords, "matches", lambda password_hash, password: bool(password_hash) and password == PASSWORD)
    with app.app_context():
        yield Guessing()


def write_failures(name: str, count: int, *, at: datetime, networks: Iterator[str]) -> None:
    with transaction() as session:
        user = session.scalar(select(User).where(User.name == name))
        for _ in range(count):
            login_events.record(session, LoginKind.FAILED, Origin(next(networks)), now=at, user=user, key=None if user else name)


def failures_between(start: datetime, end: datetime) -> int:
    failed = (LoginEvent.kind == str(LoginKind.FAILED), LoginEvent.at >= start, LoginEvent.at < end)
    with reading() as session:
        return session.scalar(select(func.count()).select_from(LoginEvent).where(*failed)) or 0


@pytest.mark.both_databases
def test_attackers_with_changing_addresses_do_not_keep_the_owner_out_of_new_networks(guessing: Guessing) -> None:
    """Four of them try for three hours from a new address each time; the owner signs in from thirty new places."""
    addresses = (f"10.{attacker}.{turn % 20}.{turn}" for turn in range(240) for attacker in range(4))
    results: list[str] = []
    for place in range(30):
        for _ in range(3):
            guessing.now += timedelta(minutes=2)
            results += [guessing.attempt(next(addresses)) for _ in range(4)]
        assert results[-4:].count("in") == 0
        home = f"192.0.{place}.7" if place % 2 else f"2001:db8:{place}::7"
        assert (place, guessing.attempt(home, PASSWORD)) == (place, "in")
    assert results.count("wait") > 120
    assert [guessing.attempt("172.16.1.1"), guessing.attempt("172.16.1.2", PASSWORD)] == ["wrong", "in"]  # mistyped once


@pytest.mark.both_databases
def test_who_has_hundreds_of_networks_checks_few_passwords_a_day_and_the_owner_has_other_ways_in(app: Flask, guessing: Guessing) -> None:
    assert guessing.attempt(HOME, PASSWORD) == "in"
    networks = (f"{first}.{second}.{third}.1" for first in range(10, 12) for second in range(200) for third in range(200))
    start = guessing.now
    write_failures("ada", DAILY_GUESSES - 20, at=start, networks=networks)
    while guessing.now < start + timedelta(hours=24):
        while guessing.attempt(next(networks)) == "wrong":
            pass
        guessing.now += timedelta(seconds=guessing.retry_after)
    assert DAILY_GUESSES <= failures_between(start, start + timedelta(hours=24)) <= 1_500
    assert failures_between(start + timedelta(hours=1), guessing.now) < 500
    guessing.now -= timedelta(hours=1)
    guessing.attempt(next(networks))
    guessing.now += timedelta(seconds=1)
    with pytest.raises(
        TooManyAttempts,
        match="You can also sign in from a browser or network that you have used before, or choose a new password: use “Forgot your pass",
    ) as error:
        service.verify_password(
            reading, transaction, name="ada", password=PASSWORD, unknown_key="ada", origin=Origin("192.0.2.9"), now=guessing.now
        )
    assert 0 < int(error.value.fields["retry_after"]) <= EVERYWHERE.longest.total_seconds()
    assert guessing.attempt(HOME, PASSWORD) == "in"
    with transaction() as session:
        ada = service.user_named(session, "ada")
        key = links.new_password_key(session, ada, now=guessing.now)
    with transaction() as session:
        service.use_password_link(session, key=key, password="tulips on the moon", origin=Origin("192.0.2.9"), now=guessing.now)
    assert guessing.attempt("192.0.2.9", PASSWORD) == "in"  # the network is known now; the check is the one of this test


@pytest.mark.both_databases
def test_unknown_names_run_out_of_guesses_as_known_ones_do(guessing: Guessing) -> None:
    def tried(name: str) -> list[tuple[str, str]]:
        return [(address, guessing.attempt(address, name=name)) for turn in range(60) for address in (f"10.0.{turn % 25}.{turn}",)]

    assert tried("ada") == tried("nobody")
    for name in ("ada", "nobody"):
        write_failures(name, DAILY_GUESSES, at=guessing.now, networks=(f"10.1.{number % 250}.1" for number in range(DAILY_GUESSES)))
    assert [(guessing.attempt("192.0.2.1", name=name), guessing.retry_after) for name in ("ada", "nobody")] == [("wait", 300)] * 2


@pytest.mark.both_databases
def test_addresses_of_one_block_share_the_attempts_of_a_new_network(guessing: Guessing) -> None:
    for turn in range(EVERYWHERE.free + 6):
        guessing.attempt(f"10.0.{turn}.1")
    for addresses in (["192.0.2.1", "192.0.2.2", "192.0.2.3"], ["2001:db8:5:1::1", "2001:db8:5:2::1", "2001:db8:5:3::1"]):
        assert [guessing.attempt(address) for address in addresses] == ["wrong"] * NEW_NETWORK_ATTEMPTS + ["wait"]


@pytest.mark.both_databases
def test_a_clock_that_is_set_back_locks_nobody_out(guessing: Guessing) -> None:
    hours = timedelta(hours=3)
    for turn in range(40):
        guessing.attempt(STRANGER)
        guessing.attempt(f"10.0.{turn}.1")
        guessing.now += timedelta(minutes=1)
    assert guessing.attempt(STRANGER, PASSWORD) == "wait"
    guessing.now -= hours
    assert [guessing.attempt(address, PASSWORD) for address in (STRANGER, HOME)] == ["in", "in"]
    guessing.now += timedelta(seconds=1)
    assert [guessing.attempt(STRANGER) for _ in range(THIS_NETWORK.free + 1)] == ["wrong"] * THIS_NETWORK.free + ["wait"]
    guessing.now += hours  # and forward again
    assert guessing.attempt(STRANGER, PASSWORD) == "in"


def test_unknown_names_are_paused_like_known_ones(clock: time_machine.Traveller, attempt: Attempt) -> None:
    answers = [[attempt(name=name, address=address) for _ in range(8)] for name, address in (("ada", STRANGER), ("nobody", HOME))]
    seen = [[(answer.status_code, answer.headers.get("Retry-After")) for answer in some] for some in answers]
    assert seen[0] == seen[1]


def test_case_and_spaces_do_not_reset_the_count(clock: time_machine.Traveller, attempt: Attempt) -> None:
    names = ["ada", "ADA", " ada", "Ada ", "aDa"]
    assert [attempt(name=name).status_code for name in names] == [400] * THIS_NETWORK.free
    assert attempt(name="adA").status_code == 429


def test_a_burst_is_counted_in_full(app: Flask, attempt: Attempt) -> None:
    """Forty at once: as many are looked at as are free, however they fall together."""
    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda _: attempt().status_code, range(40)))
    assert set(statuses) == {400, 429}
    assert statuses.count(400) == counted(app, LoginKind.FAILED)
    assert THIS_NETWORK.free <= statuses.count(400) <= THIS_NETWORK.free + 4  # the burst takes some seconds, in which short pauses end


def test_two_servers_count_together(app: Flask, attempt: Attempt, tmp_path: Path, database_url: str) -> None:
    other = make_app(tmp_path / "other", database_url=database_url)
    statuses = [attempt(of=of).status_code for of in [app, other] * 4]
    assert statuses[: THIS_NETWORK.free] == [400] * THIS_NETWORK.free
    assert statuses[THIS_NETWORK.free] == 429


def test_unknown_names_take_as_long_as_known_ones(attempt: Attempt) -> None:
    attempt(name="warm", address="192.0.2.200")
    times: dict[str, list[float]] = {"ada": [], "nobody": []}
    for n in range(9):
        for name, taken in times.items():
            begun = time.perf_counter()
            attempt(name=name, address=f"192.0.2.{n}")
            taken.append(time.perf_counter() - begun)
    known, unknown = (min(some) for some in times.values())  # what else runs on the machine only adds to the others
    assert 0.6 < known / unknown < 1.67


def test_the_present_password_is_asked_for_as_slowly(app: Flask, clock: time_machine.Traveller, attempt: Attempt) -> None:
    client = app.test_client()
    form = {"name": "ada", "password": PASSWORD, "csrf_token": csrf_token(client)}
    client.post("/sign-in", data=form, environ_base={"REMOTE_ADDR": HOME})
    clock.shift(1)
    wrong = {"current": "wrong", "password": "another long phrase", "again": "another long phrase", "csrf_token": csrf_token(client, "/me")}
    pages = [
        client.post("/me/password", data=wrong, headers=PAGE, environ_base={"REMOTE_ADDR": HOME}) for _ in range(THIS_NETWORK.free + 1)
    ]
    assert all("This is not your current password." in page.get_data(as_text=True) for page in pages[: THIS_NETWORK.free])
    assert "Too many wrong passwords" in pages[-1].get_data(as_text=True)


@pytest.fixture
def known(app: Flask, clock: time_machine.Traveller, attempt: Attempt) -> FlaskClient:
    """A browser in which ada signed in before, now signed out, at the address that all of the school have."""
    client = app.test_client()
    assert tried(client, PASSWORD) == 303
    client.delete_cookie("rtutils")
    clock.shift(60)
    return client


def tried(client: FlaskClient, password: str, name: str = "ada") -> int:
    form = {"name": name, "password": password, "csrf_token": csrf_token(client)}
    return client.post("/sign-in", data=form, headers=PAGE, environ_base={"REMOTE_ADDR": STRANGER}).status_code


def test_failures_at_the_same_address_do_not_lock_out_a_known_browser(app: Flask, known: FlaskClient, attempt: Attempt) -> None:
    failed(app, 1_000, at=datetime.now(UTC))
    assert attempt(password=PASSWORD).status_code == 429
    assert tried(known, PASSWORD) == 303


def test_a_known_browser_waits_for_its_own_failures(app: Flask, known: FlaskClient, attempt: Attempt) -> None:
    assert [tried(known, "wrong") for _ in range(THIS_NETWORK.free + 1)] == [400] * THIS_NETWORK.free + [429]
    assert attempt(password=PASSWORD).status_code == 303


def test_a_known_browser_is_known_for_one_account_only(app: Flask, known: FlaskClient) -> None:
    user(app, "staff", "grace")
    failed(app, EVERYWHERE.free, name="grace", at=datetime.now(UTC))
    assert tried(known, PASSWORD, name="grace") == 429


@pytest.mark.parametrize("forged", ["", "x", "eyJhIjoiYiJ9.AAAA", "\x00", "x" * 4_000])
def test_a_forged_mark_of_a_browser_is_none(app: Flask, known: FlaskClient, forged: str) -> None:
    failed(app, 1_000, at=datetime.now(UTC))
    known.set_cookie("rtutils_browser", forged)
    assert tried(known, PASSWORD) == 429


def test_a_browser_is_known_no_more_when_the_password_is_another(app: Flask, known: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        ada = service.user_named(session, "ada")
        service.set_password(session, ada, "tulips on the moon", origin=Origin(), now=datetime.now(UTC))
    failed(app, 1_000, at=datetime.now(UTC))
    assert tried(known, "tulips on the moon") == 429


def test_many_failures_pause_a_network_for_all_names(app: Flask, clock: time_machine.Traveller, attempt: Attempt) -> None:
    """Else the answer would tell who has an account and was here."""
    assert attempt(password=PASSWORD).status_code == 303
    for number in range(NETWORK.free):
        failed(app, 1, name=f"name{number}", at=datetime.now(UTC))
    assert [attempt(name=name).status_code for name in ("ada", "nobody")] == [429, 429]


def test_attempts_during_a_pause_are_recorded_once_a_minute(app: Flask, attempt: Attempt) -> None:
    failed(app, NETWORK.free + 10, name="x", at=datetime.now(UTC))
    assert {attempt(name=f"nobody{number}").status_code for number in range(20)} == {429}
    assert counted(app, LoginKind.PAUSED) == 1


def test_a_password_that_changes_during_the_check_starts_no_session(app: Flask, attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    check = passwords.matches

    def slow_check(password_hash: str | None, password: str) -> bool:
        good = check(password_hash, password)
        with transaction() as session:
            service.set_password(session, service.user_named(session, "ada"), "tulips on the moon", origin=Origin(), now=datetime.now(UTC))
        return good

    monkeypatch.setattr(passwords, "matches", slow_check)
    answer = attempt(password=PASSWORD)
    assert answer.status_code == 400
    assert "The account was changed while you were signing in" in answer.get_data(as_text=True)
    with app.app_context(), reading() as session:
        assert not session.scalars(select(SignInSession)).all()
