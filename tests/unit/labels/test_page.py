"""The print page: what it holds, what it escapes, what it leaves out and says so."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.resources import STATIC, TEMPLATES
from request_tracker_utils.labels.barcodes import TagNotEncodable, TagTooLong
from request_tracker_utils.labels.catalogue import built_in
from request_tracker_utils.labels.formats import LabelFormat
from request_tracker_utils.labels.page import LabelContent, render_label, render_labels
from request_tracker_utils.labels.style import css_string

LARGE, SMALL = built_in().named("large"), built_in().named("small")
ENVIRONMENT = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
PAGE: dict[str, Any] = {"templates": ENVIRONMENT, "static": lambda file: f"/static/{file}", "nonce": "n0nce"}
LABEL = LabelContent(1, "W12-0001", "https://rt.example.org/Asset/Display.html?id=1", serial="ABC123456", model="Dell Chromebook 3100")


def page(*labels: LabelContent, label_format: LabelFormat = SMALL, notices: list[str] | None = None, **options: Any) -> str:
    return "".join(render_labels(labels, label_format, notices=[] if notices is None else notices, **PAGE, **options))


def texts(html: str, name: str) -> list[str]:
    return re.findall(rf'<div class="[^"]*\b{name}\b[^"]*">([^<]*)</div>', html)


@pytest.mark.parametrize("label_format", [SMALL, LARGE])
def test_a_label_has_the_elements_that_it_always_had(label_format: LabelFormat) -> None:
    html = page(LABEL, label_format=label_format)
    assert html.count('<div class="label">') == 1
    assert texts(html, "asset-tag") == ["W12-0001"]
    assert texts(html, "serial") == ["ABC123456"]
    assert texts(html, "model") == ["Dell Chromebook 3100"]
    assert len(re.findall(r'<img [^>]*alt="QR Code" src="data:image/svg\+xml,', html)) == 1
    assert len(re.findall(r'<img [^>]*alt="Barcode" src="data:image/svg\+xml,', html)) == 1
    assert f"@page {{ size: {label_format.width:g}mm {label_format.height:g}mm; margin: 0; }}" in html


def test_nothing_is_styled_or_run_but_by_the_nonce_and_nothing_comes_from_elsewhere() -> None:
    html = page(LABEL, autoprint=True, back="/assets")
    assert not re.search(r"\sstyle=|\son\w+=", html)
    assert re.findall(r"<style[^>]*>", html) == ['<style nonce="n0nce">']
    assert re.findall(r"<script[^>]*>(.*?)</script>", html) == [""]
    assert all(address.startswith(("/", "data:")) for address in re.findall(r'(?:src|href)="([^"]*)"', html))
    assert "data-autoprint" in html
    assert "data-autoprint" not in page(LABEL)
    for file in re.findall(r'/static/([^")]+)', html):
        assert (STATIC / file).is_file()


def test_every_size_that_a_text_may_take_is_a_class_of_the_page() -> None:
    labels = [replace(LABEL, model="M" * length, serial="S" * length, fields={"Funding Source": "F" * length}) for length in range(1, 60)]
    html = page(*labels)
    used = set(re.findall(r"\bsize-\d+\b", html.split("</style>")[1]))
    assert len(used) > 5
    assert used <= set(re.findall(r"\.(size-\d+)", html))


@pytest.mark.parametrize(
    "text", ['<script>alert("x")</script>', "</style><b>", "\"'><img src=x onerror=x>", "&amp;", "😀" * 300, "שלום עולם"]
)
def test_what_people_typed_stays_text(text: str) -> None:
    html = page(
        replace(LABEL, model=text, serial=text, fields={"Funding Source": text}), back=f"/assets?q={text}", title=text, notices=[text]
    )
    assert "<script>alert" not in html
    assert "<b>" not in html
    assert "<img src=x" not in html
    assert html.count("</style>") == html.count("</script>") == 1


def test_three_hundred_characters_are_cut() -> None:
    html = page(replace(LABEL, model="Chromebook" * 30, serial="x" * 300))
    assert texts(html, "model")[0].endswith("…")
    assert len(texts(html, "serial")[0]) < 60


def test_without_a_serial_nothing_stands_before_it() -> None:
    html = page(replace(LABEL, serial=""))
    assert texts(html, "serial") == [""]
    assert ":not(:empty)::before" in html


def test_without_a_tag_the_number_stands_in_its_place_and_no_bar_code() -> None:
    notices: list[str] = []
    html = page(LabelContent(77, "", "https://x.example.org/77"), notices=notices)
    assert texts(html, "asset-tag") == ["#77"]
    assert 'alt="Barcode"' not in html
    assert notices == ["Asset #77 has no tag; its label has no bar code."]
    assert notices[0] in html


def test_in_a_batch_a_tag_too_long_is_left_out_and_said() -> None:
    notices = ["Given before."]
    html = page(LABEL, replace(LABEL, asset_id=2, tag="A" * 40), replace(LABEL, asset_id=3, tag="W12-😀"), notices=notices)
    assert html.count('<div class="label">') == 1
    assert "1 label, 2 left out" in html
    assert notices[1].startswith("Not printed: asset #2. The tag “AAAA")
    assert notices[2].startswith("Not printed: asset #3. The tag “W12-😀” holds")
    assert all(notice in unescape(html) for notice in notices)


def test_a_single_label_that_cannot_be_printed_is_an_error_at_once() -> None:
    with pytest.raises(TagTooLong):
        render_label(replace(LABEL, tag="A" * 40), SMALL, notices=[], **PAGE)
    with pytest.raises(TagNotEncodable):
        render_label(replace(LABEL, tag="😀"), SMALL, notices=[], **PAGE)
    assert 'class="label"' in "".join(render_label(LABEL, SMALL, notices=[], **PAGE))


def test_a_tag_is_never_printed_smaller_than_can_be_read_even_without_a_bar_code() -> None:
    with pytest.raises(TagTooLong, match="too long to be read"):
        render_label(replace(LABEL, tag="W" * 40), replace(SMALL, barcode=None), notices=[], **PAGE)


def test_labels_are_handed_out_as_they_come_and_late_notices_are_shown() -> None:
    notices: list[str] = []
    taken = []

    def labels() -> Iterator[LabelContent]:
        for number in range(200):
            taken.append(number)
            yield replace(LABEL, asset_id=number)
        notices.append("Asset 999 is not there.")

    pieces = render_labels(labels(), SMALL, notices=notices, **PAGE)
    first = next(pieces)
    assert "<html" in first
    assert len(taken) < 50
    assert "Asset 999 is not there." in "".join(pieces)


def test_no_label_at_all_is_said() -> None:
    html = page()
    assert "There is no label to print." in html
    assert "disabled" in html


def test_an_asset_becomes_what_its_label_says() -> None:
    asset = Asset(5, " W12-0005 ", serial="S1", model="Chromebook 3100", manufacturer="Dell", fields={"Funding Source": "Title I"})
    content = LabelContent.from_asset(asset, "https://x.example.org/5")
    assert (content.tag, content.model, content.text("Funding Source"), content.text("Nothing")) == (
        "W12-0005",
        "Dell Chromebook 3100",
        "Title I",
        "",
    )
    assert LabelContent.from_asset(replace(asset, model="DELL Latitude"), "").model == "DELL Latitude"
    assert LabelContent.from_asset(replace(asset, model=""), "").model == "Dell"
    assert LabelContent.from_asset(replace(asset, manufacturer=""), "").model == "Chromebook 3100"


def test_a_prefix_cannot_leave_its_string() -> None:
    assert css_string('"; } </style>') == '"\\22 \\3b  \\7d  \\3c /style\\3e "'
