"""Assets without a tag that no webhook told of: found and tagged in a real Request Tracker, whatever happens meanwhile."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tasks.models import Task
from tests.functional.path.conftest import Install
from tests.services.installation import Installation, Person, Surroundings
from tests.services.local_server import Call, Reply, wait_until
from tests.services.proxy import Forward, nobody_there

pytestmark = pytest.mark.rt
SWEEP = "/admin/asset-tags/sweep"


def press(person: Person, path: str, **fields: str | list[str]) -> str:
    """Sends a form of the page. Returns where it leads."""
    page = person.get(SWEEP).text
    csrf_token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    answer = person.session.post(person.url + path, data={**fields, "csrf_token": csrf_token}, timeout=60, allow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def newest_task(installation: Installation) -> Task:
    with installation.app.app_context(), reading() as session:
        return session.scalars(select(Task).order_by(Task.id.desc()).limit(1)).one()


def let_time_pass(installation: Installation) -> None:
    """What waits or was begun by a process that died is due now."""
    with installation.app.app_context(), transaction() as session:
        due = update(Task).where(Task.due_at.is_not(None), Task.state != "done")
        session.execute(due.values(due_at=utc_now() - timedelta(seconds=1)))


def new_catalog(surroundings: Surroundings) -> str:
    """A catalog of the test's own: a sweep tags whatever is in it, and others' assets are left alone. Nobody is told of new assets."""
    surroundings.tells("http://127.0.0.1:1")
    name = f"Sweep {uuid4().hex[:8]}"
    surroundings.rt.rest("POST", "catalog", json={"Name": name}).raise_for_status()
    return name


def preview(installation: Installation, person: Person, catalog: str) -> Task:
    press(person, f"{SWEEP}/preview", catalogs=[catalog])
    wait_until(lambda: newest_task(installation).state == "done", within=30)
    return newest_task(installation)


@pytest.fixture(scope="module")
def installation(install_for_module: Install, kind: str) -> Installation:
    return install_for_module(kind)


def test_assets_of_missed_calls_get_their_tags(installation: Installation, surroundings: Surroundings) -> None:
    rt, catalog = surroundings.rt, new_catalog(surroundings)
    lost = rt.fill(5, "lost ", catalog=catalog)
    named = rt.create_asset(installation.tag(77), catalog=catalog)
    begins_like_a_tag = rt.create_asset(f"{installation.prefix}7", catalog=catalog)
    elsewhere = rt.create_asset("elsewhere", catalog="Cables")
    person = installation.signed_in()
    found = preview(installation, person, catalog)
    assert found.summary is not None
    assert "Nothing was changed" in found.summary
    before = rt.all_assets()
    assert all(before[asset_id].startswith("lost") for asset_id in lost)

    press(person, f"{SWEEP}/switch", on="1")
    wait_until(lambda: all(rt.all_assets()[asset_id].startswith(installation.prefix) for asset_id in lost), within=60)
    wait_until(lambda: newest_task(installation).state == "done", within=30)
    press(person, f"{SWEEP}/switch", on="0")
    after = rt.all_assets()
    tags = installation.tags_of(lost)
    assert {asset_id: after[asset_id] for asset_id in lost} == tags
    assert len(set(tags.values())) == 5
    assert installation.all_confirmed(lost)
    for asset_id in (named, begins_like_a_tag, elsewhere):
        assert after[asset_id] == before[asset_id]


def test_a_process_that_is_killed_leaves_the_rest_to_the_next(installation: Installation, surroundings: Surroundings) -> None:
    rt, catalog = surroundings.rt, new_catalog(surroundings)
    lost = rt.fill(12, "left ", catalog=catalog)
    person = installation.signed_in()
    preview(installation, person, catalog)
    renames: list[str] = []

    def kill_in_the_middle(call: Call, forward: Forward) -> Reply:
        if call.method == "PUT":
            renames.append(call.path)
            if len(renames) == 4:
                installation.server.kill()
        return forward()

    with surroundings.line.meddling(kill_in_the_middle):
        press(person, f"{SWEEP}/run")
        wait_until(lambda: len(renames) >= 4, within=60)
    let_time_pass(installation)
    installation.server.start()
    wait_until(lambda: newest_task(installation).state == "done", within=60)
    names = rt.all_assets()
    tags = installation.tags_of(lost)
    assert {asset_id: names[asset_id] for asset_id in lost} == tags
    assert len(set(tags.values())) == len(lost)
    assert newest_task(installation).failed == 0


def test_when_request_tracker_does_not_answer_the_task_waits_and_continues(installation: Installation, surroundings: Surroundings) -> None:
    rt, catalog = surroundings.rt, new_catalog(surroundings)
    lost = rt.fill(40, "silent ", catalog=catalog)
    person = installation.signed_in()
    preview(installation, person, catalog)
    renames: list[str] = []

    def falls_silent(call: Call, forward: Forward) -> Reply:
        renames.append(call.path)
        return nobody_there(call, forward) if len(renames) > 6 else forward()

    with surroundings.line.meddling(falls_silent):
        press(person, f"{SWEEP}/run")
        wait_until(lambda: newest_task(installation).error is not None, within=60)
        held_up = newest_task(installation)
        assert held_up.state == "waiting"
        assert "could not be reached" in str(held_up.error)
        assert "postponed" in person.get(f"/tasks/{held_up.id}").text
    let_time_pass(installation)
    wait_until(lambda: newest_task(installation).state == "done", within=60)
    names = rt.all_assets()
    assert {asset_id: names[asset_id] for asset_id in lost} == installation.tags_of(lost)
