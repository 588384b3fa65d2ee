"""A person renames an asset in Request Tracker to a tag that is about to be assigned: no tag is given to two assets."""

from collections import Counter
from threading import Lock

import pytest

from request_tracker_utils.assets.batch import start_creating
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags.models import TagState
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import ItemState, TaskState
from tests.functional.path.test_creations import create
from tests.services.creations import laptop
from tests.services.installation import Installation, Surroundings
from tests.services.local_server import Call, Reply, wait_until
from tests.services.proxy import Forward
from tests.services.request_tracker import RequestTracker

pytestmark = [pytest.mark.rt, pytest.mark.both_databases]


def by_hand(rt: RequestTracker, name: str) -> int:
    """An asset of a catalog without the webhook, which was renamed in Request Tracker."""
    asset_id = rt.create_asset("a cable", catalog="Cables")
    rename(rt, asset_id, name)
    return asset_id


def rename(rt: RequestTracker, asset_id: int, name: str) -> None:
    rt.rest("PUT", f"asset/{asset_id}", json={"Name": name}).raise_for_status()


def names_are_unique(installation: Installation, rt: RequestTracker) -> bool:
    """And no tag waits for its confirmation."""
    names = Counter(name for name in rt.all_assets().values() if name.startswith(installation.prefix))
    return set(names.values()) == {1} and not any(row.due_at for row in installation.rows())


def resolved(installation: Installation, rt: RequestTracker) -> bool:
    installation.time_passes()
    installation.run_job("confirm-tags")
    return names_are_unique(installation, rt)


def test_creating_an_asset_skips_the_name_and_lists_it_under_differences(installation: Installation, rt: RequestTracker) -> None:
    named, following = installation.next_tags(2)
    asset_id = by_hand(rt, named)
    assert create(installation, f"HAND-{named}").json()["asset_tag"] == following
    assert installation.row(named).is_retired
    assert installation.next_tag() not in (named, following)
    page = installation.signed_in()
    assert f"#{asset_id}" in page.get("/admin/asset-tags/differences").text
    assert "between tags and asset names" in page.get("/").text


def test_a_cart_has_no_tag_that_an_asset_got_in_the_middle_of_it(
    installation: Installation, rt: RequestTracker, surroundings: Surroundings
) -> None:
    first, *_, last = expected = installation.next_tags(12)
    asset_id, renamed, lock = by_hand(rt, first), [False], Lock()

    def rename_first(call: Call, forward: Forward) -> Reply:
        with lock:
            if (call.method, call.path) == ("POST", "/REST/2.0/asset") and not renamed[0]:
                renamed[0] = True
                rename(rt, asset_id, last)
        return forward()

    serials = [f"MIDDLE-{first}-{number}" for number in range(10)]
    with surroundings.line.meddling(rename_first):
        with installation.app.app_context(), transaction() as session:
            task = start_creating(session, [laptop(serial) for serial in serials], title="A cart", actor=Actor("ada"), now=utc_now())

        def done() -> bool:
            installation.run_job("run-tasks")
            with installation.app.app_context(), reading() as session:
                return tasks.get(session, task.id).state == TaskState.DONE

        wait_until(done, within=60)
    with installation.app.app_context(), reading() as session:
        items = tasks.items(session, task.id, ItemState.DONE)
        given = [(item.data["serial_number"], item.result["tag"]) for item in items if item.result]
    assert given == list(zip(serials, expected[1:11], strict=True))  # the first name was skipped; the last was not needed
    wait_until(lambda: resolved(installation, rt), within=60)
    assert rt.all_assets()[asset_id] == last
    assert create(installation, f"{serials[0]}-next").json()["asset_tag"] != last


def test_an_asset_of_the_webhook_gets_another_tag_within_seconds(installation: Installation, rt: RequestTracker) -> None:
    named, following = installation.next_tags(2)
    asset_id = by_hand(rt, named)
    created = rt.create_asset("a laptop")
    wait_until(lambda: resolved(installation, rt), within=60)
    names = rt.all_assets()
    assert (names[asset_id], names[created]) == (named, following)
    assert installation.tags_of([asset_id, created]) == {created: following}
    assert (installation.row(named).state, installation.row(named).is_retired) == (TagState.RESERVED, True)
    page = installation.signed_in()
    for path in ("/", f"/assets/{asset_id}", f"/assets/{created}"):
        assert following in page.get(path).text
    assert f"Asset #{created} got {following}." in page.get("/").text


def test_an_asset_with_a_label_keeps_its_tag(installation: Installation, rt: RequestTracker) -> None:
    named, following = installation.next_tags(2)
    created = create(installation, f"LABEL-{named}").json()
    assert created["asset_tag"] == named
    assert installation.call("GET", f"/labels/print?asset_id={created['asset_id']}").ok
    asset_id = by_hand(rt, named)
    installation.time_passes()
    with installation.app.app_context(), transaction() as session:
        session.merge(installation.row(named)).due_at = utc_now()
    wait_until(lambda: resolved(installation, rt), within=60)
    names = rt.all_assets()
    assert (names[created["asset_id"]], names[asset_id]) == (named, following)
