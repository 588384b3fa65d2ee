"""The pages on which assets without a tag are tagged, the sweep is set up, and pending tags are retried."""

import re
from urllib.parse import urlencode

from flask import Flask

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import NewAsset
from tests.functional.tags.conftest import call_webhook
from tests.services.apps import run_job
from tests.services.people import Person, text_of
from tests.services.tables import check_all

SWEEP = "/admin/asset-tags/sweep"


def asset(app: Flask, name: str, catalog: str = "Chromebooks", serial: str = "") -> int:
    with app.app_context():
        return asset_store().create(NewAsset(name, catalog, serial))


def name_of(app: Flask, asset_id: int) -> str:
    with app.app_context():
        return asset_store().get(asset_id).name


def press(person: Person, path: str, status: int = 303, **fields: object) -> str:
    """Sends a form. Returns where it redirects, or the page."""
    answer = person.submit(path, **fields)  # type: ignore[arg-type]
    assert answer.status_code == status, text_of(answer)
    return answer.headers["Location"] if status == 303 else text_of(answer)


def test_selected_assets_are_tagged_by_a_task_that_links_to_their_labels(app: Flask, admin: Person) -> None:
    ids = [asset(app, f"laptop {number}") for number in range(4)]
    listed = admin.read("/tags/untagged?catalog=Chromebooks")
    assert all(f"laptop {number}" in listed for number in range(4))
    task = press(admin, "/tags/untagged", asset_ids=ids[1:])
    assert name_of(app, ids[1]) == "laptop 1", "the task renames assets, not the request"
    run_job(app, "run-tasks")
    assert name_of(app, ids[0]) == "laptop 0"
    assert {name_of(app, each) for each in ids[1:]} == {"W12-0001", "W12-0002", "W12-0003"}, "concurrent, in no order"
    page = admin.read(task)
    assert "3 assets were tagged." in page
    assert re.search(r'href="/labels/batch\?task=\d+"', page)
    left = admin.read("/tags/untagged?catalog=Chromebooks")
    assert ("laptop 0" in left, "laptop 1" in left) == (True, False)


def test_untagged_assets_can_be_searched(app: Flask, admin: Person) -> None:
    asset(app, "laptop", serial="ABC1")
    asset(app, "projector", serial="XYZ2")
    found = admin.read("/tags/untagged?catalog=Chromebooks&q=abc")
    assert ("laptop" in found, "projector" in found) == (True, False)
    assert "No untagged asset in Chromebooks matches “nothing like it”." in admin.read(
        "/tags/untagged?catalog=Chromebooks&q=nothing+like+it"
    )


def test_a_search_is_read_as_the_scanner_meant_it(app: Flask, admin: Person) -> None:
    asset(app, "laptop", serial="5CD-2198XK")
    asset(app, "projector", serial="XYZ2")
    asset(app, "stand of 5CD-2198XK")

    def check(text: str) -> None:
        found = admin.read(f"/tags/untagged?{urlencode({'catalog': 'Chromebooks', 'q': text})}")
        assert ("5CD-2198XK</td>" in found, "projector" in found) == (True, False)

    dashes = [(f"5cd{dash}2198XK",) for dash in "\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"]
    check_all([*dashes, ("S5CD-2198XK",), ("1S5CD-2198XK",), ("S/N: 5CD-2198XK",), ("]C15CD-2198XK",), ("]C1S5CD-2198XK",)], check)
    assert "stand of" not in admin.read("/tags/untagged?catalog=Chromebooks&q=S5CD-2198XK")
    assert "No results" in admin.read("/tags/untagged?catalog=Chromebooks&q=S5CD-2198X")
    for code in ("W12ß0001", "Z&é)ààà&"):
        shown = admin.read(f"/tags/untagged?{urlencode({'catalog': 'Chromebooks', 'q': code})}")
        assert "language differs from this computer’s: “" in shown
        assert "is probably W12-0001." in shown


def test_the_address_in_a_labels_qr_code_finds_an_untagged_asset(app: Flask, admin: Person) -> None:
    laptop, other = asset(app, "laptop"), asset(app, "projector", "General assets")
    tagged, misnamed = asset(app, "cart"), asset(app, "W12-7")
    press(admin, f"/assets/{tagged}/tag")
    with app.app_context():
        home = asset_store().page_address(laptop).removesuffix(f"/{laptop}")

    def check(text: str, *found: int) -> None:
        shown = admin.read(f"/tags/untagged?{urlencode({'catalog': 'Chromebooks', 'q': text})}")
        assert [each for each in (laptop, other, tagged, misnamed) if f'name="asset_ids" value="{each}"' in shown] == list(found)

    addresses = [f"{home}/{each}" for each in (other, tagged, misnamed, 4711)]
    check_all([(f"{home}/{laptop}", laptop), (f"]Q1{home}/{laptop}", laptop), *((each,) for each in addresses)], check)
    check(f"https://evil.example/assets/{laptop}")


def test_invalid_selections_are_refused_and_tagged_assets_left_out(app: Flask, admin: Person) -> None:
    def check(*ids: str) -> None:
        assert "at most 500" in press(admin, "/tags/untagged", 400, asset_ids=list(ids))

    check_all([(), ("x",), ("-1",), ("0",), ("9" * 30,), tuple(str(number) for number in range(1, 502))], check)
    one, two = asset(app, "one"), asset(app, "two")
    press(admin, f"/assets/{one}/tag")
    press(admin, "/tags/untagged", asset_ids=[one, two])
    run_job(app, "run-tasks")
    assert (name_of(app, one), name_of(app, two)) == ("W12-0001", "W12-0002")
    assert "already have tags" in press(admin, "/tags/untagged", 400, asset_ids=[one])


def test_the_sweep_is_previewed_turned_on_and_then_tags_automatically(app: Flask, admin: Person) -> None:
    laptop, other = asset(app, "laptop"), asset(app, "projector", "General assets")
    assert "Turn on sweep" not in admin.read(SWEEP)
    press(admin, f"{SWEEP}/switch", 409, on="1")
    press(admin, f"{SWEEP}/run", 409)
    assert "at least one catalog" in press(admin, f"{SWEEP}/preview", 400)
    task = press(admin, f"{SWEEP}/preview", catalogs=["Chromebooks"])
    run_job(app, "run-tasks")
    preview = admin.read(task)
    assert "1 asset has no tag. Nothing was changed." in preview
    assert "laptop" in preview
    assert name_of(app, laptop) == "laptop"
    assert "Turn on sweep" in admin.read(SWEEP)
    assert run_job(app, "sweep-untagged") == 0, "it is still off"
    press(admin, f"{SWEEP}/switch", on="1")
    assert run_job(app, "sweep-untagged") == 1
    run_job(app, "run-tasks")
    assert (name_of(app, laptop), name_of(app, other)) == ("W12-0001", "projector")
    assert "Turn off sweep" in admin.read(SWEEP)
    press(admin, f"{SWEEP}/switch", on="0")
    asset(app, "another")
    assert run_job(app, "sweep-untagged") == 0


def test_previewed_assets_can_be_tagged_now_and_missing_catalogs_are_shown(app: Flask, admin: Person) -> None:
    ids = [asset(app, f"laptop {number}") for number in range(3)]
    task = press(admin, f"{SWEEP}/preview", catalogs=["Gone", "Chromebooks"])
    run_job(app, "run-tasks")
    assert "These catalogs do not exist: Gone." in admin.read(task)
    page = admin.read(SWEEP)
    assert "These catalogs do not exist or are hidden from this program: Gone." in page
    assert "Tag 3 assets now" in page
    press(admin, f"{SWEEP}/run")
    run_job(app, "run-tasks")
    assert {name_of(app, each) for each in ids} == {"W12-0001", "W12-0002", "W12-0003"}
    assert run_job(app, "sweep-untagged") == 0


def test_pending_tags_are_listed_with_their_problem_and_can_be_retried(staff: Person) -> None:
    assert staff.get("/tags/waiting").location == "/tags/pending"
    assert "No pending tags" in staff.read("/tags/pending")
    call_webhook(staff, asset_id=4000)
    page = staff.read("/tags/pending")
    assert ("W12-0001" in page, "#4000" in page) == (True, True)
    press(staff, "/tags/pending/W12-0001/retry")
    assert "W12-0099 is not pending." in press(staff, "/tags/pending/W12-0099/retry", 404)
