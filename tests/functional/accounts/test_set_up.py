"""The one-time link that makes the first administrator."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.accounts import links, service
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict
from tests.services.apps import PASSWORD, csrf_token, user
from tests.services.at_once import until_free

PAGE = {"Accept": "text/html"}


@pytest.fixture
def link(app: Flask) -> str:
    with app.app_context(), transaction() as session:
        return f"/set-up/{links.new_setup_key(session, now=datetime.now(UTC))}"


def submit(client: FlaskClient, link: str, name: str = "ada", password: str = PASSWORD, again: str = PASSWORD) -> int:
    form = {"csrf_token": csrf_token(client), "name": name, "password": password, "again": again}
    return until_free(lambda: client.post(link, data=form, headers=PAGE), busy=frozenset({503})).status_code


def test_the_setup_link_creates_and_signs_in_an_administrator(client: FlaskClient, link: str) -> None:
    assert client.get(link, headers=PAGE).status_code == 200
    assert submit(client, link) == 303
    assert client.get("/webhook", headers=PAGE).status_code == 200


def test_the_setup_link_works_once(client: FlaskClient, link: str) -> None:
    submit(client, link)
    assert client.get(link, headers=PAGE).status_code == 404


@pytest.mark.parametrize(
    ("name", "password", "again"),
    [
        ("", PASSWORD, PASSWORD),
        ("ada", "short", "short"),
        ("ada", PASSWORD, "other"),
        ("a b", PASSWORD, PASSWORD),
        ("аdа", PASSWORD, PASSWORD),
    ],
)
def test_what_does_not_fit_leaves_the_link_good(client: FlaskClient, link: str, name: str, password: str, again: str) -> None:
    assert submit(client, link, name, password, again) == 400
    assert submit(client, link) == 303


def test_it_expires_within_a_day(client: FlaskClient, link: str) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=25)):
        assert client.get(link, headers=PAGE).status_code == 404


def test_a_new_setup_link_invalidates_the_previous_one(app: Flask, client: FlaskClient, link: str) -> None:
    with app.app_context(), transaction() as session:
        links.new_setup_key(session, now=datetime.now(UTC))
    assert client.get(link, headers=PAGE).status_code == 404


def test_a_guessed_link_is_none(client: FlaskClient, link: str) -> None:
    assert client.get("/set-up/guess", headers=PAGE).status_code == 404


def test_with_an_administrator_no_setup_link_is_created(app: Flask, link: str, client: FlaskClient) -> None:
    user(app, "admin")
    assert client.get(link, headers=PAGE).status_code == 404
    with app.app_context(), pytest.raises(Conflict), transaction() as session:
        links.new_setup_key(session, now=datetime.now(UTC))


def test_one_of_ten_concurrent_requests_creates_the_administrator(app: Flask, link: str) -> None:
    with ThreadPoolExecutor(10) as pool:
        statuses = sorted(pool.map(lambda n: submit(app.test_client(), link, f"ada{n}"), range(10)))
    assert statuses == [303] + [404] * 9
    with app.app_context(), reading() as session:
        assert len(service.all_users(session)) == 1
