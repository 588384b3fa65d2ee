"""Request Tracker down, slow, astray or refusing, and killed: what people and programs are told, and that nothing is lost or spent."""

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.functional.path.conftest import Install
from tests.services.installation import CATALOG, Installation, Person, Surroundings
from tests.services.local_server import Call, Reply, wait_until
from tests.services.proxy import Forward, Meddle, answers, nobody_there
from tests.services.request_tracker import RequestTracker, RequestTrackerFailed

pytestmark = [pytest.mark.rt, pytest.mark.parametrize("kind", ["sqlite"], indirect=True)]

TIMEOUT = 0.6
HTML = Reply(b"<!DOCTYPE html><html><body>Sign in here</body></html>", headers={"Content-Type": "text/html; charset=utf-8"})


def too_late(_: Call, forward: Forward) -> Reply:
    time.sleep(TIMEOUT + 0.6)
    return forward()


DAYS: dict[str, tuple[Meddle, int]] = {
    "down": (nobody_there, 503),
    "slow": (answers(Reply({}, wait=TIMEOUT + 0.6)), 503),
    "a web page": (answers(HTML), 502),
    "a wrong token": (answers(Reply({"message": "Unauthorized"}, status=401)), 502),
    "an error inside": (answers(Reply({"message": "Internal Error"}, status=500)), 502),
    "another's HTML error": (answers(Reply(b"<html>Bad Gateway</html>", status=502, headers={"Content-Type": "text/html"})), 502),
}


@pytest.fixture(scope="module")
def kept() -> dict[str, Installation]:
    return {}


@pytest.fixture
def impatient(hasty: Callable[[], Installation], surroundings: Surroundings) -> Installation:
    """A server that gives Request Tracker up early, and is told of new assets."""
    made = hasty()
    surroundings.tells(made.server.url)
    return made


@pytest.fixture
def person(impatient: Installation) -> Person:
    return impatient.signed_in()


def is_page(answer: requests.Response) -> bool:
    return answer.headers["Content-Type"].startswith("text/html") and "<h1" in answer.text and "Traceback" not in answer.text


def is_clear(answer: requests.Response) -> bool:
    """A JSON object that says in words what is wrong, and gives no token away."""
    body = answer.json()
    return len(body["error"]) > 20 and "Request Tracker" in body["error"] and "token " not in body["error"].lower().replace("the token", "")


@pytest.mark.parametrize("day", DAYS)
def test_programs_get_a_clear_error_and_people_a_page(
    impatient: Installation, person: Person, surroundings: Surroundings, day: str
) -> None:
    meddle, status = DAYS[day]
    asset_id = surroundings.rt.create_asset("to be looked at")
    free = impatient.tag(impatient.next_number() + 100)
    wanted = {"asset_tag": free, "request_tracker_id": 1}
    before = impatient.next_tag()
    begun = time.monotonic()
    with surroundings.line.meddling(meddle), ThreadPoolExecutor(8) as pool:
        to_programs = [
            pool.submit(impatient.call, "GET", f"/labels/print?asset_id={asset_id}"),
            pool.submit(impatient.call, "POST", "/labels/batch", json={"asset_ids": [asset_id]}),
            pool.submit(impatient.call, "GET", "/assets"),
            pool.submit(impatient.call, "POST", "/confirm-asset-tag", json=wanted),
        ]
        to_people = [pool.submit(person.get, path) for path in (f"/labels/print?asset_id={asset_id}", "/assets", f"/assets/{asset_id}")]
        for answer in (asked.result() for asked in to_programs):
            assert (answer.status_code, is_clear(answer)) == (status, True), answer.text
        for page in (asked.result() for asked in to_people):
            assert (page.status_code, is_page(page)) == (status, True), page.text
        assert impatient.next_tag() == before
    assert time.monotonic() - begun < 15
    # The same call is answered as soon as Request Tracker is: what was reserved for it is still its own.
    confirmed = impatient.call(
        "POST", "/confirm-asset-tag", json={**wanted, "request_tracker_id": asset_id_for(impatient, surroundings, 1)}
    )
    assert confirmed.status_code in (200, 409), confirmed.text
    if confirmed.status_code == 200:
        assert surroundings.rt.asset(1)["Name"] == free


def asset_id_for(impatient: Installation, surroundings: Surroundings, asset_id: int) -> int:
    return asset_id
