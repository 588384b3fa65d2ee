"""The program killed between taking a tag and knowing what became of it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.functional.path.conftest import Install
from tests.services.installation import Surroundings, asset_id_of
from tests.services.local_server import Call, Reply, wait_until
from tests.services.proxy import Forward, Gate

pytestmark = pytest.mark.rt


def test_after_a_restart_each_reservation_finds_its_asset_or_is_given_again(
    install: Install, surroundings: Surroundings, kind: str
) -> None:
    rt, created, not_created = surroundings.rt, Gate(), Gate()
    installation = install(kind)
    surroundings.tells("http://127.0.0.1:1")  # nobody is told of the new asset: its name alone says whose it is

    def hold(call: Call, forward: Forward) -> Reply:
        if (call.method, call.path) != ("POST", "/REST/2.0/asset"):
            return forward()
        if "NEVER" in call.body.decode():
            not_created.wait()
            return Reply(hang_up=True)
        reply = forward()
        created.wait()
        return reply

    one, two = installation.signed_in(), installation.signed_in()
    before = rt.all_assets()
    with surroundings.line.meddling(hold), ThreadPoolExecutor(2) as pool, created, not_created:
        lost = [pool.submit(one.add_asset, f"CREATED-{kind}"), pool.submit(two.add_asset, f"NEVER-{kind}")]
        assert created.arrived()
        assert not_created.arrived()
        installation.server.kill()
        assert [type(each.exception()) for each in lost] == [requests.ConnectionError] * 2
        created.open()
        not_created.open()
    ((asset_id, name),) = rt.all_assets().items() - before.items()
    assert [row.state for row in installation.rows()] == ["reserved", "reserved"]
    (orphan,) = {row.tag for row in installation.rows()} - {name}

    installation.time_passes()
    installation.server.start()
    surroundings.tells(installation.server.url)
    # The job of the new process looks at once; for what it does not find it looks a second time, later.
    wait_until(lambda: installation.all_confirmed([asset_id]), within=25)
    wait_until(lambda: installation.row(orphan).absences == 1, within=25)
    assert installation.tags_of([asset_id]) == {asset_id: name}

    installation.time_passes()
    installation.run_job("confirm-tags")
    wait_until(lambda: installation.row(orphan).state == "released", within=25)  # the server's job may have claimed it first
    assert installation.next_tag() == orphan
    again = asset_id_of(installation.signed_in().add_asset(f"AGAIN-{kind}"))
    assert rt.asset(again)["Name"] == orphan
    assert installation.next_tag() == installation.tag(3)
