"""From an asset that somebody creates in Request Tracker to the tag that is its name: the real program beside a real Request Tracker."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest

from tests.functional.path.conftest import Install
from tests.services.installation import Installation, Surroundings, asset_id_of, create_at_once
from tests.services.local_server import wait_until
from tests.services.request_tracker import RequestTracker

pytestmark = pytest.mark.rt

Stage = Literal["inside", "after"]


@pytest.mark.parametrize(("stage", "count"), [("inside", 100), ("after", 20)])
def test_assets_created_by_four_clients_at_once_get_a_tag_each(
    installation: Installation, surroundings: Surroundings, rt: RequestTracker, stage: Stage, count: int
) -> None:
    surroundings.tells(installation.server.url, stage=stage)
    first = installation.next_number()
    with ThreadPoolExecutor(1) as at_a_browser:
        forms = at_a_browser.submit(lambda: [rt.create_asset_by_form(f"typed in {number}", catalog="Chromebooks") for number in range(4)])
        made = create_at_once(rt, count)
    made += forms.result()
    names, tags = rt.all_assets(), [row for row in installation.rows() if row.number >= first]
    # Request Tracker may still have been at work on an asset for an earlier test, which then has one of the tags.
    assert {row.tag: names.get(row.asset_id or 0) for row in tags} == {row.tag: row.tag for row in tags}
    assert {asset_id: names[asset_id] for asset_id in made} == installation.tags_of(made)
    assert [row.number for row in tags] == list(range(first, installation.next_number()))
    installation.confirm(made)


@pytest.mark.parametrize("stage", ["inside", "after"])
def test_the_bare_call_is_enough(install: Install, kind: str, surroundings: Surroundings, rt: RequestTracker, stage: Stage) -> None:
    installation = install(kind)  # without tags that earlier tests may have left reserved
    surroundings.tells(installation.server.url, stage=stage, style="bare", catalogs=())
    first = installation.next_number()
    made = [*create_at_once(rt, 8), rt.create_asset_by_form("typed in")]
    assert sorted(rt.asset(asset_id)["Name"] for asset_id in made) == [installation.tag(number) for number in range(first, first + 9)]
    # The form reserves a tag, and the webhook, which is told no name, gives another: the reserved one is free as soon as a job has seen
    # that no asset is called so, and is given again first.
    added = asset_id_of(installation.signed_in().add_asset(f"BARE-{kind}-{stage}-{first}"))
    assert rt.asset(added)["Name"] == installation.tags_of([added])[added] == installation.tag(first + 10)

    def freed() -> bool:
        installation.time_passes()
        installation.run_job("confirm-tags")
        return installation.next_tag() == installation.tag(first + 9)

    wait_until(freed)
    following = rt.create_asset("the next one")
    assert rt.asset(following)["Name"] == installation.tag(first + 9)
    assert installation.next_tag() == installation.tag(first + 11)
    installation.confirm([*made, added, following])


def test_an_asset_added_here_is_bound_to_the_tag_that_it_was_created_under(
    installation: Installation, surroundings: Surroundings, rt: RequestTracker
) -> None:
    tag, next_tag = installation.next_tags(2)
    surroundings.hook.calls.clear()
    answer = installation.signed_in().add_asset(f"BOUND-{tag}")
    added = asset_id_of(answer)
    (told,) = surroundings.hook.calls
    assert (told.json["asset_id"], told.json["asset_name"]) == (added, tag)
    assert rt.asset(added)["Name"] == installation.tags_of([added])[added] == tag
    assert installation.next_tag() == next_tag
    installation.wait_until_confirmed([added])


def test_a_free_tag_typed_as_the_name_is_kept_and_a_taken_one_is_not(installation: Installation, rt: RequestTracker) -> None:
    first = installation.next_number()
    ahead = installation.tag(first + 500)
    chosen = rt.create_asset(ahead)
    copied = rt.create_asset(ahead)
    assert rt.asset(chosen)["Name"] == ahead
    assert rt.asset(copied)["Name"] == installation.tag(first)
    assert installation.tags_of([chosen, copied]) == {chosen: ahead, copied: installation.tag(first)}
    installation.confirm([chosen, copied])


def test_assets_of_other_catalogs_keep_their_names(installation: Installation, rt: RequestTracker) -> None:
    before = installation.next_tag()
    cable = rt.create_asset("HDMI cable, 3 m", catalog="Cables")
    assert rt.asset(cable)["Name"] == "HDMI cable, 3 m"
    assert (installation.next_tag(), installation.tags_of([cable])) == (before, {})


def test_more_assets_under_way_than_threads_come_through_each_with_one_tag(
    install: Install, surroundings: Surroundings, rt: RequestTracker, kind: str
) -> None:
    narrow = install(kind, threads="8", workers="1")
    surroundings.tells(narrow.server.url)
    people = [narrow.signed_in() for _ in range(8)]
    assert people[0].get("/assets/create").ok  # the catalogs are known from here on: the form needs no place at Request Tracker
    before = rt.all_assets()
    with ThreadPoolExecutor(14) as pool:
        forms = [pool.submit(person.add_asset, f"BUSY-{kind}-{number}") for number, person in enumerate(people)]
        directly = [pool.submit(rt.create_asset, f"busy {number}") for number in range(6)]
        answers = [form.result() for form in forms]
        created = [asset.result() for asset in directly]
    # Were all threads to wait for Request Tracker, none would answer its webhook: it would wait for its time-out and go without.
    names = rt.all_assets()
    assert all(names[asset_id].startswith(narrow.prefix) for asset_id in created)
    refused = {"".join(re.findall(r'role="alert">(.*?)</div>', answer.text)) for answer in answers if answer.status_code == 409}
    assert all("took too long" in text for text in refused), refused  # nothing was created
    assert {answer.status_code for answer in answers} <= {303, 409, 429, 503}

    narrow.settle()
    made = rt.all_assets().keys() - before.keys()
    assert made >= set(created)
    names, tags = rt.all_assets(), narrow.tags_of(made)
    assert {asset_id: names[asset_id] for asset_id in made} == tags
    assert len(set(tags.values())) == len(made)
    assert narrow.all_confirmed(made)
