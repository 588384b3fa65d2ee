"""Labels of assets that a real Request Tracker holds: printed by Chromium from the running program, rasterised, and read back."""

import re

import pypdfium2 as pdfium
import pytest
import zxingcpp
from playwright.sync_api import Browser

from request_tracker_utils.integrations.rt.session import SIGN_IN_PAGE
from request_tracker_utils.labels.installed_formats import built_in_formats
from tests.functional.path.conftest import Install
from tests.services.apps import PASSWORD
from tests.services.installation import Installation, Surroundings
from tests.services.local_server import Call
from tests.services.proxy import Proxy
from tests.services.request_tracker import RequestTracker
from tests.services.tables import check_all

pytestmark = [pytest.mark.rt, pytest.mark.chromium]

COUNT = 100
ON_A_PAGE = 50
PREFIX = "L9-"
CODES = [zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128]


@pytest.fixture(scope="module")
def tagged(rt: RequestTracker) -> list[int]:
    """A hundred assets that have their tags when the installation starts."""
    return list(rt.fill(COUNT, PREFIX))


@pytest.fixture(scope="module")
def installation(tagged: list[int], install_for_module: Install, kind: str, own_line: Proxy) -> Installation:
    """Without jobs of its own: Request Tracker is asked for the labels alone."""
    made = install_for_module(kind, adopted=False, prefix=PREFIX, scheduler="false", rt_url=own_line.url)
    made.run_job("adopt-tags")
    return made


def calls_for_data(line: Proxy) -> list[Call]:
    """Each process also gets a web session now and then, at the first call or when the last one is old."""
    return [call for call in line.calls if call.path != f"/{SIGN_IN_PAGE}"]


@pytest.fixture
def assets(tagged: list[int], own_line: Proxy) -> list[int]:
    own_line.calls.clear()
    return tagged


@pytest.mark.parametrize("size", ["large", "small"])
def test_every_code_of_a_hundred_labels_reads_as_request_tracker_has_it(
    installation: Installation, surroundings: Surroundings, own_line: Proxy, assets: list[int], browser: Browser, size: str
) -> None:
    rt, label, url = surroundings.rt, built_in_formats().get(size), installation.server.url
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}/sign-in?next=/assets")
    page.get_by_label("Name").fill(installation.name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/assets")
    page.get_by_label("All on this page").check()
    assert page.locator("input[name=asset_ids]:checked").count() == ON_A_PAGE
    # The page shows fifty; the others go into the same form.
    page.evaluate(
        """ids => {
            const form = document.getElementById('labels');
            for (const box of document.querySelectorAll('input[name=asset_ids]')) box.checked = ids.includes(Number(box.value));
            const ticked = new Set([...document.querySelectorAll('input[name=asset_ids]:checked')].map(box => Number(box.value)));
            for (const id of ids) if (!ticked.has(id)) {
                const field = document.createElement('input');
                field.type = 'hidden'; field.name = 'asset_ids'; field.value = id;
                form.append(field);
            }
        }""",
        assets,
    )
    page.get_by_label("Label size").select_option(size)
    own_line.calls.clear()
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Print labels").click()
    labels = opened.value
    labels.wait_for_load_state("load")
    assert [call.path.partition("?")[0] for call in calls_for_data(own_line)] == ["/REST/2.0/assets"]
    labels.evaluate("document.fonts.ready.then(() => undefined)")
    pdf = pdfium.PdfDocument(labels.pdf(prefer_css_page_size=True))
    context.close()

    assert len(pdf) == COUNT
    names, read = rt.all_assets(), {}
    for sheet in pdf:
        assert [points * 25.4 / 72 for points in sheet.get_size()] == pytest.approx([label.width, label.height], abs=0.3)
        picture = sheet.render(scale=300 / 72 * (1 - 1e-6)).to_pil().convert("L")
        codes = {code.format.name: code.text for code in zxingcpp.read_barcodes(picture, CODES)}
        read[codes["QRCode"]] = codes["Code128"]
    pdf.close()
    # Where Request Tracker is for the program (RT_URL) is the proxy before it.
    assert read == {f"{own_line.url}/Asset/Display.html?id={asset_id}": names[asset_id] for asset_id in assets}
    assert all(name.startswith(installation.prefix) for name in read.values())
    address, name = next(iter(read.items()))
    shown = rt.signed_in().get(address.replace(own_line.url, rt.url), timeout=60)
    assert shown.status_code == 200
    assert name in shown.text
    assert all(row.printed_at for row in installation.rows() if row.asset_id in assets)


def test_a_program_prints_by_token_with_one_request_for_a_hundred(
    installation: Installation, surroundings: Surroundings, own_line: Proxy, assets: list[int]
) -> None:
    names = surroundings.rt.all_assets()
    check_all(["large", "small"], lambda size: _check_print_by_token(installation, own_line, assets, names, size))


def _check_print_by_token(installation: Installation, own_line: Proxy, assets: list[int], names: dict[int, str], size: str) -> None:
    own_line.calls.clear()
    answer = installation.call("POST", "/labels/batch", json={"asset_ids": assets, "size": size})
    assert answer.status_code == 200
    assert answer.text.count('class="label"') == COUNT
    assert len(calls_for_data(own_line)) == 1
    seeds = range(1, 6)
    more = installation.call("POST", "/labels/batch", json={"asset_ids": [*assets, *seeds], "size": size})
    # Seeds that other tests have not tagged are called "unlabelled laptop 1" and so on: too long for a bar code on the small label.
    left_out = 0 if size == "large" else sum(names[seed].startswith("unlabelled") for seed in seeds)
    assert (more.text.count('class="label"'), more.text.count("<li>The label of asset #")) == (COUNT + 5 - left_out, left_out)
    assert len(calls_for_data(own_line)) == 3


def test_assets_that_do_not_exist_are_named_and_the_others_print(installation: Installation, assets: list[int]) -> None:
    answer = installation.call("POST", "/labels/batch", json={"asset_ids": [*assets[:98], 990_001, 990_002]})
    assert answer.status_code == 200
    assert answer.text.count('class="label"') == 98
    (notice,) = re.findall(r"<li>([^<]* not found[^<]*)</li>", answer.text)
    assert notice == "2 assets were not found: 990001, 990002."
    none = installation.call("POST", "/labels/batch", json={"asset_ids": [990_001]})
    assert (none.status_code, none.json()["code"]) == (404, "asset_not_found")
    unknown = installation.call("GET", "/labels/print?assetId=990001")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "Asset not found")
