"""Many labels with a real Request Tracker behind them: few requests, a stop in the middle and the rest, and scans while it is away."""

import re

import pytest

from tests.functional.path.conftest import Install
from tests.services.installation import Installation, Person, Surroundings
from tests.services.local_server import Call, Reply
from tests.services.proxy import Forward, Meddle, Proxy, nobody_there
from tests.services.request_tracker import RequestTracker
from tests.services.tables import check_all

pytestmark = pytest.mark.rt
COUNT = 250


@pytest.fixture(scope="module")
def ready(install_for_module: Install, own_line: Proxy) -> Installation:
    return install_for_module("sqlite", rt_url=own_line.url)


@pytest.fixture(scope="module")
def assets(rt: RequestTracker) -> range:
    return rt.fill(COUNT, "STREAM-")


@pytest.fixture(scope="module")
def person(ready: Installation) -> Person:
    return ready.signed_in()


def csrf_token(person: Person) -> str:
    return person.get("/labels/batch").text.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]


def fields_of_rest(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.split('id="resume"')[1]))


def search_for(asset_id: int, instead: Meddle) -> Meddle:
    """Meddles with searches for this asset by its id."""

    def meddle(call: Call, forward: Forward) -> Reply:
        return instead(call, forward) if b'"id"' in call.body and re.search(rb"\b%d\b" % asset_id, call.body) else forward()

    return meddle


def test_a_page_that_stops_in_the_middle_prints_what_came_and_then_the_rest(
    ready: Installation, person: Person, own_line: Proxy, assets: range
) -> None:
    form = {"asset_ids": ",".join(map(str, assets)), "size": "large", "autoprint": "1", "csrf_token": csrf_token(person)}
    with own_line.meddling(search_for(assets[-1], nobody_there)):
        answer = person.session.post(f"{ready.server.url}/labels/batch", data=form, timeout=120)
    assert (answer.status_code, answer.text.count('class="label"')) == (200, 200)
    assert "Interrupted: Request Tracker could not be reached" in answer.text
    assert "The labels of 50 assets are missing." in answer.text
    rest = fields_of_rest(answer.text)
    assert rest["asset_ids"] == ",".join(map(str, assets[200:]))
    more = person.session.post(f"{ready.server.url}/labels/batch", data=rest, timeout=120)
    assert (more.text.count('class="label"'), 'id="resume"' in more.text) == (50, False)


def test_a_thousand_lines_are_made_out_with_few_questions(ready: Installation, person: Person, own_line: Proxy, assets: range) -> None:
    csrf = csrf_token(person)
    lines = [f"s-stream-{number:04}" for number in range(1, COUNT + 1)] + [f"unknown-{number}" for number in range(1000 - COUNT)]
    own_line.calls.clear()
    answer = person.session.post(
        f"{ready.server.url}/labels/batch/choose",
        data={"csrf_token": csrf, "then": "review", "size": "large", "lines": "\n".join(lines)},
        timeout=120,
    )
    assert answer.status_code == 200, answer.text
    # Jobs of the server search too. A search that found Request Tracker busy is repeated, which does not make it another one.
    searches = {(call.path, call.body) for call in own_line.calls if b"CF.{Serial Number}" in call.body}
    assert ("<h1>250 labels</h1>" in answer.text, "750 entries are not known tags" in answer.text) == (True, True)
    assert len(searches) <= 8


def test_a_query_that_would_be_answered_with_everything_prints_nothing(ready: Installation, person: Person, assets: range) -> None:
    csrf = csrf_token(person)

    def check(query: str) -> None:
        answer = ready.call("POST", "/labels/batch", json={"query": query})
        assert (answer.status_code, answer.json()["code"]) == (400, "directory_invalid")
        form = {"csrf_token": csrf, "then": "print", "size": "large", "query": query}
        page = person.session.post(f"{ready.server.url}/labels/batch/choose", data=form, timeout=60)
        assert (page.status_code, 'class="label"' in page.text) == (400, False)
        assert "does not understand all of this query" in page.text

    check_all(["id IN (1,3)", "garbage (", "Name = ", "CustomField.{Serial Number} = 'x'"], check)


def test_a_known_tag_is_scanned_while_request_tracker_is_away(impatient: Installation, surroundings: Surroundings) -> None:
    made = impatient
    asset_id = surroundings.rt.create_asset("a new laptop")
    tag = made.tags_of([asset_id])[asset_id]
    with surroundings.line.meddling(nobody_there):
        known = made.call("POST", "/labels/scan", json={"text": tag})
        assert (known.status_code, known.json()["name"]) == (200, tag)
        assert made.call("GET", known.json()["details"]).status_code == 503
        address = f"{surroundings.line.url}/Asset/Display.html?id="
        assert made.call("POST", "/labels/scan", json={"text": f"{address}{asset_id}"}).json()["name"] == tag
        unknown = made.call("POST", "/labels/scan", json={"text": f"{address}1"})
        assert unknown.status_code == 503
    assert made.call("POST", "/labels/scan", json={"text": f"{address}1"}).json()["name"] == "unlabelled laptop 1"
    facts = made.call("GET", known.json()["details"]).json()
    assert (facts["name"], facts["scanned_at"] is not None, facts["printed_by"]) == (tag, True, "")
