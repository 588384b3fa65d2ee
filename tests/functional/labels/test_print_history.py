"""The record of prints: written before labels are handed out, shown, and told apart from what is only looked at."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import Asset, AssetStoreUnreachable
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.labels import record
from request_tracker_utils.labels.models import LabelledAsset, LabelPrint, PrintedLabel
from request_tracker_utils.tags.models import Tag
from tests.functional.labels.conftest import Make
from tests.services.apps import csrf_token

PAGE = {"Accept": "text/html"}
ADA = Actor("ada")


def print_them(client: FlaskClient, **form: object) -> str:
    sent = {"csrf_token": csrf_token(client, "/labels/batch"), "size": "small", **form}
    return client.post("/labels/batch", data=sent, headers=PAGE).get_data(as_text=True)


def prints(app: Flask) -> list[tuple[str, str, int, int, list[int]]]:
    """Who, format, copies, number of labels, and the assets, of every print."""
    with app.app_context(), reading() as session:
        rows = session.scalars(select(LabelPrint).order_by(LabelPrint.id))
        return [(row.actor, row.format, row.copies, row.labels, record.assets_of(session, row.id)) for row in rows]


def test_who_printed_what_when_in_which_format_and_how_often_is_on_record(app: Flask, staff: FlaskClient, tagged: Make) -> None:
    ids = [tagged() for _ in range(3)]
    print_them(staff, asset_ids=f"{ids[2]},{ids[0]},4711", copies="3")
    staff.get(f"/labels/print?asset_id={ids[1]}&size=large")
    assert prints(app) == [("staff", "small", 3, 2, [ids[2], ids[0]]), ("staff", "large", 1, 1, [ids[1]])]
    page = staff.get("/labels/prints").get_data(as_text=True)
    assert page.index("Large, 100 × 62 mm") < page.index("Small, 90.3 × 29 mm")
    again = staff.get(re.findall(r'href="(/labels/batch\?print=\d+)"', page)[1]).get_data(as_text=True)
    assert re.findall(r"<textarea[^>]*>\s*(.*?)</textarea>", again, re.DOTALL) == ["W12-0003\nW12-0001"]


def test_an_assets_page_shows_its_prints_and_whether_the_label_was_scanned(app: Flask, staff: FlaskClient, tagged: Make) -> None:
    asset = tagged()
    assert "was not scanned yet" not in staff.get(f"/assets/{asset}", headers=PAGE).get_data(as_text=True)
    for _ in range(2):
        print_them(staff, asset_ids=str(asset))
    page = staff.get(f"/assets/{asset}", headers=PAGE).get_data(as_text=True)
    assert ("Printed 2 times" in page, "The newest label was not scanned yet" in page) == (True, True)
    with app.app_context(), transaction() as session:
        record.scan(session, asset, actor=ADA, now=utc_now())
    assert "Somebody scanned the label" in staff.get(f"/assets/{asset}", headers=PAGE).get_data(as_text=True)


def test_what_is_only_looked_at_is_not_printed(app: Flask, staff: FlaskClient, tagged: Make) -> None:
    ids = [tagged() for _ in range(12)]
    page = print_them(staff, asset_ids=",".join(map(str, ids)), preview="1", autoprint="1")
    assert (page.count('class="label"'), "data-autoprint" in page, 'id="print"' in page) == (10, False, False)
    assert prints(app) == []
    with app.app_context(), reading() as session:
        assert not session.scalars(select(Tag).where(Tag.printed_at.is_not(None))).all()


def test_a_label_that_is_left_out_is_not_printed(app: Flask, staff: FlaskClient, tagged: Make, untagged: Make) -> None:
    good, bad = tagged(), untagged("A-NAME-THAT-NO-BAR-CODE-OF-A-SMALL-LABEL-CAN-HOLD")
    assert "1 left out" in print_them(staff, asset_ids=f"{good},{bad}")
    assert prints(app) == [("staff", "small", 1, 1, [good])]
    print_them(staff, asset_ids=str(bad))
    assert len(prints(app)) == 1


def test_a_sheet_that_has_fewer_places_than_are_to_stay_empty_prints_nothing(app: Flask, staff: FlaskClient, tagged: Make) -> None:
    asset = tagged()
    assert "A sheet of" in print_them(staff, asset_ids=str(asset), size="avery-5160", skip="30")
    assert prints(app) == []
    assert "1 label" in print_them(staff, asset_ids=str(asset), size="avery-5160", skip="29")


def test_a_new_label_has_to_be_scanned_anew(app: Flask, staff: FlaskClient, tagged: Make) -> None:
    asset = tagged()
    print_them(staff, asset_ids=str(asset))
    with app.app_context(), transaction() as session:
        assert record.scan(session, asset, actor=ADA, now=utc_now()) == "W12-0001"
    print_them(staff, asset_ids=str(asset))
    with app.app_context(), reading() as session:
        label = session.get_one(LabelledAsset, asset)
        assert (label.scanned_at, label.scanned_by, label.printed_by) == (None, None, "staff")


def test_labels_are_on_record_before_they_are_handed_out_and_the_rest_is_offered(
    app: Flask, staff: FlaskClient, untagged: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [untagged(f"asset {number}") for number in range(120)]

    def stumbling(self: EmbeddedAssetStore, asset_ids: list[int]) -> Iterator[list[Asset]]:
        yield from [[self.get(asset_id)] for asset_id in asset_ids[:2]]
        raise AssetStoreUnreachable("The directory does not answer.")

    whole = EmbeddedAssetStore.get_many
    monkeypatch.setattr(EmbeddedAssetStore, "get_many", stumbling)
    page = print_them(staff, asset_ids=",".join(map(str, ids)), copies="2", autoprint="1")
    assert page.count('class="label"') == 4
    assert "Stopped in the middle: The directory does not answer. Labels of 118 assets are not here." in page
    assert prints(app) == [("staff", "small", 2, 2, ids[:2])]
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.split('id="resume"')[1]))
    assert (form["asset_ids"], form["copies"], form["size"]) == (",".join(map(str, ids[2:])), "2", "small")
    monkeypatch.setattr(EmbeddedAssetStore, "get_many", whole)
    rest = staff.post("/labels/batch", data=form, headers=PAGE).get_data(as_text=True)
    assert (rest.count('class="label"'), 'id="resume"' in rest, "data-autoprint" in rest) == (236, False, True)


def test_a_query_that_stops_in_the_middle_goes_on_behind_the_last_asset(
    app: Flask, staff: FlaskClient, untagged: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [untagged(f"asset {number}") for number in range(5)]
    whole = EmbeddedAssetStore.query

    def stumbling(self: EmbeddedAssetStore, query: str, *, limit: int, beyond: int = 0) -> Iterator[list[Asset]]:
        yield next(whole(self, query, limit=2))
        raise AssetStoreUnreachable("The directory does not answer.")

    monkeypatch.setattr(EmbeddedAssetStore, "query", stumbling)
    page = print_them(staff, query="asset")
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.split('id="resume"')[1]))
    monkeypatch.setattr(EmbeddedAssetStore, "query", whole)
    assert staff.post("/labels/batch", data=form, headers=PAGE).get_data(as_text=True).count('class="label"') == 3
    assert [assets for *_, assets in prints(app)] == [ids[:2], ids[2:]]


def test_a_database_that_falls_silent_in_the_middle_leaves_no_label_unrecorded(
    app: Flask, staff: FlaskClient, untagged: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [untagged(f"asset {number}") for number in range(120)]
    calls, add = list[int](), record.add

    def locked(session: object, print_id: int, labels: list[tuple[int, str]], **by: object) -> None:
        calls.append(print_id)
        if len(calls) == 2:
            raise OperationalError("INSERT", {}, Exception("database is locked"))
        add(session, print_id, labels, **by)  # type: ignore[arg-type]

    monkeypatch.setattr(record, "add", locked)
    page = print_them(staff, asset_ids=",".join(map(str, ids)))
    assert (page.count('class="label"'), "The database does not answer" in page) == (100, True)
    assert f'name="asset_ids" value="{",".join(map(str, ids[100:]))}"' in page
    assert [len(assets) for *_, assets in prints(app)] == [100]


def test_two_who_print_the_same_assets_at_once_are_both_on_record(app: Flask, staff: FlaskClient, untagged: Make) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from request_tracker_utils.labels.print_history import Printing

    ids = [untagged(f"asset {number}") for number in range(60)]

    def print_all(order: int) -> None:
        with app.app_context():
            Printing(ADA, [], "small").announce([(asset_id, "x") for asset_id in ids[::order]])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(print_all, (1, -1, 1, -1)))
    with app.app_context(), reading() as session:
        assert len(session.scalars(select(PrintedLabel)).all()) == 240
        assert len(session.scalars(select(LabelledAsset)).all()) == 60


@pytest.fixture
def old_prints(app: Flask, untagged: Make) -> list[int]:
    """Sixty assets: of the first forty labels were printed ten days ago, of the others now; one of each was scanned."""
    ids = [untagged(f"=asset {number}") for number in range(60)]
    with app.app_context(), transaction() as session:
        for now, numbers in ((utc_now() - timedelta(days=10), ids[:40]), (utc_now(), ids[40:])):
            started = record.begin(session, format="small", copies=1, actor=ADA, now=now)
            record.add(session, started, [(asset_id, f"=asset {asset_id}") for asset_id in numbers], actor=ADA, now=now)
            record.scan(session, numbers[0], actor=ADA, now=utc_now())
    return ids


def test_what_was_printed_and_never_scanned_is_listed_by_pages(staff: FlaskClient, old_prints: list[int]) -> None:
    week = staff.get("/labels/prints/unscanned").get_data(as_text=True)
    assert re.findall(r'href="/assets/(\d+)"', week) == [str(asset_id) for asset_id in old_prints[1:40]]
    first = staff.get("/labels/prints/unscanned?days=0").get_data(as_text=True)
    following = re.findall(r'rel="next" href="([^"]+)"', first)[0].replace("&amp;", "&")
    second = staff.get(following).get_data(as_text=True)
    listed = [re.findall(r'href="/assets/(\d+)"', page) for page in (first, second)]
    assert listed[0] + listed[1] == [str(asset_id) for asset_id in [*old_prints[1:40], *old_prints[41:]]]
    assert (len(listed[0]), 'rel="next"' in second) == (50, False)


def test_the_same_is_a_csv_in_which_nothing_runs(staff: FlaskClient, old_prints: list[int]) -> None:
    answer = staff.get("/labels/prints/unscanned.csv?days=0")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert [int(row["asset"]) for row in rows] == [*old_prints[1:40], *old_prints[41:]]
    assert {row["label"][:2] for row in rows} == {"'="}


@pytest.mark.parametrize("query", ["days=-1", "days=x", "days=" + "9" * 30, "printed=x&asset=1", "printed=2026-01-01&asset=" + "9" * 30])
def test_odd_addresses_of_the_list_do_no_harm(staff: FlaskClient, query: str) -> None:
    assert staff.get(f"/labels/prints/unscanned?{query}").status_code in (200, 400)


def test_prints_are_paged_by_their_number(app: Flask, staff: FlaskClient) -> None:
    assert "Nothing here" in staff.get("/labels/prints").get_data(as_text=True)
    with app.app_context(), transaction() as session:
        for _ in range(55):
            record.begin(session, format="gone", copies=1, actor=ADA, now=utc_now())
    first = staff.get("/labels/prints").get_data(as_text=True)
    second = staff.get(re.findall(r'rel="next" href="([^"]+)"', first)[0]).get_data(as_text=True)
    assert (first.count("Print again"), second.count("Print again"), 'rel="next"' in second) == (50, 5, False)
    assert staff.get("/labels/prints?before=x").status_code == 200
    assert staff.get("/labels/batch?print=4711").status_code == 404


@pytest.mark.parametrize(
    "field", [{"copies": "0"}, {"copies": "-1"}, {"copies": "21"}, {"copies": "x"}, {"skip": "-1"}, {"skip": "x"}, {"skip": "7"}]
)
def test_copies_and_places_that_cannot_be_print_nothing(app: Flask, staff: FlaskClient, tagged: Make, field: dict[str, str]) -> None:
    sent = {"csrf_token": csrf_token(staff, "/labels/batch"), "asset_ids": str(tagged()), "size": "small", **field}
    assert staff.post("/labels/batch", data=sent).status_code == 400
    assert prints(app) == []
