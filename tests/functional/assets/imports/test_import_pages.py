"""Imports: a list is uploaded, its problems are shown, and a task creates the rest."""

import re
from collections import Counter
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import Asset, AssetStoreRefused, NewAsset
from request_tracker_utils.assets import creations
from request_tracker_utils.assets.imports import RETENTION
from request_tracker_utils.assets.jobs import DELETE_OLD_IMPORTS
from request_tracker_utils.assets.models import AssetImport
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.tasks.models import Task
from tests.functional.assets.imports.importing import (
    HERE,
    PAGE,
    STORE,
    assets,
    count,
    press,
    problems,
    rows,
    send,
    serials,
    show,
    words,
)
from tests.services.apps import csrf_token, run_job, sign_in, user
from tests.services.asset_stores import silence
from tests.services.creations import create, laptop
from tests.services.forms import buttons


class TestTheWholeWay:
    def test_sixty_assets_are_scanned_checked_and_created_and_their_labels_offered(self, app: Flask, client: FlaskClient) -> None:
        address = send(client, serials(60))
        assert assets(app) == []
        task = press(client, address, "Create 60 assets")
        run_job(app, "run-tasks")
        made = assets(app)
        assert {(each.serial, each.manufacturer, each.model, each.catalog) for each in made} == {
            (serial, "Dell", "Chromebook 3100", "Chromebooks") for serial in serials(60).split("\n")
        }
        assert sorted(each.name for each in made) == [f"W12-{number:04d}" for number in range(1, 61)]
        link = re.search(r'href="(/labels/batch\?[^"]+)">Print labels', show(client, task))
        assert link is not None
        assert set(re.findall(r"W12-\d{4}", show(client, link[1]))) >= {each.name for each in made}
        assert "60 created" in show(client, address)

    def test_rows_with_problems_are_skipped_as_the_button_shows(self, app: Flask, client: FlaskClient) -> None:
        address = send(client, "GOOD-1\nBAD_2\nGOOD-3")
        press(client, address, "Create 2 assets, skip 1")
        run_job(app, "run-tasks")
        assert {each.serial for each in assets(app)} == {"GOOD-1", "GOOD-3"}
        assert "1 skipped" in words(show(client, address))

    def test_a_failed_asset_is_reported_and_retried_alone(self, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
        address = send(client, serials(6))
        task = press(client, address, "Create 6 assets")
        original = EmbeddedAssetStore.create

        def refuse_one(self: EmbeddedAssetStore, new: NewAsset) -> int:
            if new.serial == "CART-003":
                raise AssetStoreRefused("The asset store refuses.")
            return original(self, new)

        with monkeypatch.context() as patched:
            patched.setattr(EmbeddedAssetStore, "create", refuse_one)
            run_job(app, "run-tasks")
        assert "5 created, 1 failed" in words(show(client, address))
        assert f'href="{task}">Review failed assets' in show(client, address)
        assert "The asset store refuses." in show(client, task)
        press(client, task, "Retry 1 failed item")
        run_job(app, "run-tasks")
        assert Counter(each.serial for each in assets(app)) == Counter(serials(6).split("\n"))

    def test_values_of_rows_override_the_defaults(self, app: Flask, client: FlaskClient) -> None:
        lines = "Serial,Model,Make,Name,Fund,Type,Catalog\nA1,ProBook,HP,Cart 1,E-Rate,Tablet,General assets\nB2,,,,,,\n"
        press(client, send(client, lines), "Create 2 assets")
        run_job(app, "run-tasks")
        found = {each.serial: each for each in assets(app)}
        assert (found["A1"].model, found["A1"].manufacturer, found["A1"].catalog) == ("ProBook", "HP", "General assets")
        assert (found["B2"].model, found["B2"].manufacturer, found["B2"].catalog) == ("Chromebook 3100", "Dell", "Chromebooks")


class TestTheCheck:
    def test_reports_all_problems_of_a_list_with_invalid_rows_first(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            existing = create(asset_store(), "THERE-1")
            untagged = asset_store().create(NewAsset("by hand", serial="there-2"))
            with transaction() as session:
                creations.claim(session, laptop("FLIGHT-1"), actor=Actor("grace"), now=utc_now())
        lines = ["Serial,Model,Catalog,Name", "GOOD-1,,,", "there-1,,,", "THERE-2,,,", "flight-1,,,", "B\u0410D,,,", ",x,,y"]
        lines += [f"GOOD-2,{'m' * 101},,", "GOOD-3,,Nowhere,", "TWICE-1,one,,", "twice-1,two,,"]
        address = send(client, "\n".join(lines))
        found = problems(client, address)
        assert found == {
            "3": f"Serial number already exists #{existing.asset_id}, {existing.tag}",
            "4": f"Serial number already exists #{untagged}",
            "5": "Another request is creating an asset with this serial number",
            "6": "Serial number contains invalid characters: “\u0410” (U+0410)",
            "7": "Missing required field: serial_number",
            "8": "Model is longer than 100 characters",
            "9": "The catalog “Nowhere” does not exist",
            "10": "Serial number is also in line 11, with other values",
            "11": "Serial number is also in line 10, with other values",
            "2": "valid",
        }
        assert list(found)[-1] == "2"
        assert "to create 1 with problems 9" in words(show(client, address))

    def test_reports_all_problems_of_each_row(self, client: FlaskClient) -> None:
        address = send(client, "A1\nB_2", manufacturer="", model=" ")
        lacks = "Missing required field: manufacturer Missing required field: model"
        assert f"All 2 rows have the same problems. {lacks}" in words(show(client, address))
        assert problems(client, address) == {"1": "see above", "2": "Serial number contains invalid characters: “_” (U+005F)"}
        assert list(problems(client, address)) == ["2", "1"]

    def test_reports_what_a_whole_cart_lacks_once(self, client: FlaskClient) -> None:
        address = send(client, serials(120), manufacturer="", model="")
        page = show(client, address)
        assert [page.count(f"Missing required field: {field}") for field in ("manufacturer", "model")] == [1, 1]
        assert "Press Edit list to enter a default for all rows." in words(page)

    def test_reads_serial_numbers_as_the_scanner_meant_them(self, client: FlaskClient) -> None:
        address = send(client, "]C15CD0001\nS/N: 5CD0002\n5CD\u20100003\nS5CD0004\n5CD 0005")
        assert [row[1] for row in rows(show(client, address))][1:] == ["5CD0001", "5CD0002", "5CD-0003", "S5CD0004"]
        assert problems(client, address)["5"] == "Serial number contains invalid characters: a space"

    def test_questions_serial_numbers_that_exist_without_a_manufacturers_prefix(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            existing = [create(asset_store(), serial) for serial in ("5CD2198XK", "PF3ZK19Q", "S5CD2198XM", "5CD2198XM")]
        known = [f"#{each.asset_id}, {each.tag}" for each in existing]
        probably, often = "Probably the same as", "is often a manufacturer’s prefix"
        address = send(client, "S5CD2198XK\n1spf3zk19q\nSPF3ZK19Q\nNEW-00001\nSNEW-00001\nS5CD2198XM\nS1001\nSurface-X\nS5CD0000XX")
        assert problems(client, address) == {
            "6": f"Serial number already exists {known[2]}",
            "1": f"{probably} 5CD2198XK, which already exists: S {often} {known[0]}",
            "2": f"{probably} pf3zk19q, which already exists: 1s {often} {known[1]}",
            "3": f"{probably} PF3ZK19Q, which already exists: S {often} {known[1]}",
            "5": f"{probably} NEW-00001 in line 4: S {often}",
            **dict.fromkeys(("4", "7", "8", "9"), "valid"),
        }
        assert list(problems(client, address))[:5] == ["6", "1", "2", "3", "5"]
        page = show(client, address)
        assert "to create 4 likely duplicates 4 with problems 1" in words(page)
        assert [each.words for each in buttons(page) if "Create" in each.words] == [
            "Create 4 assets, skip 5",
            "Create 8 assets with likely duplicates",
        ]
        again = send(client, "S5CD2198XK")
        assert [each.words for each in buttons(show(client, again)) if "Create" in each.words] == ["Create 1 asset with likely duplicates"]
        press(client, address, "Create 4 assets, skip 5")
        run_job(app, "run-tasks")
        assert ("4 created, 5 skipped" in words(show(client, address)), len(assets(app))) == (True, 8)
        assert problems(client, address)["1"].startswith(probably)
        press(client, again, "Create 1 asset with likely duplicates")
        run_job(app, "run-tasks")
        assert ("skipped" in words(show(client, again)), problems(client, again)) == (False, {"1": "in the task"})
        assert [each.serial for each in assets(app)][8:] == ["S5CD2198XK"]

    def test_counts_a_serial_number_that_was_scanned_twice_once(self, app: Flask, client: FlaskClient) -> None:
        address = send(client, "A1\nB2\na1\nA1")
        assert problems(client, address) == {
            "3": "Serial number is already in line 1",
            "4": "Serial number is already in line 1",
            "1": "valid",
            "2": "valid",
        }

    def test_takes_one_request_for_all(self, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []
        for method in ("find_by_serials", "find_by_serial", "find_by_name", "search", "get", "get_many"):
            original = getattr(EmbeddedAssetStore, method)

            def counted(self, *values, _method=method, _original=original, **named):  # type: ignore[no-untyped-def]
                asked.append(_method)
                return _original(self, *values, **named)

            monkeypatch.setattr(EmbeddedAssetStore, method, counted)
        address = send(client, serials(200))
        assert asked == ["find_by_serials"]
        press(client, address, "Check again")
        show(client, address)
        assert asked == ["find_by_serials"] * 2

    def test_again_finds_what_was_created_since(self, app: Flask, client: FlaskClient) -> None:
        address = send(client, "A1\nB2")
        with app.app_context():
            asset_store().create(NewAsset("by hand", serial="A1"))
        press(client, address, "Check again")
        assert problems(client, address)["1"].startswith("Serial number already exists")

    def test_that_fails_preserves_the_list_and_prevents_its_creation(
        self, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def silent(*_: object) -> list[Asset]:
            raise silence()

        with monkeypatch.context() as patched:
            patched.setattr(f"{STORE}.find_by_serials", silent)
            patched.setattr(f"{STORE}.catalogs", silent)
            address = send(client, "A1\nB_2")
            page = show(client, address)
        assert "The list is saved, but it could not be checked. The asset store does not answer." in page
        assert "Not checked yet" in page
        assert {row[0]: row[3] for row in rows(page)} == {
            "2": "Serial number contains invalid characters: “_” (U+005F)",
            "1": "not checked",
        }
        assert not [each for each in buttons(page) if each.words.startswith("Create")]
        form = {"csrf_token": csrf_token(client, address)}
        assert client.post(f"{address}/create", data=form, headers=PAGE).headers["Location"] == address
        assert "has not been checked yet" in show(client, address)
        assert count(app, Task) == 0
        press(client, address, "Check again")
        press(client, address, "Create 1 asset, skip 1")
        assert count(app, Task) == 1

    def test_of_a_list_with_problems_only_offers_nothing_to_create(self, app: Flask, client: FlaskClient) -> None:
        address = send(client, "A_1\nB_2")
        assert not [each for each in buttons(show(client, address)) if each.words.startswith("Create")]
        client.post(f"{address}/create", data={"csrf_token": csrf_token(client, address)}, headers=PAGE)
        assert (count(app, Task), "None of these assets can be created" in show(client, address)) == (0, True)

    def test_shows_a_long_list_in_pages(self, client: FlaskClient) -> None:
        address = send(client, serials(1_201))
        assert [len(rows(show(client, f"{address}?page={page}"))) for page in (1, 2, 3)] == [500, 500, 201]


class TestStarting:
    def test_twice_at_once_starts_one_task_and_redirects_both_to_it(self, app: Flask, client: FlaskClient) -> None:
        address = send(client, "A1\nB2")
        user(app, "admin", "grace")
        other = app.test_client()
        sign_in(other, "grace")
        ready, led = Barrier(2), list[str]()

        def start(who: FlaskClient, token: str) -> None:
            ready.wait(10)
            led.append(who.post(f"{address}/create", data={"csrf_token": token}, headers=PAGE).headers["Location"])

        threads = [Thread(target=start, args=(who, csrf_token(who, address))) for who in (client, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert (led, count(app, Task)) == (["/tasks/1"] * 2, 1)

    def test_ends_all_changes_of_the_list(self, client: FlaskClient) -> None:
        address = send(client, "Serial,Model\nA1,x")
        token = csrf_token(client, address)
        task = press(client, address, "Create 1 asset")
        for last in ("check", "columns", "create"):
            answer = client.post(f"{address}/{last}", data={"csrf_token": token, "serial_number": "0"}, headers=PAGE)
            assert (answer.status_code, answer.headers["Location"]) == (303, task)
        assert {each.words for each in buttons(show(client, address))} & {"Check again", "Apply columns"} == set()


class TestStoredImports:
    def test_are_edited(self, client: FlaskClient) -> None:
        address = send(client, "A1\n\nB_2\n", manufacturer="HP")
        again = re.search(r'href="([^"]+)">Edit list', show(client, address))
        assert again is not None
        page = show(client, again[1])
        assert re.search(r"<textarea[^>]*>\s*A1\r?\nB_2\s*</textarea>", page)
        assert 'value="HP"' in page
        assert '<option selected value="Chromebooks">' in page
        assert f'href="{address}"' in show(client, HERE)

    def test_are_for_their_owner_and_administrators_alone(self, app: Flask, client: FlaskClient) -> None:
        address = send(client, "A1")
        number = address.rsplit("/", 1)[1]
        user(app, "staff", "grace")
        user(app, "admin", "root")
        other, admin = app.test_client(), app.test_client()
        sign_in(other, "grace")
        sign_in(admin, "root")
        assert "Added by ada" in words(show(admin, address))
        assert address not in show(other, HERE)
        for path in (address, f"{HERE}?again={number}"):
            assert other.get(path, headers=PAGE).status_code == 404
        for action in ("check", "columns", "create"):
            form = {"csrf_token": csrf_token(other, HERE)}
            assert other.post(f"{address}/{action}", data=form, headers=PAGE).status_code == 404

    def test_that_do_not_exist_are_not_found(self, client: FlaskClient) -> None:
        for address in (f"{HERE}/999", f"{HERE}?again=999"):
            answer = client.get(address, headers=PAGE)
            assert (answer.status_code, "Import 999 does not exist" in answer.get_data(as_text=True)) == (404, True)

    def test_are_deleted_when_they_are_old(self, app: Flask, client: FlaskClient) -> None:
        old, young = send(client, "A1"), send(client, "B2")
        with app.app_context(), transaction() as session:
            past = utc_now() - RETENTION
            session.execute(update(AssetImport).where(AssetImport.id == 1).values(created_at=past - timedelta(minutes=1)))
            session.execute(update(AssetImport).where(AssetImport.id == 2).values(created_at=past + timedelta(minutes=1)))
        assert run_job(app, DELETE_OLD_IMPORTS) == 1
        assert [client.get(address).status_code for address in (old, young)] == [404, 200]


def test_the_page_of_single_assets_links_to_imports(client: FlaskClient) -> None:
    assert f'href="{HERE}"' in show(client, "/assets/create")
