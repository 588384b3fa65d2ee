"""Searching for assets: by what is scanned or typed, by holder, by catalog, and all of it together."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.tags import service as tags
from tests.services.apps import sign_in, user
from tests.services.creations import create

PAGE = {"Accept": "text/html"}


@pytest.fixture
def staff(app: Flask, client: FlaskClient) -> FlaskClient:
    user(app, "staff")
    sign_in(client, "staff")
    return client


def existing(app: Flask, name: str, *, holder: str = "", **fields: str) -> int:
    with app.app_context():
        asset_id = asset_store().create(NewAsset(name, **fields))
        if holder:
            asset_store().set_holder(asset_id, holder)
        return asset_id


def page(client: FlaskClient, **asked: str) -> str:
    answer = client.get("/assets", query_string=asked, headers=PAGE)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def rows(client: FlaskClient, **asked: str) -> list[int]:
    """Numbers of the assets in the list, in their order."""
    return [int(number) for number in re.findall(r'name="asset_ids" value="(\d+)"', page(client, **asked))]


class TestATag:
    @pytest.mark.parametrize("typed", ["W12-0007", "w12-0007", "W12-7", "w12-007", " 0007 ", "7", "W12-00007"])
    def test_finds_its_asset_however_it_is_typed(self, app: Flask, staff: FlaskClient, typed: str) -> None:
        asset_id = existing(app, "W12-0007", serial="AAA")
        other = existing(app, "W12-0070", serial="BBB-0007-W12-7-w12-007-W12-00007")
        with app.app_context():
            for each, name in ((asset_id, "W12-0007"), (other, "W12-0070")):
                tags.on_asset_created(transaction, asset_id=each, asset_name=name, prefix="W12-", now=utc_now())
        found = rows(staff, q=typed)
        assert found[0] == asset_id

    def test_finds_its_asset_while_the_directory_still_calls_it_otherwise(self, app: Flask, staff: FlaskClient) -> None:
        asset_id = existing(app, "unlabelled laptop")
        with app.app_context():
            tags.on_asset_created(transaction, asset_id=asset_id, asset_name="unlabelled laptop", prefix="W12-", now=utc_now())
        assert rows(staff, q="w12-1") == [asset_id]

    def test_finds_nothing_when_its_asset_is_gone_from_the_directory(self, app: Flask, staff: FlaskClient) -> None:
        with app.app_context():
            tags.on_asset_created(transaction, asset_id=4711, asset_name=None, prefix="W12-", now=utc_now())
        assert "Nothing found" in page(staff, q="W12-0001")

    @pytest.mark.parametrize("narrowed", [{"catalog": "Chromebooks"}, {"holder": "student1002"}])
    def test_finds_nothing_where_its_asset_is_not(self, app: Flask, staff: FlaskClient, narrowed: dict[str, str]) -> None:
        existing(app, "W12-0001", catalog="General assets", holder="student1001")
        with app.app_context():
            tags.on_asset_created(transaction, asset_id=1, asset_name="W12-0001", prefix="W12-", now=utc_now())
        assert rows(staff, q="1", **narrowed) == []

    @pytest.mark.parametrize("typed", ["0", "W12-", "١", "99999999999999999999", "W12-x", "W13-0001"])
    def test_is_not_what_only_looks_like_one(self, app: Flask, staff: FlaskClient, typed: str) -> None:
        with app.app_context():
            create(asset_store(), "SER-X")
        assert "This is" not in page(staff, q=typed)


class TestAScan:
    def test_of_a_tag_offers_the_asset_and_its_label_and_stays_on_the_page(self, app: Flask, staff: FlaskClient) -> None:
        with app.app_context():
            made = create(asset_store(), "SER-1")
            create(asset_store(), "SER-10")
        shown = page(staff, q=made.tag.lower())
        assert re.search(rf"This is\s*<span[^>]*>{made.tag}</span>", shown)
        assert f'href="/assets/{made.asset_id}">Open {made.tag}</a>' in shown
        assert "Print its label" in shown

    def test_of_a_serial_number_offers_the_asset_among_those_that_hold_it_as_a_part(self, app: Flask, staff: FlaskClient) -> None:
        with app.app_context():
            made = create(asset_store(), "SER-1")
            create(asset_store(), "SER-10")
        assert f"Open {made.tag}</a>" in page(staff, q="ser-1")
        assert len(rows(staff, q="ser-1")) == 2

    def test_that_is_the_tag_of_one_and_the_serial_number_of_another_offers_neither(self, app: Flask, staff: FlaskClient) -> None:
        with app.app_context():
            create(asset_store(), "SER-1")
            create(asset_store(), "1")
        assert "exact-heading" not in page(staff, q="1")
        assert rows(staff, q="1")[0] == 1

    def test_of_a_part_offers_none(self, app: Flask, staff: FlaskClient) -> None:
        with app.app_context():
            create(asset_store(), "SER-1")
        assert "exact-heading" not in page(staff, q="SER")


class TestAHolder:
    def test_is_found_by_the_whole_name_whatever_its_case(self, app: Flask, staff: FlaskClient) -> None:
        first, _other = existing(app, "one", holder="student1001"), existing(app, "two", holder="student10010")
        assert rows(staff, holder="Student1001") == [first]
        assert "Nothing found" in page(staff, holder="student")

    def test_narrows_what_the_text_and_the_catalog_find(self, app: Flask, staff: FlaskClient) -> None:
        wanted = existing(app, "one", model="ProBook", catalog="Chromebooks", holder="ada")
        for fields in ({"model": "ProBook", "catalog": "Chromebooks"}, {"model": "Other", "catalog": "Chromebooks", "holder": "ada"}):
            existing(app, "two", **fields)
        existing(app, "three", model="ProBook", catalog="General assets", holder="ada")
        assert rows(staff, q="probook", catalog="Chromebooks", holder="ada") == [wanted]

    def test_leads_from_a_row_and_from_the_asset_to_all_that_the_person_holds(self, app: Flask, staff: FlaskClient) -> None:
        asset_id = existing(app, "one", holder="ada & co")
        for shown in (page(staff), staff.get(f"/assets/{asset_id}", headers=PAGE).get_data(as_text=True)):
            assert '<a href="/assets?holder=ada+%26+co">ada &amp; co</a>' in shown


def test_pages_keep_all_that_was_asked(app: Flask, staff: FlaskClient) -> None:
    for number in range(51):
        existing(app, f"cart {number}", catalog="Chromebooks", holder="ada")
    link = re.search(r'rel="next" href="([^"]+)"', page(staff, q="cart", catalog="Chromebooks", holder="ada"))
    assert link
    second = staff.get(link.group(1).replace("&amp;", "&"), headers=PAGE).get_data(as_text=True)
    assert re.findall(r'name="asset_ids" value="(\d+)"', second) == ["1"]


@pytest.mark.parametrize(
    ("asked", "advice"),
    [
        ({"q": "nothing"}, "Try a part of it"),
        ({"q": "nothing", "holder": "ada"}, "look at all holders and catalogs"),
        ({"holder": "nobody-we-know"}, "Write the whole user name"),
        ({"catalog": "Chromebooks"}, "Look in all catalogs"),
    ],
)
def test_an_empty_result_says_what_to_do(staff: FlaskClient, asked: dict[str, str], advice: str) -> None:
    assert advice in page(staff, **asked)


@pytest.mark.parametrize("odd", ["%", "_", "'; DROP TABLE assets; --", "\\", "<script>", "x" * 5000, "\u202e"])
def test_odd_texts_find_nothing_and_break_nothing(staff: FlaskClient, odd: str) -> None:
    assert "<script>" not in page(staff, q=odd, holder=odd).split("<main", 1)[1]
