"""Creating assets in a real Request Tracker: each serial number once, each under one tag, whatever the day is like."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import requests
from sqlalchemy import update

from request_tracker_utils.asset_store.service import AssetStoreBroken
from request_tracker_utils.assets.batch import start_creating
from request_tracker_utils.assets.models import OPEN, SENT, Creation
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags.models import GRACE_PERIOD
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import ItemState, Task, TaskState
from tests.functional.path.conftest import RT_TIMEOUT, Install
from tests.services.creations import laptop
from tests.services.installation import Installation, Surroundings
from tests.services.local_server import Call, Reply, wait_until
from tests.services.proxy import Forward, Gate, Meddle, nobody_there

pytestmark = pytest.mark.rt

CART = 30
TOLD = {"success", "asset_id", "asset_tag", "serial_number", "label_printed", "message"}


def create(installation: Installation, serial: str, **fields: str) -> requests.Response:
    laptop = {"serial_number": serial, "manufacturer": "Dell", "model": "Chromebook 3100", **fields}
    return installation.call("POST", "/assets/create", json=laptop)


def create_with_retries(installation: Installation, serial: str) -> requests.Response:
    """Retries for as long as the answer says so."""
    while (answer := create(installation, serial)).json().get("retry"):
        time.sleep(0.1)
    return answer


def creations(instead: Meddle) -> Meddle:
    """Meddles with new assets alone."""
    return lambda call, forward: instead(call, forward) if (call.method, call.path) == ("POST", "/REST/2.0/asset") else forward()


def answer_lost(_: Call, forward: Forward) -> Reply:
    """It is carried out, and nobody hears of it."""
    forward()
    return Reply(hang_up=True)


def with_serial(surroundings: Surroundings, serial: str) -> list[int]:
    return surroundings.rt.assets_with_serial(serial)


def open_creations(installation: Installation) -> list[Creation]:
    with installation.app.app_context(), reading() as session:
        return list(session.query(Creation).where(Creation.state.in_(OPEN)))


def test_an_asset_is_created_with_two_requests_and_keeps_its_one_tag(installation: Installation, surroundings: Surroundings) -> None:
    tag, next_tag = installation.next_tags(2)
    serial = f"TWO-{tag}"
    with ThreadPoolExecutor(8) as pool:  # each server process asks once which custom fields there are
        checks = pool.map(lambda number: installation.call("GET", f"/assets/validate-serial?serial_number=WARM-{number}"), range(24))
        assert {check.status_code for check in checks} == {200}
    surroundings.line.calls.clear()
    answer = create(installation, serial, internal_name="Cart 1 #1", category="Laptop", funding_source="Title I")
    about_it = [call for call in surroundings.line.calls if serial in call.body.decode()]  # jobs ask for other things meanwhile
    asked = [(call.method, call.path.partition("?")[0]) for call in about_it]
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told.keys()) == (201, TOLD)
    assert asked == [("POST", "/REST/2.0/assets"), ("POST", "/REST/2.0/asset")]
    assert told["asset_tag"] == tag
    asset = surroundings.rt.asset(told["asset_id"])
    fields = {field["name"]: field["values"] for field in asset["CustomFields"]}
    assert asset["Name"] == told["asset_tag"]
    assert (fields["Serial Number"], fields["Model"], fields["Manufacturer"]) == ([serial], ["Chromebook 3100"], ["Dell"])
    assert (fields["Internal Name"], fields["Category"], fields["Funding Source"]) == (["Cart 1 #1"], ["Laptop"], ["Title I"])
    installation.confirm([told["asset_id"]])
    assert installation.next_tag() == next_tag


@pytest.mark.both_databases
def test_of_eight_who_create_one_serial_number_at_once_one_does_and_the_others_learn_of_its_asset(
    installation: Installation, surroundings: Surroundings
) -> None:
    serial = f"same-{installation.next_tag()}"
    spelt = [serial.upper(), serial.title(), serial, f"  {serial} "] * 2
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda each: create_with_retries(installation, each), spelt))
    (made,) = with_serial(surroundings, serial)
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 7
    assert {answer.json().get("existing_asset_id", answer.json().get("asset_id")) for answer in answers} == {made}
    assert not open_creations(installation)


def test_with_the_bare_call_the_webhooks_tag_wins_and_the_reserved_one_is_free_again(
    installation: Installation, surroundings: Surroundings
) -> None:
    surroundings.tells(installation.server.url, style="bare", catalogs=())
    reserved, tag = installation.next_tags(2)
    told = create(installation, f"BARE-{reserved}").json()
    assert told["asset_tag"] == tag
    assert surroundings.rt.asset(told["asset_id"])["Name"] == told["asset_tag"]

    def freed() -> bool:
        installation.time_passes()
        installation.run_job("confirm-tags")
        return installation.row(reserved).state == "released"

    wait_until(freed)
    assert installation.all_confirmed([told["asset_id"]])


def test_what_was_created_although_the_answer_was_lost_is_found_and_has_no_twin(
    installation: Installation, surroundings: Surroundings
) -> None:
    serial = f"LOST-{installation.next_tag()}"
    with surroundings.line.meddling(creations(answer_lost)):
        lost = create(installation, serial)
    assert (lost.status_code, lost.json()["retry"], lost.json()["success"]) == (500, True, False)
    (made,) = with_serial(surroundings, serial)
    again = create(installation, serial.lower())
    assert (again.status_code, again.json()["existing_asset_id"]) == (400, made)
    assert with_serial(surroundings, serial) == [made]
    assert installation.tags_of([made]) == {made: surroundings.rt.asset(made)["Name"]}
    assert not open_creations(installation)


def test_what_was_never_created_stays_blocked_until_it_was_looked_for_twice(installation: Installation, surroundings: Surroundings) -> None:
    serial, following = f"NEVER-{installation.next_tag()}", installation.next_tag()
    with surroundings.line.meddling(creations(nobody_there)):
        assert create(installation, serial).status_code == 500
    for _ in range(2):  # however often it is asked
        blocked = create(installation, serial)
        assert (blocked.status_code, blocked.json()["retry"], "existing_asset_id" in blocked.json()) == (400, True, False)
        assert installation.row(following).state == "reserved"
    installation.much_later("recover-creations")
    assert (installation.row(following).state, open_creations(installation)) == ("released", [])
    made = create(installation, serial)
    assert (made.status_code, made.json()["asset_tag"]) == (201, following)
    assert with_serial(surroundings, serial) == [made.json()["asset_id"]]


def test_request_tracker_that_answers_too_late_is_believed_when_it_has_the_asset(
    impatient: Installation, surroundings: Surroundings
) -> None:
    serial = f"LATE-{impatient.next_tag()}"

    def late(_: Call, forward: Forward) -> Reply:
        reply = forward()
        time.sleep(RT_TIMEOUT + 0.7)
        return reply

    with surroundings.line.meddling(creations(late)):
        told = create(impatient, serial)
    assert (told.status_code, "did not answer" in told.json()["error"]) == (500, True)
    impatient.time_passes()
    impatient.run_job("recover-creations")
    (made,) = with_serial(surroundings, serial)
    assert impatient.tags_of([made]) == {made: surroundings.rt.asset(made)["Name"]}
    assert create(impatient, serial).json()["existing_asset_id"] == made


def test_what_request_tracker_refuses_spends_nothing_and_says_what_to_do(installation: Installation, surroundings: Surroundings) -> None:
    following = installation.next_tag()
    refused = create(installation, "REFUSED-1", catalog="No such catalog")
    assert (refused.status_code, refused.json()["retry"]) == (500, False)
    assert "No such catalog" in refused.json()["error"]
    assert (installation.next_tag(), with_serial(surroundings, "REFUSED-1")) == (following, [])


def test_killed_between_the_steps_and_started_again_no_serial_number_is_lost_or_doubled(
    install: Install, surroundings: Surroundings, kind: str
) -> None:
    created, not_created, looking = Gate(), Gate(), Gate()
    installation = install(kind, rt_timeout="60")  # nobody gives up before all three have arrived
    surroundings.tells("http://127.0.0.1:1")

    def hold(call: Call, forward: Forward) -> Reply:
        body = call.body.decode()
        if "LOOKED" in body:
            looking.wait()
            return Reply(hang_up=True)
        if (call.method, call.path) != ("POST", "/REST/2.0/asset"):
            return forward()
        if "UNSENT" in body:
            not_created.wait()
            return Reply(hang_up=True)
        reply = forward()
        created.wait()
        return reply

    serials = [f"{what}-{kind}" for what in ("LOOKED", "UNSENT", "THERE")]
    installation.headers  # noqa: B018 — the account is made while the server runs
    with surroundings.line.meddling(hold), ThreadPoolExecutor(3) as pool, created, not_created, looking:
        lost = [pool.submit(create, installation, serial) for serial in serials]
        assert all(gate.arrived() for gate in (created, not_created, looking))
        installation.server.kill()
        assert [type(each.exception()) for each in lost] == [requests.ConnectionError] * 3
        for gate in (created, not_created, looking):
            gate.open()
    assert sorted(each.state for each in open_creations(installation)) == ["claimed", "sent", "sent"]
    installation.server.start()
    surroundings.tells(installation.server.url)
    (made,) = with_serial(surroundings, serials[2])

    def bound() -> bool:  # by this run of the job or by the server's own
        installation.time_passes()
        installation.run_job("recover-creations")
        return bool(installation.tags_of([made]))

    wait_until(bound)
    assert installation.tags_of([made]) == {made: surroundings.rt.asset(made)["Name"]}
    assert create(installation, serials[2]).json()["existing_asset_id"] == made
    assert create(installation, serials[0]).status_code == 201  # nothing was sent: free at once
    blocked = create(installation, serials[1])
    assert (blocked.status_code, blocked.json()["retry"]) == (400, True)
    installation.much_later("recover-creations")
    assert create(installation, serials[1]).status_code == 201
    assert [len(with_serial(surroundings, serial)) for serial in serials] == [1, 1, 1]
    assert not open_creations(installation)
    held = [row for row in installation.rows() if row.state == "reserved"]
    assert not held


def test_a_cart_whose_server_is_killed_in_the_middle_is_created_to_its_end_and_nothing_twice(
    install: Install, surroundings: Surroundings, kind: str
) -> None:
    installation = install(kind)
    surroundings.tells(installation.server.url)
    serials = [f"CART-{kind}-{number}" for number in range(CART)]
    with installation.app.app_context(), transaction() as session:
        task = start_creating(session, [laptop(serial) for serial in serials], title="A cart", actor=Actor("ada"), now=utc_now())

    def made() -> int:
        return len(installation.tags_of(surroundings.rt.all_assets()))

    wait_until(lambda: made() >= 8, within=60)
    installation.server.kill()
    assert made() < CART
    with installation.app.app_context(), transaction() as session:
        session.execute(update(Task).where(Task.id == task.id).values(due_at=utc_now()))  # the lease of the dead process has ended
        # Request Tracker may not have received what was sent last; that is known after the grace period.
        session.execute(update(Creation).where(Creation.state.in_(SENT)).values(sent_at=utc_now() - GRACE_PERIOD))
    surroundings.tells("http://127.0.0.1:1")
    installation.server.start()
    surroundings.tells(installation.server.url)

    def done() -> bool:
        with installation.app.app_context(), transaction() as session:
            session.execute(update(Creation).where(Creation.state.in_(SENT)).values(due_at=utc_now()))
        with suppress(AssetStoreBroken):  # assets come while it searches; it tries again
            installation.run_job("recover-creations")
        with installation.app.app_context(), transaction() as session:
            session.execute(update(Task).where(Task.state == TaskState.PENDING).values(due_at=utc_now()))
        installation.run_job("run-tasks")  # this process or the server's: whichever is first
        with installation.app.app_context(), reading() as session:
            return tasks.get(session, task.id).state == TaskState.DONE

    wait_until(done, within=120)
    with installation.app.app_context(), reading() as session:
        ended = tasks.get(session, task.id)
        failed = [item.note for item in tasks.items(session, task.id, ItemState.FAILED)]
        assert (ended.done, failed) == (CART, []), ended.error
    assert [len(with_serial(surroundings, serial)) for serial in serials] == [1] * CART
    names = surroundings.rt.all_assets()
    tags = installation.tags_of(names)
    assert (len(tags), {asset_id: names[asset_id] for asset_id in tags}) == (CART, tags)
    assert not open_creations(installation)
