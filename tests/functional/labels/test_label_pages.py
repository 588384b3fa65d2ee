"""The label routes: which format is printed, what is said of one that does not fit, and why a label looks as it does."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.core.db import db
from request_tracker_utils.core.resources import CONTRIB
from request_tracker_utils.labels import printed
from request_tracker_utils.labels.catalogue import built_in
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import PASSWORD, make_app, ready, sign_in, token, user
from tests.services.showroom import served
from tests.unit.labels.test_format_file import CART

HTML = {"Accept": "text/html"}
CODES = [zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128]


def assets(app: Flask) -> dict[str, int]:
    """A laptop, a cable, a cart whose name is too long for small labels, and one without a name."""
    with app.app_context():
        held = asset_store()
        return {
            "laptop": held.create(NewAsset("W12-0001", "General assets", "5CD0001", "Chromebook 3100", "Dell")),
            "cable": held.create(NewAsset("W12-0002", "General assets", fields={"Type": "Cable"})),
            "cart": held.create(NewAsset("Cart 4, front row", "General assets")),
            "nameless": held.create(NewAsset("", "General assets")),
        }


def app_with(folder: Path, database_url: str, **files: str) -> Flask:
    """An app whose settings name files of these contents."""
    settings = {}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        settings[name] = str(folder / name)
    return ready(make_app(folder, database_url=database_url, **settings))


@pytest.fixture
def staff(app: Flask) -> dict[str, str]:
    return token(app, "staff")


def printed_size(answer: Any) -> tuple[str, ...]:
    return re.search(r"@page \{ size: ([\d.]+)mm ([\d.]+)mm", answer.get_data(as_text=True)).groups()


def test_without_a_size_an_asset_gets_the_format_of_its_type(tmp_path: Path, database_url: str) -> None:
    app = app_with(tmp_path, database_url, label_formats_file=CART.replace("width = 60", 'types = ["Cable"]\nwidth = 60', 1))
    client, staff, made = app.test_client(), token(app, "staff"), assets(app)
    assert printed_size(client.get(f"/labels/print?asset_id={made['cable']}", headers=staff)) == ("60", "40")
    assert printed_size(client.get(f"/labels/print?asset_id={made['laptop']}", headers=staff)) == ("100", "62")
    assert printed_size(client.get(f"/labels/print?asset_id={made['cable']}&size=small", headers=staff)) == ("90.3", "29")
    with app.app_context():
        db.engine.dispose()


def test_an_unknown_format_is_refused_with_those_that_there_are(app: Flask, client: FlaskClient, staff: dict[str, str]) -> None:
    made = assets(app)
    for path in (
        f"/labels/print?asset_id={made['laptop']}&size=huge",
        "/labels/calibration?size=huge",
        "/labels/debug?asset_id=1&size=huge",
    ):
        answer = client.get(path, headers=staff)
        assert (answer.status_code, answer.json["code"]) == (400, "unknown_label_format")
        assert answer.json["known"] == [label.name for label in built_in().all()]


def test_a_program_is_told_on_which_formats_a_label_would_fit(app: Flask, client: FlaskClient, staff: dict[str, str]) -> None:
    cart = assets(app)["cart"]
    answer = client.get(f"/labels/print?asset_id={cart}&size=avery-5160", headers=staff)
    assert (answer.status_code, answer.json["code"], answer.json["fits"]) == (400, "tag_too_long", ["large", "small", "avery-5163"])
    answer = client.get(f"/labels/debug?asset_id={cart}&size=avery-5160", headers=staff)
    assert (answer.status_code, answer.json["prints"], answer.json["fits"]) == (200, False, ["large", "small", "avery-5163"])


def test_a_person_sees_it_where_the_label_would_be_with_buttons_to_those(app: Flask, client: FlaskClient) -> None:
    cart = assets(app)["cart"]
    sign_in(client, user(app, "staff"))
    answer = client.get(f"/labels/print?asset_id={cart}&size=avery-5160", headers=HTML)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 400
    assert 'class="left-out screen"' in text
    assert f'<a href="/labels/print?asset_id={cart}&amp;size=large">Large, 100 × 62 mm (DK-11202)</a>' in text
    assert 'class="label' not in text


def test_debug_says_why_a_label_looks_as_it_does(app: Flask, client: FlaskClient, staff: dict[str, str]) -> None:
    made = assets(app)
    for query in (f"asset_id={made['laptop']}", f"assetId={made['laptop']}", "assetName=W12-0001"):
        answer = client.get(f"/labels/debug?{query}&size=small", headers=staff).json
        assert (answer["asset_id"], answer["format"], answer["prints"]) == (made["laptop"], "small", True)
        assert [(text["field"], text["state"]) for text in answer["texts"]] == [
            ("tag", "whole"),
            ("model", "whole"),
            ("serial", "whole"),
            ("Funding Source", "empty"),
        ]
        assert [(code["kind"], code["state"]) for code in answer["codes"]] == [("qr", "drawn"), ("barcode", "drawn")]


@pytest.mark.parametrize(
    ("query", "status"), [("", 400), ("asset_id=x", 400), ("asset_id=0", 400), ("asset_id=999999", 404), ("assetName=no", 404)]
)
def test_debug_of_no_asset_is_refused(client: FlaskClient, staff: dict[str, str], query: str, status: int) -> None:
    assert client.get(f"/labels/debug?{query}", headers=staff).status_code == status


def test_debug_prints_nothing_and_a_calibration_page_neither(app: Flask, client: FlaskClient, staff: dict[str, str]) -> None:
    made, told = assets(app), list[int]()
    registry_of(app).get(printed.Listeners).append(lambda _session, labels, _now: told.extend(number for number, _ in labels) or [])
    client.get(f"/labels/debug?asset_id={made['laptop']}", headers=staff)
    client.get("/labels/calibration", headers=staff)
    client.get(f"/labels/print?asset_id={made['cart']}&size=avery-5160", headers=staff)
    assert told == []
    client.get(f"/labels/print?asset_id={made['laptop']}", headers=staff)
    assert told == [made["laptop"]]


def test_pages_of_labels_let_in_no_script_but_ours(tmp_path: Path, database_url: str, app: Flask, client: FlaskClient) -> None:
    plain = client.get(f"/labels/print?asset_id={assets(app)['laptop']}", headers=token(app, "staff")).headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in plain
    own = app_with(tmp_path, "", label_template_path="<b>{{ label.tag }}</b>")
    policy = (
        own.test_client()
        .get(f"/labels/print?asset_id={assets(own)['laptop']}", headers=token(own, "staff"))
        .headers["Content-Security-Policy"]
    )
    assert re.search(r"script-src 'nonce-[\w-]+';", policy)
    assert "style-src 'self' 'unsafe-inline';" in policy
    with own.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Page]:
    """A person's browser at an app with a template of its own, which also tries a script."""
    script = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title = 'taken over'\">"
    app = app_with(tmp_path_factory.mktemp("own"), "", label_template_path=(CONTRIB / "labels/label.html").read_text() + script)
    name = user(app, "staff")
    assets(app)
    with served(app) as url:
        page = browser.new_page(base_url=url)
        page.goto("/sign-in")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{url}/")
        yield page
        page.close()


@pytest.mark.chromium
def test_the_template_styles_its_label_and_its_scripts_do_not_run(own: Page) -> None:
    own.goto("/labels/print?asset_id=1&size=large")
    tag = own.locator(".asset-tag")
    assert (tag.inner_text(), tag.evaluate("tag => getComputedStyle(tag).position")) == ("W12-0001", "absolute")
    own.wait_for_timeout(200)
    assert own.title() == "Labels · Large, 100 × 62 mm (DK-11202)"
    pdf = pdfium.PdfDocument(own.pdf(prefer_css_page_size=True))
    picture = pdf[0].render(scale=300 / 72 * (1 - 1e-6)).to_pil().convert("L")
    assert {code.text for code in zxingcpp.read_barcodes(picture)} >= {"W12-0001"}
    assert len(pdf) == 1


@pytest.mark.chromium
@pytest.mark.parametrize("size", [label.name for label in built_in().all()])
def test_a_calibration_page_prints_codes_of_every_module_that_read(own: Page, size: str) -> None:
    label = built_in().named(size)
    own.goto(f"/labels/calibration?size={size}")
    pages = own.locator("svg.leaf").count()
    pdf = pdfium.PdfDocument(own.pdf(prefer_css_page_size=True))
    assert len(pdf) == pages
    captions = own.locator("svg text").all_text_contents()
    shown = [caption for caption in captions if "dots = " in caption]
    read = list[tuple[str, str]]()
    for sheet in pdf:
        assert [points * 25.4 / 72 for points in sheet.get_size()] == pytest.approx(label.page, abs=0.3)
        picture = sheet.render(scale=300 / 72 * (1 - 1e-6)).to_pil().convert("L")
        read += [(code.format.name, code.text) for code in zxingcpp.read_barcodes(picture, CODES)]
    assert sorted(text for kind, text in read if kind == "Code128") == sorted(
        caption.split(",")[0] for caption in shown if "QR" not in caption
    )
    assert [kind for kind, _ in read].count("QRCode") == sum("QR" in caption for caption in shown)
    assert {"W12-0003, 3 dots = 0.25 mm", "QR, 3 dots = 0.25 mm", "QR, 4 dots = 0.34 mm"} <= set(shown)
    for dots in (1, 2, 3, 4):
        assert sum(caption.startswith(f"{dots} dot") for caption in captions) == 2
