"""Request Tracker down, slow, refusing, answering nonsense, and killed: what people and programs are told, and that nothing is lost."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import requests

from request_tracker_utils.core.errors import Unavailable
from tests.functional.path.conftest import RT_TIMEOUT
from tests.services.installation import CATALOG, Installation, Person, Surroundings, asset_id_of
from tests.services.local_server import Call, Reply, wait_until
from tests.services.proxy import Forward, Gate, Meddle, answers, nobody_there
from tests.services.request_tracker import RequestTracker, RequestTrackerFailed
from tests.services.tables import check_all

pytestmark = pytest.mark.rt

HTML = Reply(b"<!DOCTYPE html><html><body>Sign in here</body></html>", headers={"Content-Type": "text/html; charset=utf-8"})


def too_late(_: Call, forward: Forward) -> Reply:
    time.sleep(RT_TIMEOUT + 0.7)
    return forward()


DAYS: dict[str, tuple[Meddle, int]] = {
    "down": (nobody_there, 503),
    "slow": (answers(Reply({}, wait=RT_TIMEOUT + 0.7)), 503),
    "a web page": (answers(HTML), 502),
    "a wrong token": (answers(Reply({"message": "Unauthorized"}, status=401)), 502),
    "an error inside": (answers(Reply({"message": "Internal Error"}, status=500)), 502),
    "another's HTML error": (answers(Reply(b"<html>Bad Gateway</html>", status=502, headers={"Content-Type": "text/html"})), 502),
}


@pytest.fixture(scope="module")
def person(impatient_server: Installation) -> Person:
    return impatient_server.signed_in()


@pytest.fixture(scope="module")
def patient(impatient_server: Installation) -> Iterator[Installation]:
    """A second server on the same database, which waits for Request Tracker for a minute."""
    settings = impatient_server.settings | {"rt_timeout": "60"}
    made = Installation(impatient_server.folder / "patient", impatient_server.database_url, impatient_server.prefix, settings)
    yield made
    made.close()


def creations(instead: Meddle) -> Meddle:
    """Meddles with new assets alone."""
    return lambda call, forward: instead(call, forward) if (call.method, call.path) == ("POST", "/REST/2.0/asset") else forward()


def test_programs_get_a_clear_error_and_people_a_page(impatient: Installation, person: Person, surroundings: Surroundings) -> None:
    check_all(DAYS, lambda day: _check_bad_day(impatient, person, surroundings, *DAYS[day]))


def _check_bad_day(impatient: Installation, person: Person, surroundings: Surroundings, meddle: Meddle, status: int) -> None:
    asset_id = surroundings.rt.create_asset("HDMI cable", catalog="Cables")  # no tag comes from the webhook
    before = impatient.next_tag()
    chosen = {"asset_tag": impatient.tag(1000 + asset_id), "request_tracker_id": asset_id}
    begun = time.monotonic()
    with surroundings.line.meddling(meddle), ThreadPoolExecutor(8) as pool:
        to_programs = [
            pool.submit(impatient.call, "GET", f"/labels/print?asset_id={asset_id}"),
            pool.submit(impatient.call, "POST", "/labels/batch", json={"asset_ids": [asset_id]}),
            pool.submit(impatient.call, "GET", "/assets"),
            pool.submit(impatient.call, "POST", "/confirm-asset-tag", json=chosen),
        ]
        to_people = [pool.submit(person.get, path) for path in (f"/labels/print?asset_id={asset_id}", "/assets", f"/assets/{asset_id}")]
        answers_, pages = [asked.result() for asked in to_programs], [asked.result() for asked in to_people]
        seconds = time.monotonic() - begun
        after = impatient.next_tag()
    for answer in answers_:
        assert (answer.status_code, "Request Tracker" in answer.json()["error"]) == (status, True), answer.text
    for page in pages:
        assert (page.status_code, page.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
        assert "Request Tracker" in page.text
    assert not [text for text in (each.text for each in answers_ + pages) if surroundings.rt.token in text or "Traceback" in text]
    assert (seconds < 15, after) == (True, before)
    assert surroundings.rt.asset(asset_id)["Name"] == "HDMI cable"
    # The same call is answered as soon as Request Tracker is.
    confirmed = impatient.call("POST", "/confirm-asset-tag", json=chosen)
    assert confirmed.status_code == 200, confirmed.text
    assert surroundings.rt.asset(asset_id)["Name"] == chosen["asset_tag"]
    assert impatient.all_confirmed([asset_id])


def test_a_tag_chosen_by_hand_while_it_was_down_is_free_again_when_nobody_asks_twice(
    impatient: Installation, surroundings: Surroundings
) -> None:
    asset_id = surroundings.rt.create_asset("HDMI cable", catalog="Cables")
    before = impatient.next_tag()

    def not_renamed(call: Call, forward: Forward) -> Reply:
        return nobody_there(call, forward) if call.method == "PUT" else forward()

    with surroundings.line.meddling(nobody_there):
        refused = impatient.call("POST", "/confirm-asset-tag", json={"asset_tag": before, "request_tracker_id": asset_id})
        assert (refused.status_code, impatient.next_tag()) == (503, before)
    with surroundings.line.meddling(not_renamed):
        refused = impatient.call("POST", "/confirm-asset-tag", json={"asset_tag": before, "request_tracker_id": asset_id})
        assert refused.status_code == 503
        assert impatient.next_tag() != before
    impatient.settle()
    assert (impatient.next_tag(), impatient.row(before).state) == (before, "released")
    assert surroundings.rt.asset(asset_id)["Name"] == "HDMI cable"


def test_a_search_with_a_page_missing_prints_what_came_and_says_where_it_stopped(
    shared: Callable[[str], Installation], surroundings: Surroundings
) -> None:
    patient = shared("sqlite")
    surroundings.rt.fill(120, "PAGES")
    first_page_only = {
        "short": answers(Reply({"count": 0, "total": 0, "per_page": 100, "page": 1, "items": []})),
        "web page": answers(HTML),
    }
    asked = {"query": "Name LIKE 'PAGES'"}
    came = {}
    for name, instead in first_page_only.items():

        def meddle(call: Call, forward: Forward, instead: Meddle = instead) -> Reply:
            return instead(call, forward) if b"id+%3E+" in call.body and not call.body.endswith(b"id+%3E+0") else forward()

        with surroundings.line.meddling(meddle):
            answer = patient.call("POST", "/labels/batch", json=asked)
        came[name] = (answer.status_code, answer.text.count('class="label"'), "Interrupted: " in answer.text)
        assert 'name="query" value="Name LIKE &#39;PAGES&#39;"' in answer.text.split('id="resume"')[1]
    assert came == dict.fromkeys(first_page_only, (200, 100, True))
    assert patient.call("POST", "/labels/batch", json=asked).text.count('class="label"') == 120


def test_tags_given_while_it_could_not_be_reached_are_confirmed_when_it_is_back(
    impatient: Installation, surroundings: Surroundings
) -> None:
    with surroundings.line.meddling(nobody_there):
        made = [surroundings.rt.create_asset(f"a new laptop {number}") for number in range(5)]
        tags = impatient.tags_of(made)
        assert {asset_id: surroundings.rt.asset(asset_id)["Name"] for asset_id in made} == tags
        impatient.time_passes()
        with suppress(Unavailable):  # unless the server's own job is trying just now
            impatient.run_job("confirm-tags")
        assert not any(row.confirmed_at for row in impatient.rows() if row.asset_id in tags)
    impatient.confirm(made)
    assert impatient.tags_of(made) == tags
    assert not [row for row in impatient.rows() if row.asset_id in tags and row.problem]


def test_an_asset_added_here_on_a_bad_day_has_its_tag_or_the_tag_is_free_again(
    impatient: Installation, person: Person, surroundings: Surroundings
) -> None:
    before, there = impatient.next_tag(), surroundings.rt.all_assets()
    with surroundings.line.meddling(creations(answers(Reply({"message": "Unauthorized"}, status=401)))):
        assert person.add_asset("BAD-1").status_code == 502
    assert impatient.next_tag() == before  # it was refused: free at once
    with surroundings.line.meddling(creations(nobody_there)):
        unreachable = person.add_asset("BAD-2")
    assert (unreachable.status_code, impatient.next_tag() != before) == (503, True)
    with surroundings.line.meddling(creations(too_late)):
        late = person.add_asset("BAD-3")
    assert late.status_code == 503
    wait_until(lambda: len(surroundings.rt.all_assets()) == len(there) + 1)
    impatient.settle()
    (created,) = surroundings.rt.all_assets().items() - there.items()
    assert impatient.tags_of([created[0]]) == dict([created])
    assert impatient.all_confirmed([created[0]])
    assert impatient.next_tag() == before
    assert surroundings.rt.asset(asset_id_of(person.add_asset("BAD-4")))["Name"] == before


@pytest.mark.parametrize("told", [True, False], ids=["and the webhook tells of it", "and no webhook tells of it"])
def test_a_creation_that_outlasts_its_reservation_takes_nobody_elses_tag(
    impatient: Installation, patient: Installation, person: Person, surroundings: Surroundings, told: bool
) -> None:
    gate, first = Gate(), impatient.next_tag()

    def hold(_: Call, forward: Forward) -> Reply:
        gate.wait()
        return forward()

    with surroundings.line.meddling(creations(hold)), ThreadPoolExecutor(1) as pool, gate:
        slow = pool.submit(patient.signed_in_as(person).add_asset, f"SLOW-{told}")
        assert gate.arrived()
        impatient.settle()  # minutes pass: the job looks twice, and finds nothing of that name
        assert impatient.next_tag() == first
        quick = surroundings.rt.create_asset("quicker")
        if not told:
            surroundings.tells("http://127.0.0.1:1")
        gate.open()
        answer = slow.result()
    impatient.settle()
    made = asset_id_of(answer)
    names = {asset_id: surroundings.rt.asset(asset_id)["Name"] for asset_id in (quick, made)}
    assert names == impatient.tags_of([quick, made])
    assert names[quick] == first != names[made]


def test_request_tracker_killed_among_creations_leaves_no_asset_with_two_tags_and_no_gap(
    impatient: Installation, surroundings: Surroundings
) -> None:
    rt, first, there = surroundings.rt, impatient.next_number(), surroundings.rt.all_assets()
    done, broken = threading.Semaphore(0), []

    def create(number: int) -> None:
        try:
            rt.create_asset(f"before and after {number}", catalog=CATALOG)
        except (requests.RequestException, RequestTrackerFailed) as error:
            broken.append(error)
        done.release()

    with ThreadPoolExecutor(4) as pool:
        made = [pool.submit(create, number) for number in range(40)]
        for _ in range(12):
            done.acquire()
        kill(rt)
        rt.restart(webhook=rt.webhook)
    assert [each.exception() for each in made] == [None] * 40
    assert broken
    impatient.settle()
    created = dict(rt.all_assets().items() - there.items())
    assert impatient.tags_of(created) == created
    assert len(set(created.values())) == len(created) >= 40 - len(broken)
    while impatient.next_number() < first + len(created):
        number = rt.create_asset("fills a gap")
        created[number] = rt.asset(number)["Name"]
    assert sorted(created.values()) == [impatient.tag(number) for number in range(first, first + len(created))]


def kill(rt: RequestTracker) -> None:
    """Without a chance to finish anything. The next `restart` starts it again."""
    assert rt._process is not None
    os.killpg(rt._process.pid, signal.SIGKILL)
    rt._process.wait(10)
