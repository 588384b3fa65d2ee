"""The print history: recorded before labels are sent, listed, and without previews."""

import csv
import errno
import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import Asset, AssetStoreUnreachable, NewAsset
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.labels import print_history
from request_tracker_utils.labels.models import LabelledAsset, LabelPrint, PrintedLabel
from request_tracker_utils.labels.print_history import PrintRecorder
from request_tracker_utils.tags.models import Tag
from tests.functional.labels.conftest import CreateAsset
from tests.services.apps import csrf_token, make_app, ready, signed_in, token
from tests.services.csv_files import without_mark
from tests.services.tables import check_all

PAGE = {"Accept": "text/html"}
ADA = Actor("ada")


def print_labels(client: FlaskClient, **form: object) -> str:
    sent = {"csrf_token": csrf_token(client, "/labels/batch"), "size": "small", **form}
    return client.post("/labels/batch", data=sent, headers=PAGE).get_data(as_text=True)


def prints(app: Flask) -> list[tuple[str, str, int, int, list[int]]]:
    """Account, format, copies, number of labels, and the assets of every print."""
    with app.app_context(), reading() as session:
        rows = session.scalars(select(LabelPrint).order_by(LabelPrint.id))
        return [(row.actor, row.format, row.copies, row.labels, print_history.printed_assets(session, row.id)) for row in rows]


def test_a_print_is_recorded_with_its_account_format_copies_and_assets(app: Flask, staff: FlaskClient, tagged: CreateAsset) -> None:
    ids = [tagged() for _ in range(3)]
    print_labels(staff, asset_ids=f"{ids[2]},{ids[0]},4711", copies="3")
    staff.get(f"/labels/print?asset_id={ids[1]}&size=large")
    assert prints(app) == [("staff", "small", 3, 2, [ids[2], ids[0]]), ("staff", "large", 1, 1, [ids[1]])]
    page = staff.get("/labels/prints").get_data(as_text=True)
    assert page.index("Large, 100 × 62 mm") < page.index("Small, 90.3 × 29 mm")
    again = staff.get(re.findall(r'href="(/labels/batch\?print=\d+)"', page)[1]).get_data(as_text=True)
    assert re.findall(r"<textarea[^>]*>\s*(.*?)</textarea>", again, re.DOTALL) == ["W12-0003\nW12-0001"]


def test_the_page_of_an_asset_shows_its_prints_and_scan(app: Flask, staff: FlaskClient, tagged: CreateAsset) -> None:
    asset = tagged()
    assert "has not been scanned yet" not in staff.get(f"/assets/{asset}", headers=PAGE).get_data(as_text=True)
    for _ in range(2):
        print_labels(staff, asset_ids=str(asset))
    page = staff.get(f"/assets/{asset}", headers=PAGE).get_data(as_text=True)
    assert ("Printed 2 times" in page, "The latest label has not been scanned yet" in page) == (True, True)
    with app.app_context(), transaction() as session:
        print_history.mark_scanned(session, asset, actor=ADA, now=utc_now())
    assert "Scanned by ada:" in staff.get(f"/assets/{asset}", headers=PAGE).get_data(as_text=True)


def test_a_preview_is_not_recorded(app: Flask, staff: FlaskClient, tagged: CreateAsset) -> None:
    ids = [tagged() for _ in range(12)]
    page = print_labels(staff, asset_ids=",".join(map(str, ids)), preview="1", autoprint="1")
    assert (page.count('class="label"'), "data-autoprint" in page, 'id="print"' in page) == (10, False, False)
    assert prints(app) == []
    with app.app_context(), reading() as session:
        assert not session.scalars(select(Tag).where(Tag.printed_at.is_not(None))).all()


def test_an_unprintable_label_is_not_recorded(app: Flask, staff: FlaskClient, tagged: CreateAsset, untagged: CreateAsset) -> None:
    good, bad = tagged(), untagged("A-NAME-THAT-NO-BARCODE-OF-A-SMALL-LABEL-CAN-HOLD")
    assert "1 not printed" in print_labels(staff, asset_ids=f"{good},{bad}")
    assert prints(app) == [("staff", "small", 1, 1, [good])]
    print_labels(staff, asset_ids=str(bad))
    assert len(prints(app)) == 1


def test_skipping_more_labels_than_a_sheet_has_prints_nothing(app: Flask, staff: FlaskClient, tagged: CreateAsset) -> None:
    asset = tagged()
    assert "A sheet of" in print_labels(staff, asset_ids=str(asset), size="avery-5160", skip="30")
    assert prints(app) == []
    assert "1 label" in print_labels(staff, asset_ids=str(asset), size="avery-5160", skip="29")


@pytest.mark.both_databases
def test_a_new_label_has_not_been_scanned(app: Flask, staff: FlaskClient, tagged: CreateAsset) -> None:
    asset = tagged()
    print_labels(staff, asset_ids=str(asset))
    with app.app_context(), transaction() as session:
        assert print_history.mark_scanned(session, asset, actor=ADA, now=utc_now()) == "W12-0001"
    print_labels(staff, asset_ids=str(asset))
    with app.app_context(), reading() as session:
        label = session.get_one(LabelledAsset, asset)
        assert (label.scanned_at, label.scanned_by, label.printed_by) == (None, None, "staff")


def test_an_interrupted_page_has_recorded_what_it_sent_and_offers_to_resume(
    app: Flask, staff: FlaskClient, untagged: CreateAsset, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [untagged(f"asset {number}") for number in range(120)]

    def interrupted(self: EmbeddedAssetStore, asset_ids: list[int]) -> Iterator[list[Asset]]:
        yield from [[self.get(asset_id)] for asset_id in asset_ids[:2]]
        raise AssetStoreUnreachable("Request Tracker does not answer.")

    whole = EmbeddedAssetStore.get_many
    monkeypatch.setattr(EmbeddedAssetStore, "get_many", interrupted)
    page = print_labels(staff, asset_ids=",".join(map(str, ids)), copies="2", autoprint="1")
    assert page.count('class="label"') == 4
    assert "Interrupted: Request Tracker does not answer. The labels of 118 assets are missing." in page
    assert prints(app) == [("staff", "small", 2, 2, ids[:2])]
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.split('id="resume"')[1]))
    assert (form["asset_ids"], form["copies"], form["size"]) == (",".join(map(str, ids[2:])), "2", "small")
    monkeypatch.setattr(EmbeddedAssetStore, "get_many", whole)
    rest = staff.post("/labels/batch", data=form, headers=PAGE).get_data(as_text=True)
    assert (rest.count('class="label"'), 'id="resume"' in rest, "data-autoprint" in rest) == (236, False, True)


def test_an_interrupted_query_resumes_after_the_last_asset(
    app: Flask, staff: FlaskClient, untagged: CreateAsset, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [untagged(f"asset {number}") for number in range(5)]
    whole = EmbeddedAssetStore.query

    def interrupted(self: EmbeddedAssetStore, query: str, *, limit: int, after_id: int = 0) -> Iterator[list[Asset]]:
        yield next(whole(self, query, limit=2))
        raise AssetStoreUnreachable("Request Tracker does not answer.")

    monkeypatch.setattr(EmbeddedAssetStore, "query", interrupted)
    page = print_labels(staff, query="asset")
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.split('id="resume"')[1]))
    monkeypatch.setattr(EmbeddedAssetStore, "query", whole)
    assert staff.post("/labels/batch", data=form, headers=PAGE).get_data(as_text=True).count('class="label"') == 3
    assert [assets for *_, assets in prints(app)] == [ids[:2], ids[2:]]


def test_labels_are_not_sent_if_the_database_cannot_record_them(
    app: Flask, staff: FlaskClient, untagged: CreateAsset, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [untagged(f"asset {number}") for number in range(120)]
    calls, add = list[int](), print_history.add_labels

    def locked(session: object, print_id: int, labels: list[tuple[int, str]], **by: object) -> None:
        calls.append(print_id)
        if len(calls) == 2:
            raise OperationalError("INSERT", {}, Exception("database is locked"))
        add(session, print_id, labels, **by)  # type: ignore[arg-type]

    monkeypatch.setattr(print_history, "add_labels", locked)
    page = print_labels(staff, asset_ids=",".join(map(str, ids)))
    assert (page.count('class="label"'), "The database does not answer" in page) == (100, True)
    assert f'name="asset_ids" value="{",".join(map(str, ids[100:]))}"' in page
    assert [len(assets) for *_, assets in prints(app)] == [100]


def test_labels_that_a_full_disk_cannot_record_say_so(
    app: Flask, staff: FlaskClient, tagged: CreateAsset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_values: object, **_by: object) -> None:
        raise OperationalError("INSERT", {}, OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(print_history, "add_labels", full)
    page = print_labels(staff, asset_ids=str(tagged()))
    assert ('class="label"' in page, "disk is full, so nothing can be saved" in page) == (False, True)


@pytest.mark.both_databases
def test_concurrent_prints_of_the_same_assets_are_all_recorded(app: Flask, staff: FlaskClient, untagged: CreateAsset) -> None:
    ids = [untagged(f"asset {number}") for number in range(60)]

    def print_all(order: int) -> None:
        with app.app_context():
            PrintRecorder(ADA, [], "small").record([(asset_id, "x") for asset_id in ids[::order]])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(print_all, (1, -1, 1, -1)))
    with app.app_context(), reading() as session:
        assert len(session.scalars(select(PrintedLabel)).all()) == 240
        assert len(session.scalars(select(LabelledAsset)).all()) == 60


@pytest.fixture
def old_prints(app: Flask, untagged: CreateAsset) -> list[int]:
    """Sixty assets: forty labels were printed ten days ago and twenty now, and one of each was scanned."""
    ids = [untagged(f"=asset {number}") for number in range(60)]
    with app.app_context(), transaction() as session:
        for now, numbers in ((utc_now() - timedelta(days=10), ids[:40]), (utc_now(), ids[40:])):
            started = print_history.start_print(session, format="small", copies=1, actor=ADA, now=now)
            print_history.add_labels(session, started, [(asset_id, f"=asset {asset_id}") for asset_id in numbers], actor=ADA, now=now)
            print_history.mark_scanned(session, numbers[0], actor=ADA, now=utc_now())
    return ids


@pytest.mark.both_databases
def test_unscanned_labels_are_listed_in_pages(staff: FlaskClient, old_prints: list[int]) -> None:
    week = staff.get("/labels/prints/unscanned").get_data(as_text=True)
    assert re.findall(r'href="/assets/(\d+)"', week) == [str(asset_id) for asset_id in old_prints[1:40]]
    first = staff.get("/labels/prints/unscanned?days=0").get_data(as_text=True)
    following = re.findall(r'rel="next" href="([^"]+)"', first)[0].replace("&amp;", "&")
    second = staff.get(following).get_data(as_text=True)
    listed = [re.findall(r'href="/assets/(\d+)"', page) for page in (first, second)]
    assert listed[0] + listed[1] == [str(asset_id) for asset_id in [*old_prints[1:40], *old_prints[41:]]]
    assert (len(listed[0]), 'rel="next"' in second) == (50, False)


def test_unscanned_labels_are_exported_as_csv_without_formulas(staff: FlaskClient, old_prints: list[int]) -> None:
    answer = staff.get("/labels/prints/unscanned.csv?days=0")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(without_mark(answer.get_data(as_text=True)))))
    assert [int(row["asset"]) for row in rows] == [*old_prints[1:40], *old_prints[41:]]
    assert {row["label"][:2] for row in rows} == {"'="}


def test_invalid_arguments_of_the_list_do_no_harm(staff: FlaskClient) -> None:
    def check(query: str) -> None:
        assert staff.get(f"/labels/prints/unscanned?{query}").status_code == 200

    check_all(["days=-1", "days=x", "days=" + "9" * 30, "printed=x&asset=1", "printed=2026-01-01&asset=" + "9" * 30], check)


def test_the_history_is_paged(app: Flask, staff: FlaskClient) -> None:
    assert "No prints yet" in staff.get("/labels/prints").get_data(as_text=True)
    with app.app_context(), transaction() as session:
        for _ in range(55):
            print_history.start_print(session, format="gone", copies=1, actor=ADA, now=utc_now())
    first = staff.get("/labels/prints").get_data(as_text=True)
    second = staff.get(re.findall(r'rel="next" href="([^"]+)"', first)[0]).get_data(as_text=True)
    assert (first.count("Print again"), second.count("Print again"), 'rel="next"' in second) == (50, 5, False)
    assert staff.get("/labels/prints?before=x").status_code == 200
    assert staff.get("/labels/batch?print=4711").status_code == 404


def test_invalid_copies_and_skips_print_nothing(app: Flask, staff: FlaskClient, tagged: CreateAsset) -> None:
    asset_ids = str(tagged())

    def check(field: str, value: str) -> None:
        sent = {"csrf_token": csrf_token(staff, "/labels/batch"), "asset_ids": asset_ids, "size": "small", field: value}
        assert staff.post("/labels/batch", data=sent).status_code == 400

    check_all([*(("copies", value) for value in ("0", "-1", "21", "x")), *(("skip", value) for value in ("-1", "x", "7"))], check)
    assert prints(app) == []


def test_a_link_on_another_site_asks_before_it_prints(database_url: str, tmp_path: Path) -> None:
    app = ready(make_app(tmp_path, database_url=database_url, app_url="https://utils.example.org", trusted_proxies="127.0.0.1"))
    with app.app_context():
        asset_id = asset_store().create(NewAsset("W12-0001"))
    headers, client = token(app, "staff"), signed_in(app, "staff")
    address = f"/labels/print?asset_id={asset_id}&size=small&autoprint=1"

    def ask(referrer: str, site: str = "", **more: str) -> str:
        sent = {**PAGE, "Referer": referrer, "Sec-Fetch-Site": site, **more}
        return client.get(address, headers={name: value for name, value in sent.items() if value}).get_data(as_text=True)

    def is_refused(referrer: str, site: str) -> None:
        page = ask(referrer, site)
        assert ("Print the label of W12-0001?" in page, "data-autoprint" in page, prints(app)) == (True, False, [])

    def is_printed(referrer: str, site: str, more: dict[str, str]) -> None:
        count = len(prints(app))
        assert "data-autoprint" in ask(referrer, site, **more)
        assert len(prints(app)) == count + 1

    check_all(
        [
            ("https://evil.example/page", "cross-site"),
            ("https://evil.example/", ""),
            ("https://evil.example/localhost", ""),
            ("https://localhost.evil.example/", ""),
            ("https://localhost@evil.example/", ""),
            ("https://localhost:8443/", ""),
            ("file:///localhost", ""),
            ("about:blank", ""),
            ("http://[", ""),
            ("", "cross-site"),
            ("", "same-site"),
        ],
        is_refused,
    )
    question = ask("https://evil.example/")
    assert unescape(question.split('class="btn btn-primary" href="')[1].split('"')[0]) == address.replace("autoprint=1", "autoprint=True")
    check_all(
        [
            ("http://localhost/assets", "same-origin", {}),
            ("https://utils.example.org/assets", "", {}),
            ("", "none", {}),
            ("", "", {}),
            ("https://evil.example/", "cross-site", headers),
        ],
        is_printed,
    )
