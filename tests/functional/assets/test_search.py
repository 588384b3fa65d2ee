"""Searching assets: by what is scanned or typed, by holder, by catalog, and all combined."""

import re

from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets.service import CreatedAsset
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.tags import service as tags
from tests.functional.assets.conftest import Existing
from tests.services.creations import create
from tests.services.tables import check_all

PAGE = {"Accept": "text/html"}


def page(client: FlaskClient, **query: str) -> str:
    answer = client.get("/assets", query_string=query, headers=PAGE)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def rows(client: FlaskClient, **query: str) -> list[int]:
    """Ids of the assets in the list, in order."""
    return [int(number) for number in re.findall(r'name="asset_ids" value="(\d+)"', page(client, **query))]


def tag(app: Flask, asset_id: int, name: str | None) -> None:
    with app.app_context():
        tags.on_asset_created(transaction, asset_id=asset_id, asset_name=name, prefix="W12-", now=utc_now())


def created_with(app: Flask, serial: str) -> CreatedAsset:
    with app.app_context():
        return create(asset_store(), serial)


def test_a_tag_finds_its_asset_however_it_is_typed(app: Flask, staff: FlaskClient, existing: Existing) -> None:
    asset_id = existing("W12-0007", serial="AAA")
    other = existing("W12-0070", serial="BBB-0007-W12-7-w12-007-W12-00007")
    tag(app, asset_id, "W12-0007")
    tag(app, other, "W12-0070")

    def check(text: str) -> None:
        assert rows(staff, q=text)[0] == asset_id

    check_all(["W12-0007", "w12-0007", "W12-7", "w12-007", " 0007 ", "7", "W12-00007"], check)


def test_a_scanned_code_finds_its_asset_as_the_scanner_meant_it(app: Flask, staff: FlaskClient, existing: Existing) -> None:
    asset_id = existing("W12-0007", serial="5CD2198XK")
    existing("Surface 5CD2198XK stand", serial="OTHER-1")
    tag(app, asset_id, "W12-0007")

    def check(text: str) -> None:
        assert rows(staff, q=text) == [asset_id]

    dashes = "\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
    codes = ["]C1W12-0007", "]C0w12-0007", "]Q1W12-0007", "S5CD2198XK", "1S5cd2198xk", "S/N: 5CD2198XK", "]C1S5CD2198XK"]
    check_all([*(f"W12{dash}0007" for dash in dashes), *codes], check)
    assert rows(staff, q="S5CD2198XK", holder="student1001") == rows(staff, q="S5CD2198X") == []
    home = staff.get("/", headers=PAGE).get_data(as_text=True)
    assert re.search(r'action="/assets"[^>]*>(?:(?!</form>).)*name="q"[^>]*data-scan', home, re.DOTALL), "the front page searches here, too"
    message = "The scanner’s keyboard language differs from this computer’s: “W12ß0007” is probably W12-0007."
    assert message in page(staff, q="W12ß0007")


def test_the_address_in_a_labels_qr_code_finds_its_asset(app: Flask, staff: FlaskClient, existing: Existing) -> None:
    with app.app_context():
        address = asset_store().page_address(1)
    asset_id, other = existing("W12-0007"), existing("cart", serial=address)
    tag(app, asset_id, "W12-0007")
    assert (asset_id, other) == (1, 2)
    home = address.removesuffix("/assets/1")

    def check(text: str, *found: int) -> None:
        assert rows(staff, q=text) == list(found)
        assert ("exact-heading" in page(staff, q=text)) == bool(found)

    same = [address, f"]Q1{address}", f" {address.replace('http', 'HTTPS')} "]
    unknown = [
        "https://evil.example/assets/1",
        f"{home}/assets/4711",
        f"{home}/tasks/1",
        f"{home}/assets/99999999999",
        "http://[x/assets/1",
    ]
    check_all([*((text, 1) for text in same), (f"{home}/assets/2", 2), *((text,) for text in unknown)], check)
    assert rows(staff, q=address, holder="student1001") == rows(staff, q=address, catalog="Chromebooks") == []


def test_a_tag_finds_its_asset_before_it_is_the_assets_name(app: Flask, staff: FlaskClient, existing: Existing) -> None:
    asset_id = existing("unlabelled laptop")
    tag(app, asset_id, "unlabelled laptop")
    assert rows(staff, q="w12-1") == [asset_id]


def test_a_tag_finds_nothing_if_its_asset_is_missing_or_excluded(app: Flask, staff: FlaskClient, existing: Existing) -> None:
    tag(app, 4711, None)
    assert "No assets found" in page(staff, q="W12-0001")
    asset_id = existing("W12-0002", catalog="General assets", holder="student1001")
    tag(app, asset_id, "W12-0002")
    assert rows(staff, q="2", catalog="General assets", holder="student1001") == [asset_id]
    assert rows(staff, q="2", catalog="Chromebooks") == rows(staff, q="2", holder="student1002") == []


def test_a_text_that_only_resembles_a_tag_is_no_exact_match(app: Flask, staff: FlaskClient) -> None:
    created_with(app, "SER-X")

    def check(text: str) -> None:
        assert "Exact match" not in page(staff, q=text)

    check_all(["0", "W12-", "١", "99999999999999999999", "W12-x", "W13-0001"], check)


def test_a_scan_of_a_tag_or_serial_number_offers_the_asset_and_its_label(app: Flask, staff: FlaskClient) -> None:
    created = created_with(app, "SER-1")
    created_with(app, "SER-10")
    for scanned in (created.tag.lower(), "ser-1"):
        shown = page(staff, q=scanned)
        assert re.search(rf"Exact match:\s*<span[^>]*>{created.tag}</span>", shown)
        assert f'href="/assets/{created.asset_id}">Open {created.tag}</a>' in shown
        assert "Print label<" in shown
    assert len(rows(staff, q="ser-1")) == 2
    assert "exact-heading" not in page(staff, q="SER"), "it is only part of a serial number"


def test_a_text_that_is_one_assets_tag_and_anothers_serial_number_is_no_exact_match(app: Flask, staff: FlaskClient) -> None:
    created_with(app, "SER-1")
    created_with(app, "1")
    assert "exact-heading" not in page(staff, q="1")
    assert rows(staff, q="1")[0] == 1


def test_assets_are_found_by_their_holders_whole_name_combined_with_text_and_catalog(staff: FlaskClient, existing: Existing) -> None:
    first, _other = existing("one", holder="student1001"), existing("two", holder="student10010")
    assert rows(staff, holder="Student1001") == [first]
    assert "No assets found" in page(staff, holder="student")
    matching = existing("one", model="ProBook", catalog="Chromebooks", holder="ada & co")
    for fields in ({"model": "ProBook", "catalog": "Chromebooks"}, {"model": "Other", "catalog": "Chromebooks", "holder": "ada & co"}):
        existing("two", **fields)
    existing("three", model="ProBook", catalog="General assets", holder="ada & co")
    assert rows(staff, q="probook", catalog="Chromebooks", holder="ada & co") == [matching]
    for shown in (page(staff), staff.get(f"/assets/{matching}", headers=PAGE).get_data(as_text=True)):
        assert '<a href="/assets?holder=ada+%26+co">ada &amp; co</a>' in shown


def test_pages_preserve_the_whole_query(staff: FlaskClient, existing: Existing) -> None:
    for number in range(55):
        existing(f"cart {number:03d}", catalog="Chromebooks", holder="ada")
    first = page(staff, q="cart", catalog="Chromebooks", holder="ada")
    assert ("cart 054" in first, "cart 004" in first) == (True, False)
    link = re.search(r'rel="next" href="([^"]+)"', first)
    assert link
    second = staff.get(link.group(1).replace("&amp;", "&"), headers=PAGE).get_data(as_text=True)
    assert re.findall(r'name="asset_ids" value="(\d+)"', second) == ["5", "4", "3", "2", "1"]
    assert staff.get("/assets?page=-3").status_code == staff.get("/assets?page=abc").status_code == 200
    assert "No more results" in page(staff, q="cart", page="3")


def test_an_empty_result_says_what_to_do(staff: FlaskClient) -> None:
    def check(query: dict[str, str], advice: str) -> None:
        assert advice in page(staff, **query)

    check_all(
        [
            ({"q": "nothing"}, "Search for part of the text."),
            ({"q": "nothing", "holder": "ada"}, "search all holders and catalogs"),
            ({"holder": "nobody-we-know"}, "Enter the full user name."),
            ({"catalog": "Chromebooks"}, "Search all catalogs."),
        ],
        check,
    )


def test_odd_texts_find_only_what_contains_them_and_are_shown_without_harm(staff: FlaskClient, existing: Existing) -> None:
    existing("W12-0007", serial="SER-9", model="ProBook")
    for text in ("w12-0007", "ser-9", "probook", "ProBook SER"):
        assert "W12-0007" in page(staff, q=text)

    def check_nothing(text: str) -> None:
        shown = page(staff, q=text, holder=text).split("<main", 1)[1]
        assert "<script>" not in shown
        assert "W12-0007</a>" not in shown

    def check_found(name: str) -> None:
        asset_id = existing(name, model="<b>model</b>", serial=f"'; DROP TABLE users; -- {len(name)}")
        found = page(staff, q=name[:50])
        assert f"/assets/{asset_id}" in found
        shown = staff.get(f"/assets/{asset_id}", headers=PAGE).get_data(as_text=True)
        assert "<script>alert(1)" not in found + shown
        assert "<b>model</b>" not in found + shown

    check_all(["%", "_", "'; DROP TABLE assets; --", "\\", "<script>", "x" * 5000, "\u202e"], check_nothing)
    check_all(['O\'Neil "best"', "<script>alert(1)</script>", "🎒" * 120, "x" * 255, "100% _done_"], check_found)
