"""A cart at once: a list comes in, what stands against it is shown, and a task creates the rest."""

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
from request_tracker_utils.assets import claims
from request_tracker_utils.assets.intakes import KEPT
from request_tracker_utils.assets.models import Intake
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.tasks.models import Task
from tests.functional.assets.cart.lists import (
    DIRECTORY,
    HERE,
    PAGE,
    assets,
    count,
    press,
    rows,
    run,
    send,
    serials,
    show,
    told,
    words,
)
from tests.services.apps import csrf_token, sign_in, user
from tests.services.asset_stores import silence
from tests.services.creations import create, wanted
from tests.services.forms import buttons


class TestTheWholeWay:
    def test_sixty_are_scanned_checked_created_and_go_to_their_labels(self, app: Flask, client: FlaskClient) -> None:
        address = send(client, serials(60))
        assert assets(app) == []
        task = press(client, address, "Create 60 assets")
        run(app, "run-tasks")
        made = assets(app)
        assert {(each.serial, each.manufacturer, each.model, each.catalog) for each in made} == {
            (serial, "Dell", "Chromebook 3100", "Chromebooks") for serial in serials(60).split("\n")
        }
        assert sorted(each.name for each in made) == [f"W12-{number:04d}" for number in range(1, 61)]
        link = re.search(r'href="(/labels/batch\?[^"]+)">Print their labels', show(client, task))
        assert link is not None
        assert set(re.findall(r"W12-\d{4}", show(client, link[1]))) >= {each.name for each in made}
        assert "60 created" in show(client, address)

    def test_what_cannot_be_created_is_left_out_and_the_button_says_so(self, app: Flask, client: FlaskClient) -> None:
        address = send(client, "GOOD-1\nBAD_2\nGOOD-3")
        press(client, address, "Create 2 assets, leave out 1")
        run(app, "run-tasks")
        assert {each.serial for each in assets(app)} == {"GOOD-1", "GOOD-3"}
        assert "1 left out" in words(show(client, address))

    def test_one_that_fails_is_told_and_repeated_alone(self, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
        address = send(client, serials(6))
        task = press(client, address, "Create 6 assets")
        original = EmbeddedAssetStore.create

        def refuse_one(self: EmbeddedAssetStore, new: NewAsset) -> int:
            if new.serial == "CART-003":
                raise AssetStoreRefused("The directory says no.")
            return original(self, new)

        with monkeypatch.context() as patched:
            patched.setattr(EmbeddedAssetStore, "create", refuse_one)
            run(app, "run-tasks")
        assert "5 created, 1 failed" in words(show(client, address))
        assert f'href="{task}">See and repeat what failed' in show(client, address)
        assert "The directory says no." in show(client, task)
        press(client, task, "Retry 1 failed item")
        run(app, "run-tasks")
        assert Counter(each.serial for each in assets(app)) == Counter(serials(6).split("\n"))

    def test_a_list_says_what_holds_for_a_row_and_the_form_for_the_others(self, app: Flask, client: FlaskClient) -> None:
        lines = "Serial,Model,Make,Name,Fund,Type,Catalog\nA1,ProBook,HP,Cart 1,E-Rate,Tablet,General assets\nB2,,,,,,\n"
        press(client, send(client, lines), "Create 2 assets")
        run(app, "run-tasks")
        found = {each.serial: each for each in assets(app)}
        assert (found["A1"].model, found["A1"].manufacturer, found["A1"].catalog) == ("ProBook", "HP", "General assets")
        assert (found["B2"].model, found["B2"].manufacturer, found["B2"].catalog) == ("Chromebook 3100", "Dell", "Chromebooks")


class TestTheCheck:
    def test_names_everything_that_stands_against_a_list_at_once_problems_first(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            there = create(asset_store(), "THERE-1")
            untagged = asset_store().create(NewAsset("by hand", serial="there-2"))
            with transaction() as session:
                claims.claim(session, wanted("FLIGHT-1"), actor=Actor("grace"), now=utc_now())
        lines = ["Serial,Model,Catalog,Name", "GOOD-1,,,", "there-1,,,", "THERE-2,,,", "flight-1,,,", "B\u0410D,,,", ",x,,y"]
        lines += [f"GOOD-2,{'m' * 101},,", "GOOD-3,,Nowhere,", "TWICE-1,one,,", "twice-1,two,,"]
        address = send(client, "\n".join(lines))
        found = told(client, address)
        assert found == {
            "3": f"Serial number already exists #{there.asset_id}, {there.tag}",
            "4": f"Serial number already exists #{untagged}",
            "5": "Serial number is being created at this moment",
            "6": "Serial number contains invalid characters",
            "7": "Missing required field: serial_number",
            "8": "Model is longer than 100 characters",
            "9": "There is no catalog “Nowhere”",
            "10": "Serial number is in line 11 too, which says something else",
            "11": "Serial number is in line 10 too, which says something else",
            "2": "can be created",
        }
        assert list(found)[-1] == "2"
        assert words(show(client, address)).count("can be created 1 cannot 9") == 1

    def test_says_of_every_row_all_that_it_lacks(self, client: FlaskClient) -> None:
        address = send(client, "A1\nB_2", manufacturer="", model=" ")
        lacks = "Missing required field: manufacturer Missing required field: model"
        assert told(client, address) == {"1": lacks, "2": f"Serial number contains invalid characters {lacks}"}

    def test_takes_a_serial_number_that_was_scanned_twice_once(self, app: Flask, client: FlaskClient) -> None:
        address = send(client, "A1\nB2\na1\nA1")
        assert told(client, address) == {
            "3": "Serial number is in line 1 already, which says the same",
            "4": "Serial number is in line 1 already, which says the same",
            "1": "can be created",
            "2": "can be created",
        }

    def test_asks_the_directory_once_for_all(self, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
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

    def test_again_sees_what_has_come_since(self, app: Flask, client: FlaskClient) -> None:
        address = send(client, "A1\nB2")
        with app.app_context():
            asset_store().create(NewAsset("by hand", serial="A1"))
        press(client, address, "Check again")
        assert told(client, address)["1"].startswith("Serial number already exists")

    def test_that_the_directory_does_not_answer_keeps_the_list_and_lets_nothing_be_created(
        self, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def silent(*_: object) -> list[Asset]:
            raise silence()

        with monkeypatch.context() as patched:
            patched.setattr(f"{DIRECTORY}.find_by_serials", silent)
            patched.setattr(f"{DIRECTORY}.catalogs", silent)
            address = send(client, "A1\nB_2")
            page = show(client, address)
        assert "The list is kept, but could not be checked. The directory does not answer." in page
        assert "Not checked yet" in page
        assert {row[0]: row[3] for row in rows(page)} == {"2": "Serial number contains invalid characters", "1": "not checked"}
        assert not [each for each in buttons(page) if each.words.startswith("Create")]
        form = {"csrf_token": csrf_token(client, address)}
        assert client.post(f"{address}/create", data=form, headers=PAGE).headers["Location"] == address
        assert "not checked yet" in show(client, address)
        assert count(app, Task) == 0
        press(client, address, "Check again")
        press(client, address, "Create 1 asset, leave out 1")
        assert count(app, Task) == 1

    def test_of_a_list_without_anything_good_offers_nothing_to_create(self, app: Flask, client: FlaskClient) -> None:
        address = send(client, "A_1\nB_2")
        assert not [each for each in buttons(show(client, address)) if each.words.startswith("Create")]
        client.post(f"{address}/create", data={"csrf_token": csrf_token(client, address)}, headers=PAGE)
        assert (count(app, Task), "None of these assets can be created" in show(client, address)) == (0, True)

    def test_shows_a_long_list_page_by_page(self, client: FlaskClient) -> None:
        address = send(client, serials(1_201))
        assert [len(rows(show(client, f"{address}?page={page}"))) for page in (1, 2, 3)] == [500, 500, 201]


class TestStarting:
    def test_twice_at_once_starts_one_task_and_leads_both_to_it(self, app: Flask, client: FlaskClient) -> None:
        address = send(client, "A1\nB2")
        user(app, "staff", "grace")
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

    def test_is_the_end_of_changes_to_the_list(self, client: FlaskClient) -> None:
        address = send(client, "Serial,Model\nA1,x")
        token = csrf_token(client, address)
        task = press(client, address, "Create 1 asset")
        for last in ("check", "columns", "create"):
            answer = client.post(f"{address}/{last}", data={"csrf_token": token, "serial_number": "0"}, headers=PAGE)
            assert (answer.status_code, answer.headers["Location"]) == (303, task)
        assert {each.words for each in buttons(show(client, address))} & {"Check again", "Use these columns"} == set()


class TestKeptLists:
    def test_are_opened_again_and_changed(self, client: FlaskClient) -> None:
        address = send(client, "A1\n\nB_2\n", manufacturer="HP")
        again = re.search(r'href="([^"]+)">Change the list', show(client, address))
        assert again is not None
        page = show(client, again[1])
        assert re.search(r"<textarea[^>]*>\s*A1\r?\nB_2\s*</textarea>", page)
        assert 'value="HP"' in page
        assert '<option selected value="Chromebooks">' in page
        assert f'href="{address}"' in show(client, HERE)

    def test_are_seen_by_others_who_may_create_but_named_to_their_owner_alone(self, app: Flask, client: FlaskClient) -> None:
        address = send(client, "A1")
        user(app, "staff", "grace")
        other = app.test_client()
        sign_in(other, "grace")
        assert "From ada" in words(show(other, address))
        assert address not in show(other, HERE)

    def test_that_are_not_there_are_said_so(self, client: FlaskClient) -> None:
        for address in (f"{HERE}/999", f"{HERE}?again=999"):
            answer = client.get(address, headers=PAGE)
            assert (answer.status_code, "Scan or drop it again" in answer.get_data(as_text=True)) == (404, True)

    def test_are_put_away_when_they_are_old(self, app: Flask, client: FlaskClient) -> None:
        old, young = send(client, "A1"), send(client, "B2")
        with app.app_context(), transaction() as session:
            past = utc_now() - KEPT
            session.execute(update(Intake).where(Intake.id == 1).values(created_at=past - timedelta(minutes=1)))
            session.execute(update(Intake).where(Intake.id == 2).values(created_at=past + timedelta(minutes=1)))
        assert run(app, "put-away-intakes") == 1
        assert [client.get(address).status_code for address in (old, young)] == [404, 200]


def test_the_page_of_one_asset_leads_to_the_cart(client: FlaskClient) -> None:
    assert f'href="{HERE}"' in show(client, "/assets/create")
