"""Whether serial numbers are free, checked by hundreds."""

from request_tracker_utils.assets import claims
from request_tracker_utils.assets.serials import IN_FLIGHT, TAKEN, SerialCheck, assets_by_serial, check
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import service as tags
from tests.services.creations import ADA, wanted
from tests.unit.assets.books import Office


def found(office: Office, *serials: str) -> list[SerialCheck]:
    return check(reading, office.asset_store, serials)


def test_one_that_nobody_has_is_free(office: Office) -> None:
    assert found(office, "S-1") == [SerialCheck("S-1")]


def test_one_that_an_asset_has_names_the_asset_and_its_tag_whatever_its_capitals(office: Office) -> None:
    made = office.creator.create(wanted("S-1"))
    assert found(office, "s-1") == [SerialCheck("s-1", TAKEN, made.asset_id, made.tag)]


def test_one_of_an_asset_without_a_tag_names_the_asset(office: Office) -> None:
    asset_id = office.asset_store.add("by hand", serial="S-1")
    assert found(office, "S-1") == [SerialCheck("S-1", TAKEN, asset_id, "")]


def test_one_among_several_values_of_the_field_is_taken(office: Office) -> None:
    asset_id = office.asset_store.add("by hand", serial="OLD-1, S-1")
    assert [each.id for each in assets_by_serial(office.asset_store, ["OLD-1, S-1"])["s-1"]] == [asset_id]


def test_one_that_is_being_created_is_not_free(office: Office) -> None:
    with transaction() as session:
        claims.claim(session, wanted("S-1"), actor=ADA, now=office.clock())
    assert found(office, "s-1", "S-2") == [SerialCheck("s-1", IN_FLIGHT), SerialCheck("S-2")]


def test_each_is_answered_in_its_place_also_what_is_none_and_what_comes_twice(office: Office) -> None:
    office.asset_store.add("by hand", serial="S-2")
    answers = found(office, "S-1", "no serial", "S-2", "S-1", "s-2")
    assert [answer.serial for answer in answers] == ["S-1", "no serial", "S-2", "S-1", "s-2"]
    assert [answer.problem for answer in answers] == ["", "Serial number contains invalid characters", TAKEN, "", TAKEN]


def test_thousands_cost_one_search_and_unfit_ones_none(office: Office) -> None:
    assert len(found(office, *(f"S-{number}" for number in range(3_000)))) == 3_000
    assert office.asset_store.calls == ["find_by_serials"]
    found(office, "no serial")
    assert office.asset_store.calls == ["find_by_serials"]


def test_tags_are_told_of_many_holders_at_once(office: Office) -> None:
    for number in range(1, 41):
        asset_id = office.asset_store.add("by hand", serial=f"S-{number}")
        tags.on_asset_created(transaction, asset_id=asset_id, asset_name=None, prefix="W12-", now=office.clock())
    assert [answer.tag for answer in found(office, "S-40", "S-1")] == ["W12-0040", "W12-0001"]
