"""Nobody gives themselves a role, and one administrator at least stays."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from request_tracker_utils.accounts import service
from request_tracker_utils.accounts.models import LoginKind, Role
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict
from tests.functional.accounts.records import account, made, recorded
from tests.services.people import Person, errors_in, text_of

Act = Callable[[Person, int], TestResponse]


def demoted(person: Person, number: int) -> TestResponse:
    return person.submit(f"/admin/people/{number}", role="staff", email="")


def deactivated(person: Person, number: int) -> TestResponse:
    return person.submit(f"/admin/people/{number}/state", active="no")


@pytest.mark.parametrize("role", [role for role in Role if role != "admin"])
def test_only_administrators_change_accounts(app: Flask, role: str) -> None:
    number, other = made(app, role, "bob"), made(app, "staff", "carol")
    bob = Person(app, "bob")
    for path in (f"/admin/people/{number}", f"/admin/people/{other}"):
        assert bob.get(path).status_code == 403
        assert bob.submit(path, role="admin", email="").status_code == 403
        assert bob.submit(f"{path}/state", active="no").status_code == 403
        assert bob.submit(f"{path}/password-link").status_code == 403
    assert bob.submit("/admin/people/new", name="mallory", role="admin").status_code == 403
    assert (account(app, "bob").role, account(app, "carol").active) == (role, True)


def test_ones_own_page_takes_no_role(app: Flask) -> None:
    made(app, "staff", "bob")
    bob = Person(app, "bob")
    more = {"role": "admin", "user_id": "1", "name": "ada"}
    bob.submit("/me/password", current="correct horse battery", password="tulips on the moon", again="tulips on the moon", **more)
    bob.submit("/me/tokens", label="x", expires="30", **more)
    assert bob.submit("/me", **more).status_code == 405
    assert account(app, "bob").role == "staff"
    with app.app_context(), reading() as session:
        assert len(service.all_users(session)) == 1


def test_an_administrator_does_not_change_their_own_role(app: Flask) -> None:
    number = made(app, "admin", "ada")
    made(app, "admin", "grace")
    ada = Person(app, "ada")
    answer = demoted(ada, number)
    assert (answer.status_code, errors_in(answer)) == (400, {"": "Ask another administrator to change your role."})
    assert account(app, "ada").role == "admin"
    assert ada.submit(f"/admin/people/{number}", role="admin", email="ada@example.org").status_code == 303


def test_an_administrator_does_not_deactivate_themselves(app: Flask) -> None:
    number = made(app, "admin", "ada")
    made(app, "admin", "grace")
    answer = deactivated(Person(app, "ada"), number)
    assert (answer.status_code, "Ask another administrator" in text_of(answer)) == (403, True)
    assert account(app, "ada").active


def test_the_last_administrator_stays_one(app: Flask) -> None:
    ada, grace = made(app, "admin", "ada"), made(app, "admin", "grace")
    assert deactivated(Person(app, "ada"), grace).status_code == 303  # a deactivated one does not count
    with app.app_context():
        for act in (service.deactivate, lambda session, user, **more: service.change_user(session, user, {"role": "staff"}, **more)):
            with pytest.raises(Conflict, match="ada is the only administrator"), transaction() as session:
                act(session, service.user_by_id(session, ada), actor=of_command(), now=utc_now())
    assert (account(app, "ada").role, account(app, "ada").active) == ("admin", True)


@pytest.mark.parametrize("act", [demoted, deactivated])
def test_concurrent_removals_leave_one_administrator(app: Flask, act: Act) -> None:
    numbers = {name: made(app, "admin", name) for name in ("ada", "grace")}
    people = {name: Person(app, name) for name in numbers}
    start = Barrier(2)

    def turn_on(pair: tuple[str, str]) -> bool:
        """Whether it was done; who was deactivated a moment before is led to the sign-in page."""
        start.wait(10)
        return act(people[pair[0]], numbers[pair[1]]).location == f"/admin/people/{numbers[pair[1]]}"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(turn_on, [("ada", "grace"), ("grace", "ada")])) == [False, True]
    with app.app_context(), reading() as session:
        assert len(service.search(session, role="admin", active=True).users) == 1
    assert len(recorded(app, LoginKind.CHANGED)) == 3


def test_two_who_demote_each_other_in_the_same_moment_of_the_database_wait_for_each_other(app: Flask) -> None:
    numbers = {name: made(app, "admin", name) for name in ("ada", "grace")}
    start = Barrier(2)

    def demote(name: str) -> bool:
        with app.app_context():
            try:
                start.wait(10)
                with transaction() as session:
                    user = service.user_by_id(session, numbers[name])
                    service.change_user(session, user, {"role": "staff"}, actor=of_command(), now=utc_now())
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, numbers)) == [False, True]
