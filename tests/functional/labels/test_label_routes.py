"""The label routes: the format of an asset, labels that do not fit, inspection, calibration, and the site's own template."""

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
from request_tracker_utils.core.settings import CONTRIB
from request_tracker_utils.labels.installed_formats import built_in_formats
from request_tracker_utils.labels.print_history import PrintListeners
from request_tracker_utils.web.registry import registry_of
from tests.functional.labels.test_printing import ready as page_ready
from tests.services.apps import PASSWORD, make_app, ready, sign_in, token, user
from tests.services.showroom import served
from tests.services.tables import check_all
from tests.unit.labels.test_format_files import CART

HTML = {"Accept": "text/html"}
CODES = [zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128]
FITTING_CART = ["large", "small", "avery-5163"]


def create_assets(app: Flask) -> dict[str, int]:
    """A laptop, a cable, a cart whose name is too long for small labels, and an asset without a name."""
    with app.app_context():
        create = asset_store().create
        return {
            "laptop": create(NewAsset("W12-0001", "General assets", "5CD0001", "Chromebook 3100", "Dell")),
            "cable": create(NewAsset("W12-0002", "General assets", fields={"Type": "Cable"})),
            "cart": create(NewAsset("Cart 4, front row", "General assets")),
            "nameless": create(NewAsset("", "General assets")),
        }


def app_with(folder: Path, **files: str) -> Flask:
    """An app whose settings name files with these contents."""
    settings = {}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        settings[name] = str(folder / name)
    return ready(make_app(folder, **settings))


def page_size(answer: Any) -> tuple[str, ...]:
    return re.search(r"@page \{ size: ([\d.]+)mm ([\d.]+)mm", answer.get_data(as_text=True)).groups()


def test_an_asset_gets_the_format_of_its_type_unless_another_is_requested(tmp_path: Path) -> None:
    app = app_with(tmp_path, label_formats_file=CART.replace("width = 60", 'types = ["Cable"]\nwidth = 60', 1))
    client, staff, ids = app.test_client(), token(app, "staff"), create_assets(app)
    assert page_size(client.get(f"/labels/print?asset_id={ids['cable']}", headers=staff)) == ("60", "40")
    assert page_size(client.get(f"/labels/print?asset_id={ids['laptop']}", headers=staff)) == ("100", "62")
    assert page_size(client.get(f"/labels/print?asset_id={ids['cable']}&size=small", headers=staff)) == ("90.3", "29")
    with app.app_context():
        db.engine.dispose()


def test_an_unknown_format_lists_the_installed_ones(app: Flask, client: FlaskClient, staff_token: dict[str, str]) -> None:
    laptop = create_assets(app)["laptop"]

    def check(path: str) -> None:
        answer = client.get(path, headers=staff_token)
        assert (answer.status_code, answer.json["code"]) == (400, "unknown_label_format")
        assert answer.json["known"] == [label.name for label in built_in_formats().all()]

    paths = [f"/labels/print?asset_id={laptop}", "/labels/calibration?", f"/labels/debug?asset_id={laptop}"]
    check_all([f"{path}&size=huge" for path in paths], check)


def test_a_label_that_does_not_fit_comes_with_the_formats_that_do(app: Flask, client: FlaskClient, staff_token: dict[str, str]) -> None:
    cart = create_assets(app)["cart"]
    answer = client.get(f"/labels/print?asset_id={cart}&size=avery-5160", headers=staff_token)
    assert (answer.status_code, answer.json["code"], answer.json["fits"]) == (400, "tag_too_long", FITTING_CART)
    answer = client.get(f"/labels/debug?asset_id={cart}&size=avery-5160", headers=staff_token)
    assert (answer.status_code, answer.json["prints"], answer.json["fits"]) == (200, False, FITTING_CART)
    person = app.test_client()
    sign_in(person, user(app, "staff"))
    answer = person.get(f"/labels/print?asset_id={cart}&size=avery-5160", headers=HTML)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 400
    assert 'class="not-printed screen"' in text
    assert f'<a href="/labels/print?asset_id={cart}&amp;size=large">Large, 100 × 62 mm (DK-11202)</a>' in text
    assert 'class="label' not in text
    page = person.get(f"/labels/debug?asset_id={cart}&size=avery-5160", headers=HTML).get_data(as_text=True)
    assert "This label cannot be printed." in page
    assert "It fits these formats: large, small, avery-5163." in page


def test_debug_explains_texts_and_codes(app: Flask, client: FlaskClient, staff_token: dict[str, str]) -> None:
    laptop = create_assets(app)["laptop"]

    def check(query: str) -> None:
        answer = client.get(f"/labels/debug?{query}&size=small", headers=staff_token).json
        assert (answer["asset_id"], answer["format"], answer["prints"]) == (laptop, "small", True)
        states = [(text["field"], text["state"]) for text in answer["texts"]]
        assert states == [("tag", "whole"), ("model", "whole"), ("serial", "whole"), ("Funding Source", "empty")]
        assert [(code["kind"], code["state"]) for code in answer["codes"]] == [("qr", "drawn"), ("barcode", "drawn")]

    check_all([f"asset_id={laptop}", f"assetId={laptop}", "assetName=W12-0001"], check)


def test_debug_requires_an_existing_asset(client: FlaskClient, staff_token: dict[str, str]) -> None:
    def check(query: str, status: int) -> None:
        assert client.get(f"/labels/debug?{query}", headers=staff_token).status_code == status

    check_all([("", 400), ("asset_id=x", 400), ("asset_id=0", 400), ("asset_id=999999", 404), ("assetName=no", 404)], check)


def test_only_a_printed_label_notifies_listeners(app: Flask, client: FlaskClient, staff_token: dict[str, str]) -> None:
    ids, printed = create_assets(app), list[int]()
    listeners = registry_of(app).get(PrintListeners)
    listeners.append(lambda _session, labels, _now: printed.extend(asset_id for asset_id, _name in labels) or [])
    client.get(f"/labels/debug?asset_id={ids['laptop']}", headers=staff_token)
    client.get("/labels/calibration", headers=staff_token)
    client.get(f"/labels/print?asset_id={ids['cart']}&size=avery-5160", headers=staff_token)
    assert printed == []
    client.get(f"/labels/print?asset_id={ids['laptop']}", headers=staff_token)
    assert printed == [ids["laptop"]]


def test_inline_styles_are_allowed_only_with_a_site_template(tmp_path: Path, app: Flask, client: FlaskClient) -> None:
    def policy(client: FlaskClient, app: Flask) -> str:
        answer = client.get(f"/labels/print?asset_id={create_assets(app)['laptop']}", headers=token(app, "staff"))
        return answer.headers["Content-Security-Policy"]

    assert "'unsafe-inline'" not in policy(client, app)
    own = app_with(tmp_path, label_template_path="<b>{{ label.tag }}</b>")
    with_template = policy(own.test_client(), own)
    assert re.search(r"script-src 'nonce-[\w-]+';", with_template)
    assert "style-src 'self' 'unsafe-inline';" in with_template
    with own.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def browser_page(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Page]:
    """Signed in to an app with a site template that also tries to run scripts."""
    script = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title = 'taken over'\">"
    app = app_with(tmp_path_factory.mktemp("own"), label_template_path=(CONTRIB / "labels/label.html").read_text() + script)
    name = user(app, "staff")
    create_assets(app)
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
def test_a_site_template_styles_its_label_and_runs_no_script(browser_page: Page) -> None:
    page = browser_page
    page.goto("/labels/print?asset_id=1&size=large")
    tag = page.locator(".asset-tag")
    assert (tag.inner_text(), tag.evaluate("tag => getComputedStyle(tag).position")) == ("W12-0001", "absolute")
    page.evaluate("document.querySelector('img[src=x]').decode().catch(() => undefined)")  # the broken image has failed by now
    assert page.title() == "Labels · Large, 100 × 62 mm (DK-11202)"
    pdf = pdfium.PdfDocument(page.pdf(prefer_css_page_size=True))
    picture = pdf[0].render(scale=300 / 72 * (1 - 1e-6)).to_pil().convert("L")
    assert {code.text for code in zxingcpp.read_barcodes(picture)} >= {"W12-0001"}
    assert len(pdf) == 1
    page.goto("/labels/debug?asset_id=1&size=large")
    assert page.get_by_text("prints labels with its own template").is_visible()


@pytest.mark.chromium
def test_calibration_pages_have_codes_of_every_module_size_that_read(browser_page: Page) -> None:
    def check(size: str) -> None:
        label = built_in_formats().get(size)
        browser_page.goto(f"/labels/calibration?size={size}")
        page_ready(browser_page)
        pdf = pdfium.PdfDocument(browser_page.pdf(prefer_css_page_size=True))
        assert len(pdf) == browser_page.locator("svg.calibration-page").count()
        captions = browser_page.locator("svg text").all_text_contents()
        codes = [caption for caption in captions if "dots = " in caption]
        read = list[tuple[str, str]]()
        for sheet in pdf:
            assert [points * 25.4 / 72 for points in sheet.get_size()] == pytest.approx(label.page, abs=0.3)
            picture = sheet.render(scale=300 / 72 * (1 - 1e-6)).to_pil().convert("L")
            read += [(code.format.name, code.text) for code in zxingcpp.read_barcodes(picture, CODES)]
        tags = sorted(caption.split(",")[0] for caption in codes if "QR" not in caption)
        assert sorted(text for kind, text in read if kind == "Code128") == tags
        assert [kind for kind, _text in read].count("QRCode") == sum("QR" in caption for caption in codes)
        assert {"W12-0003, 3 dots = 0.25 mm", "QR, 3 dots = 0.25 mm", "QR, 4 dots = 0.34 mm"} <= set(codes)
        for dots in (1, 2, 3, 4):
            assert sum(caption.startswith(f"{dots} dot") for caption in captions) == 2

    check_all([label.name for label in built_in_formats().all()], check)
