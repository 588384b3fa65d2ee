"""Faults planted in a real Request Tracker: all of them are found, nothing else is, and each is resolved by its button."""

from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags.models import Tag, TagDiscrepancy
from tests.functional.path.conftest import Install
from tests.services.forms import button
from tests.services.installation import Installation, Person, Surroundings
from tests.services.local_server import Call, Reply, wait_until
from tests.services.proxy import Forward
from tests.services.request_tracker import RequestTracker

pytestmark = pytest.mark.rt

HERE = "/admin/asset-tags/differences"
NOBODY = 900_000_001
"""No asset in Request Tracker has this number."""


@pytest.fixture
def filled(surroundings: Surroundings, install: Install, kind: str) -> Callable[[str, int], tuple[Installation, list[int]]]:
    """Creates an installation that has adopted so many tags; returns it with the assets."""

    def fill(prefix: str, count: int) -> tuple[Installation, list[int]]:
        surroundings.tells("http://127.0.0.1:1")  # new assets keep their names
        prefix = f"{prefix}{kind[0]}-"
        assets = list(surroundings.rt.fill(count, prefix))
        made = install(kind, adopted=False, prefix=prefix, scheduler="false")
        made.run_job("adopt-tags")
        return made, assets

    return fill


def rename(rt: RequestTracker, asset_id: int, name: str) -> None:
    answer = rt.rest("PUT", f"asset/{asset_id}", json={"Name": name})
    assert answer.status_code == 200, answer.text


def delete(rt: RequestTracker, asset_id: int) -> None:
    rt.rest("PUT", f"asset/{asset_id}", json={"Status": "deleted"})
    assert rt.asset(asset_id)["Status"] == "deleted"


def found(installation: Installation) -> set[tuple[str, str, int, str | None]]:
    with installation.app.app_context(), reading() as session:
        rows = session.scalars(select(TagDiscrepancy).where(TagDiscrepancy.settled_at.is_(None)))
        return {(row.kind, row.tag, row.asset_id, row.name) for row in rows}


def press(person: Person, words: str) -> str:
    """Presses the button of the page and returns the page that follows."""
    pressed = button(person.get(HERE).text, words)
    answer = person.session.post(person.url + pressed.action, data=pressed.fields, timeout=120, allow_redirects=False)
    assert answer.status_code == 303, answer.text
    return person.get(answer.headers["Location"]).text


def compare(installation: Installation, person: Person) -> None:
    press(person, "Compare now")
    installation.run_tasks()


def test_every_fault_is_found_and_resolved_by_its_button(
    filled: Callable[[str, int], tuple[Installation, list[int]]], rt: RequestTracker
) -> None:
    installation, assets = filled("D", 12)
    tag, person = installation.tag, installation.signed_in()
    again, lower, free, scrap, holder, deleted, printed, moved, _, swap, other, _ = assets
    lower_case = tag(2).lower()
    rename(rt, again, "Ms O'Brien's laptop")
    rename(rt, lower, lower_case)
    rename(rt, free, tag(900))
    rename(rt, scrap, "scrap")
    twin = rt.create_asset(tag(5), catalog="Cables")
    delete(rt, deleted)
    delete(rt, printed)
    unknown, second = (rt.create_asset(tag(901), catalog="Cables") for _ in range(2))
    misspelt = [rt.create_asset(name, catalog="Cables") for name in (f"{installation.prefix}7", f"{tag(1)} old", tag(50).lower())]
    rename(rt, swap, tag(11))
    rename(rt, other, tag(10))
    rt.create_asset(f"x{tag(1)}", catalog="Cables")
    with installation.app.app_context(), transaction() as session:
        session.execute(update(Tag).where(Tag.tag == tag(7)).values(printed_at=Tag.changed_at))
        session.execute(
            update(Tag).where(Tag.tag == tag(8)).values(asset_id=NOBODY)
        )  # so the asset with that name duplicates the tag of a missing one
    compare(installation, person)
    assert found(installation) == {
        ("renamed", tag(1), again, "Ms O'Brien's laptop"),
        ("renamed", tag(2), lower, lower_case),
        ("renamed", tag(3), free, tag(900)),
        ("renamed", tag(4), scrap, "scrap"),
        ("twin", tag(5), twin, tag(5)),
        ("gone", tag(6), deleted, tag(6)),
        ("gone", tag(7), printed, tag(7)),
        ("gone", tag(8), NOBODY, None),
        ("twin", tag(8), moved, tag(8)),
        ("renamed", tag(10), swap, tag(11)),
        ("renamed", tag(11), other, tag(10)),
        ("unknown", tag(901), unknown, tag(901)),
        ("unknown", tag(901), second, tag(901)),
        ("misspelt", "", misspelt[0], f"{installation.prefix}7"),
        ("misspelt", "", misspelt[1], f"{tag(1)} old"),
        ("misspelt", "", misspelt[2], tag(50).lower()),
    }
    assert f"{tag(8)} is now the tag of #{moved}." in press(person, f"Move {tag(8)} to #{moved}")
    assert f"#{again} is named {tag(1)} in" in press(person, f"Rename #{again} ")
    press(person, f"Use {tag(900)} as the tag of #{free}")
    press(person, f"Remove {tag(4)} from #{scrap}")
    press(person, f"Release {tag(6)}")
    press(person, f"Retire {tag(7)}")
    press(person, f"Use {tag(901)} as the tag of #{unknown}")
    press(person, "Rename 3 assets to their tags")
    installation.run_tasks()
    while ">Assign a" in person.get(HERE).text:  # of the two with one unknown tag, the second is a duplicate by now
        press(person, "Assign a")
    compare(installation, person)
    assert found(installation) == set()
    assert "No differences." in person.get(HERE).text
    names, tags = rt.all_assets(), installation.tags_of([*assets, twin, unknown, second, *misspelt])
    assert {asset_id: names[asset_id] for asset_id in tags} == tags
    assert len(set(tags.values())) == len(tags)
    assert [names[each] for each in (again, lower, free, scrap, holder)] == [tag(1), tag(2), tag(900), "scrap", tag(5)]
    assert (names[moved], names[swap], names[other], names[unknown]) == (tag(8), tag(10), tag(11), tag(901))
    assert scrap not in tags
    assert installation.row(tag(7)).is_retired


def test_a_comparison_that_request_tracker_interrupts_closes_nothing_and_continues_later(
    filled: Callable[[str, int], tuple[Installation, list[int]]], surroundings: Surroundings, rt: RequestTracker
) -> None:
    installation, assets = filled("E", 120)
    person = installation.signed_in()
    rename(rt, assets[0], "old")
    compare(installation, person)
    rename(rt, assets[0], installation.tag(1))
    rename(rt, assets[1], "older")
    pages = 0

    def stops(call: Call, forward: Forward) -> Reply:
        nonlocal pages
        pages += call.path.startswith("/REST/2.0/assets?")
        return Reply(hang_up=True) if pages > 1 else forward()

    with surroundings.line.meddling(stops):
        compare(installation, person)
    task = installation.call("GET", "/api/tasks/2").json()
    assert (task["state"], task["done"], task["total"]) == ("waiting", 100, 120)
    assert "Request Tracker" in task["error"]
    assert found(installation) == {("renamed", installation.tag(1), assets[0], "old")}
    again = button(person.get("/tasks/2").text, "Retry now")
    person.session.post(person.url + again.action, data=again.fields, timeout=60, allow_redirects=False)
    installation.run_job("run-tasks")
    wait_until(lambda: installation.call("GET", "/api/tasks/2").json()["state"] == "done")
    assert found(installation) == {("renamed", installation.tag(2), assets[1], "older")}
