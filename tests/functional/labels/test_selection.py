"""Selecting labels to print: lists, ranges, checkboxes and queries, and the review before printing."""

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.labels.models import LabelPrint
from request_tracker_utils.tags import sequence
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import ItemState, TaskItem
from tests.functional.labels.conftest import CreateAsset
from tests.services.apps import csrf_token
from tests.services.tables import check_all

PAGE = {"Accept": "text/html"}


def submit(client: FlaskClient, **form: object) -> TestResponse:
    """Submits the form with the button “Preview labels”, unless `then` says otherwise."""
    sent = {"csrf_token": csrf_token(client, "/labels/batch"), "then": "review", "size": "small", **form}
    return client.post("/labels/batch/choose", data=sent, headers=PAGE)


def text_of(answer: TestResponse) -> str:
    """The text of the page without markup."""
    page = answer.get_data(as_text=True).split("<main", 1)[-1]
    return " ".join(unescape(re.sub(r"<[^>]+>", "", page)).split())


def selected(answer: TestResponse) -> list[int]:
    """The assets that the review would print."""
    found = re.findall(r'<form id="batch".*?name="asset_ids" value="([^"]*)"', answer.get_data(as_text=True), re.DOTALL)
    return [int(number) for number in found[0].split(",")] if found else []


def printed(answer: TestResponse) -> list[str]:
    return re.findall(r'<div class="[^"]*asset-tag[^"]*">([^<]+)<', answer.get_data(as_text=True))


def entries(answer: TestResponse) -> list[str]:
    return re.findall(r"<textarea[^>]*>\s*(.*?)</textarea>", answer.get_data(as_text=True), re.DOTALL)


class TestList:
    def test_contains_tags_serial_numbers_and_ids(self, staff: FlaskClient, tagged: CreateAsset, untagged: CreateAsset) -> None:
        one, two, three = tagged(), tagged(serial="Ser-2"), untagged(serial="S3")
        answer = submit(staff, lines=f"sER-2, w12-0001\n#{three}\t{one};S3")
        assert (answer.status_code, selected(answer)) == (200, [two, one, three])
        assert "3 labels" in text_of(answer)
        assert f"2 entries are duplicates: {one}, S3." in text_of(answer)

    def test_prefers_a_serial_number_to_an_id(self, staff: FlaskClient, untagged: CreateAsset) -> None:
        first, second = untagged("first"), untagged("second", serial="1")
        assert (first, second) == (1, 2)

        def check(lines: str, asset_id: int) -> None:
            assert selected(submit(staff, lines=lines)) == [asset_id]

        check_all([("1", 2), ("#1", 1), ("2", 2)], check)

    def test_is_read_as_the_scanner_meant_it(self, staff: FlaskClient, tagged: CreateAsset, untagged: CreateAsset) -> None:
        one, two, other = tagged(), untagged(serial="5CD2198XK"), untagged(serial="S5CD2199XK")
        untagged(serial="5CD2199XK")

        def check(lines: str, *assets: int) -> None:
            answer = submit(staff, lines=lines)
            assert (selected(answer), "not a known tag" in text_of(answer)) == (list(assets), False)

        dashes = [(f"W12{dash}0001", one) for dash in "\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"]
        serials = ["5cd2198xk", "S5CD2198XK", "1S5cd2198xk", "S/N: 5CD2198XK", "SN:5CD2198XK", "]C1S5CD2198XK", f"]C1#{two}"]
        codes = [("]C1W12-0001", one), ("]Q1w12\u20130001", one), ("S5CD2199XK", other), ("S5CD2198XK W12\u20110001", two, one)]
        check_all([*dashes, *((serial, two) for serial in serials), *codes], check)
        answer = submit(staff, lines="W12ß0001\nnonsense")
        assert "2 entries are not known tags, serial numbers or asset IDs: W12ß0001, nonsense." in text_of(answer)
        assert "language differs from this computer’s: “W12ß0001” is probably W12-0001." in text_of(answer)
        assert "W12-0001" in text_of(submit(staff, then="search", q="]C1W12\u20130001")).split("Labels of selected assets")[0]

    def test_contains_the_addresses_in_qr_codes(self, app: Flask, staff: FlaskClient, tagged: CreateAsset, untagged: CreateAsset) -> None:
        one, two = tagged(), untagged("cart")
        with app.app_context():
            first, second = (asset_store().page_address(number) for number in (one, two))
        evil = f"https://evil.example/assets/{one}"

        def check(lines: str, assets: list[int], *words: str) -> None:
            answer = submit(staff, lines=lines)
            assert (selected(answer), "not a known tag" in text_of(answer)) == (assets, False)
            assert all(each in text_of(answer) for each in words)

        check_all([(first, [one]), (f"]Q1{second}\n{first}", [two, one]), (f"{first} W12-0001", [one], "1 entry is a duplicate")], check)
        missing = first.removesuffix(f"/{one}") + "/4711"
        refused = text_of(submit(staff, lines=f"{evil} {missing}"))
        assert f"2 entries are not known tags, serial numbers or asset IDs: {evil}, {missing}." in refused

        def finds(text: str, *assets: int, **more: str) -> None:
            shown = submit(staff, then="search", q=text, **more).get_data(as_text=True)
            assert [number for number in (one, two) if f'name="asset_ids" value="{number}"' in shown] == list(assets)

        check_all([(first, one), (f"]Q1{second}", two), (evil,), (missing,)], finds)
        finds(first, catalog="no such catalog")

    def test_with_unknown_or_duplicate_entries_is_reviewed_before_printing(
        self, app: Flask, staff: FlaskClient, tagged: CreateAsset
    ) -> None:
        tagged(), tagged()
        answer = submit(staff, lines="W12-0001 nonsense W12-0777 w12-0001 W12-0002 <b>x</b> #4711", then="print")
        assert "2 labels" in text_of(answer)
        unknown = "nonsense, W12-0777, <b>x</b>, #4711"
        assert f"4 entries are not known tags, serial numbers or asset IDs: {unknown}. They are not printed." in text_of(answer)
        assert "1 entry is a duplicate: w12-0001." in text_of(answer)
        assert (printed(answer), "<b>x</b>" in answer.get_data(as_text=True)) == ([], False)
        with app.app_context(), reading() as session:
            assert session.scalar(select(func.count()).select_from(LabelPrint)) == 0

    def test_without_problems_prints_immediately(self, staff: FlaskClient, tagged: CreateAsset) -> None:
        tagged(), tagged()
        page = submit(staff, lines="W12-0002\nW12-0001", then="print", copies="2")
        assert printed(page) == ["W12-0002", "W12-0002", "W12-0001", "W12-0001"]
        assert "<body data-autoprint>" in page.get_data(as_text=True)

    def test_may_have_ten_thousand_entries(self, staff: FlaskClient, tagged: CreateAsset) -> None:
        ids = [tagged() for _ in range(3)]
        lines = [("W12-0001", "", "W12-0003 ", f"n{number}", "w12-0002")[number % 5] for number in range(12_500)]
        answer = submit(staff, lines="\n".join(lines))
        assert (answer.status_code, selected(answer)) == (200, [ids[0], ids[2], ids[1]])
        for words in ("2,500 entries are not known tags", "7,497 entries are duplicates", ", and 2,480 more"):
            assert words in text_of(answer)
        more = submit(staff, lines="\n".join([*lines, "W12-0001"]))
        assert more.status_code == 400
        assert "The list has 10,001 entries, and at most 10,000 are allowed. Split the list." in text_of(more)

    def test_with_a_shared_serial_number_prints_all_its_assets_with_a_warning(
        self, staff: FlaskClient, untagged: CreateAsset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The embedded asset store keeps serial numbers unique; Request Tracker does not.
        assets = [Asset(untagged("one"), "one", "SAME"), Asset(untagged("other"), "other", "same")]
        monkeypatch.setattr(EmbeddedAssetStore, "find_by_serials", lambda self, serials: assets)
        answer = submit(staff, lines="Same")
        assert selected(answer) == [asset.id for asset in assets]
        assert "1 serial number belongs to several assets: Same." in text_of(answer)

    def test_ignores_numbers_that_no_id_can_have(self, staff: FlaskClient, tagged: CreateAsset) -> None:
        tagged()
        answer = submit(staff, lines=f"{'9' * 30} #{'9' * 30} W12-{'9' * 30} W12-0001")
        assert (answer.status_code, selected(answer), "3 entries are not known tags" in text_of(answer)) == (200, [1], True)


class TestRange:
    def test_prints_its_tags_in_order_and_lists_those_without_an_asset(self, staff: FlaskClient, tagged: CreateAsset) -> None:
        ids = [tagged() for _ in range(5)]
        answer = submit(staff, first="w12-0002", last="W12-0007")
        assert selected(answer) == ids[1:5]
        assert "2 tags of the range have no asset: W12-0006, W12-0007." in text_of(answer)
        assert printed(submit(staff, first="W12-0003", last="W12-0003", then="print")) == ["W12-0003"]

    def test_that_is_invalid_is_rejected_with_a_reason(self, app: Flask, staff: FlaskClient) -> None:
        with app.app_context(), transaction() as session:
            sequence.create_if_missing(session, "OLD-", now=utc_now())

        def check(first: str, last: str, *words: str) -> None:
            answer = submit(staff, first=first, last=last)
            assert answer.status_code == 400
            assert selected(answer) == []
            assert all(word in text_of(answer) for word in words), text_of(answer)

        check_all(
            [
                ("W12-0009", "W12-0002", "W12-0009", "W12-0002"),
                ("W12-0001", "W12-1000001", "1,000,001", "5,000"),
                ("W12-0001", "OLD-0002", "W12-0001", "OLD-0002"),
                ("XYZ-0001", "XYZ-0002", "“XYZ-0001”", "OLD-0001"),
                ("W12-0001", ""),
                ("", "W12-0001"),
                ("W12-1", "W12-0002", "“W12-1”"),
                ("W12-0001'; DROP TABLE users; --", "W12-0002", "“W12-0001"),
            ],
            check,
        )


class TestQuery:
    def test_is_counted_first_and_cannot_be_combined(self, staff: FlaskClient, tagged: CreateAsset) -> None:
        tagged(model="ProBook"), tagged(model="iPad"), tagged(model="ProBook")
        assert "2 labels" in text_of(submit(staff, query="probook"))
        assert printed(submit(staff, query="probook", then="print")) == ["W12-0001", "W12-0003"]
        none, both = submit(staff, query="nothing like it"), submit(staff, query="probook", lines="W12-0002")
        assert (none.status_code, "The query found no assets. Check the query." in text_of(none)) == (400, True)
        assert (both.status_code, "A query cannot be combined with other selections." in text_of(both)) == (400, True)


class TestForm:
    def test_rejects_more_labels_than_a_browser_can_print(
        self, staff: FlaskClient, tagged: CreateAsset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("request_tracker_utils.labels.service.MAX_LABELS", 2)
        for _ in range(3):
            tagged()
        for form in ({"lines": "W12-0001 W12-0002 W12-0003"}, {"query": "ipad"}):
            answer = submit(staff, **form)
            assert (answer.status_code, "You selected 3 assets, and at most 2 labels can" in text_of(answer)) == (400, True)

    def test_rejects_an_empty_selection(self, staff: FlaskClient) -> None:
        def check(form: dict[str, str]) -> None:
            answer = submit(staff, **form)
            assert (answer.status_code, "Select labels to print" in text_of(answer)) == (400, True)

        check_all([{}, {"lines": " \n;,\x00"}, {"asset_ids": "x"}, {"asset_ids": "9" * 30}], check)

    def test_rejects_invalid_copies_without_losing_the_list(self, staff: FlaskClient, tagged: CreateAsset) -> None:
        tagged()

        def check(copies: str) -> None:
            answer = submit(staff, lines="W12-0001", copies=copies)
            assert answer.status_code == 400
            assert "Print 1 to 20 copies of each label." in text_of(answer) or "Not a valid integer" in text_of(answer)
            assert entries(answer) == ["W12-0001"]

        check_all(["0", "-1", "21", "many", "1.5"], check)

    def test_search_preserves_the_list_and_checked_assets(self, staff: FlaskClient, tagged: CreateAsset, untagged: CreateAsset) -> None:
        ipad, other = tagged(model="iPad"), untagged("a projector", model="PowerLite")
        first = submit(staff, then="search", q="ipad", lines="W12-0777")
        assert f'name="asset_ids" value="{ipad}"' in first.get_data(as_text=True)
        # Enter in the search field submits the form with the button that prints.
        second = submit(staff, then="print", q="projector", searched="ipad", lines="W12-0777", asset_ids=str(ipad))
        assert entries(second) == ["W12-0777\nW12-0001"]
        assert f'name="asset_ids" value="{other}"' in second.get_data(as_text=True)
        assert "No assets found." in text_of(submit(staff, then="search", q="no such thing"))

    def test_is_unchanged_after_the_review(self, staff: FlaskClient, tagged: CreateAsset) -> None:
        page = submit(staff, then="back", lines="one\ntwo <b>", first="W12-0001", last="W12-0002", asset_ids=str(tagged()))
        assert entries(page) == ["one\ntwo &lt;b&gt;\nW12-0001"]
        assert 'value="W12-0002"' in page.get_data(as_text=True)

    def test_starts_with_the_assets_of_the_url(self, staff: FlaskClient, tagged: CreateAsset, untagged: CreateAsset) -> None:
        one, two = tagged(), untagged()
        assert entries(staff.get(f"/labels/batch?asset_ids={one},{two},0,x,{'9' * 30}")) == [f"W12-0001\n#{two}"]

    def test_starts_with_the_assets_of_a_task(self, app: Flask, staff: FlaskClient, tagged: CreateAsset) -> None:
        asset_id = tagged()
        with app.app_context(), transaction() as session:
            items = [tasks.NewItem("created"), tasks.NewItem("failed"), tasks.NewItem("without an asset")]
            task = tasks.start(session, "tests", title="Tests", actor=Actor("ada"), now=utc_now(), items=items)
            created, failed, without = session.scalars(select(TaskItem).order_by(TaskItem.position))
            created.state, created.result = ItemState.DONE, {"asset_id": asset_id}
            failed.state, failed.result = ItemState.FAILED, {"asset_id": 4711}
            without.state = ItemState.DONE
        assert entries(staff.get(f"/labels/batch?task={task.id}")) == ["W12-0001"]
        assert staff.get("/labels/batch?task=4711").status_code == 404

    def test_receives_checked_rows_of_the_assets_page(self, staff: FlaskClient, untagged: CreateAsset) -> None:
        ids = [untagged() for _ in range(2)]
        sent = {"csrf_token": csrf_token(staff, "/assets"), "then": "review", "size": "large", "asset_ids": ids}
        answer = staff.post("/labels/batch/choose", data=sent, headers=PAGE)
        assert (answer.status_code, selected(answer)) == (200, ids)
        assert '<option selected value="large">' in answer.get_data(as_text=True)
