"""A Request Tracker that has tags already, and a program that has never seen it."""

import pytest

from tests.functional.path.conftest import Install
from tests.services.installation import Surroundings
from tests.services.local_server import Call, Reply, wait_until
from tests.services.proxy import Forward, Gate, Meddle, answers
from tests.services.request_tracker import RequestTracker

pytestmark = pytest.mark.rt

HELD = 120
"""More than one page of a search."""


def is_search(call: Call) -> bool:
    return call.path.startswith("/REST/2.0/assets")


def test_tags_continue_after_those_in_request_tracker(install: Install, surroundings: Surroundings, rt: RequestTracker, kind: str) -> None:
    gate, prefix = Gate(), f"A{'S' if kind == 'sqlite' else 'P'}-"
    rt.fill(HELD, prefix)

    def held_up(call: Call, forward: Forward) -> Reply:
        if is_search(call):
            gate.wait()
        return forward()

    with surroundings.line.meddling(held_up), gate:
        installation = install(kind, prefix=prefix, adopted=False)
        assert gate.arrived()
        surroundings.tells(installation.server.url)
        surroundings.hook.calls.clear()
        early = [rt.create_asset(f"early {number}") for number in range(3)]
        assert [rt.asset(asset_id)["Name"] for asset_id in early] == ["early 0", "early 1", "early 2"]
        told = installation.tell(early[0], asset_name="early 0")
        assert (told.status_code, told.json()["asset_tag"]) == (202, None)
        unready = installation.call("GET", "/next-asset-tag")
        assert (unready.status_code, unready.json()["code"]) == (503, "sequence_not_ready")
        gate.open()
        installation.wait_until_confirmed(early)  # by the server's own job
    assert [rt.asset(asset_id)["Name"] for asset_id in early] == [installation.tag(HELD + number) for number in (1, 2, 3)]
    late = rt.create_asset("late")
    assert rt.asset(late)["Name"] == installation.tag(HELD + 4)
    assert len(installation.rows()) == HELD + 4


def test_no_tag_is_assigned_while_a_part_of_the_names_is_missing(install: Install, surroundings: Surroundings, kind: str) -> None:
    prefix = f"AH{kind[0]}-"
    surroundings.rt.fill(HELD, prefix)
    empty = answers(Reply({"count": 0, "total": 50, "per_page": 100, "page": 1, "items": []}))
    page = answers(Reply(b"<html>Sorry", headers={"Content-Type": "text/html"}))
    short = answers(Reply({"count": 0, "total": 0, "per_page": 100, "page": 1, "items": []}))
    refusal = answers(Reply({"message": "Internal Error"}, status=500))

    def second_page(instead: Meddle) -> Meddle:
        def meddle(call: Call, forward: Forward) -> Reply:
            begins_later = is_search(call) and any(row["field"] == "id" and int(row["value"]) > 0 for row in call.json)
            return instead(call, forward) if begins_later else forward()

        return meddle

    with surroundings.line.meddling(second_page(empty)):
        installation = install(kind, prefix=prefix, adopted=False)
        wait_until(lambda: any(is_search(call) for call in surroundings.line.calls))
        for instead in (empty, short, page, refusal):
            surroundings.line.meddle = second_page(instead)
            assert "Request Tracker" in installation.fails_job("adopt-tags")
            assert installation.tell(4).status_code == 202
            assert installation.call("GET", "/next-asset-tag").status_code == 503
    assert "rows" in installation.server.run("jobs", "run", "adopt-tags")
    assert installation.next_number() == HELD + 2  # one went to the asset whose webhook came too early
