"""The print page: its elements, escaping, unprintable labels and notices, on rolls and on sheets."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.settings import STATIC
from request_tracker_utils.labels.errors import TagNotEncodable, TagTooLong
from request_tracker_utils.labels.formats import LabelFormat
from request_tracker_utils.labels.installed_formats import built_in_formats
from request_tracker_utils.labels.print_page import AlternativeFormat, render_label, render_labels
from request_tracker_utils.labels.renderer import LabelContent
from request_tracker_utils.labels.stylesheet import css_string
from tests.services.label_pages import PAGE_OPTIONS, label_page
from tests.services.tables import check_all

LARGE, SMALL, SHEET = (built_in_formats().get(name) for name in ("large", "small", "avery-5160"))
LABEL = LabelContent(1, "W12-0001", "https://rt.example.org/Asset/Display.html?id=1", serial="ABC123456", model="Dell Chromebook 3100")


def page(*labels: LabelContent, label_format: LabelFormat = SMALL, **options: Any) -> str:
    return label_page(labels, label_format, **options)


def numbered(count: int) -> list[LabelContent]:
    return [LabelContent(number, f"W12-{number:04}", f"https://x.example.org/{number}") for number in range(1, count + 1)]


def texts(html: str, name: str) -> list[str]:
    return re.findall(rf'<div class="[^"]*\b{name}\b[^"]*">([^<]*)</div>', html)


def sheets(html: str) -> list[list[tuple[int, str]]]:
    """The used positions of each sheet, with their tags."""
    cells = r'<div class="label at-(\d+)">.*?asset-tag[^>]*>([^<]*)<'
    return [[(int(position), tag) for position, tag in re.findall(cells, sheet, re.S)] for sheet in html.split('<div class="sheet">')[1:]]


class TestLabel:
    def test_has_the_elements_of_the_contract(self) -> None:
        def check(label_format: LabelFormat) -> None:
            html = page(LABEL, label_format=label_format)
            assert html.count('<div class="label">') == 1
            assert texts(html, "asset-tag") == ["W12-0001"]
            assert texts(html, "serial") == ["ABC123456"]
            assert texts(html, "model") == ["Dell Chromebook 3100"]
            assert len(re.findall(r'<img [^>]*alt="QR Code" src="data:image/svg\+xml,', html)) == 1
            assert len(re.findall(r'<img [^>]*alt="Barcode" src="data:image/svg\+xml,', html)) == 1
            assert f"@page {{ size: {label_format.width:g}mm {label_format.height:g}mm; margin: 0; }}" in html

        check_all([SMALL, LARGE], check)

    def test_shows_the_values_of_its_asset(self) -> None:
        asset = Asset(5, " W12-0005 ", serial="S1", model="Chromebook 3100", manufacturer="Dell", fields={"Funding Source": "Title I"})
        content = LabelContent.from_asset(asset, "https://x.example.org/5")
        assert (content.tag, content.model) == ("W12-0005", "Dell Chromebook 3100")
        assert (content.text("Funding Source"), content.text("Nothing")) == ("Title I", "")
        assert LabelContent.from_asset(replace(asset, model="DELL Latitude"), "").model == "DELL Latitude"
        assert LabelContent.from_asset(replace(asset, model=""), "").model == "Dell"
        assert LabelContent.from_asset(replace(asset, manufacturer=""), "").model == "Chromebook 3100"

    def test_truncates_three_hundred_characters(self) -> None:
        html = page(replace(LABEL, model="Chromebook" * 30, serial="x" * 300))
        assert texts(html, "model")[0].endswith("…")
        assert len(texts(html, "serial")[0]) < 60

    def test_without_a_serial_number_has_no_prefix(self) -> None:
        html = page(replace(LABEL, serial=""))
        assert texts(html, "serial") == [""]
        assert ":not(:empty)::before" in html

    def test_without_a_tag_shows_the_id_and_no_barcode(self) -> None:
        notices: list[str] = []
        html = page(LabelContent(77, "", "https://x.example.org/77"), notices=notices)
        assert texts(html, "asset-tag") == ["#77"]
        assert 'alt="Barcode"' not in html
        assert notices == ["Asset #77 has no tag, so its label has no barcode."]
        assert notices[0] in html

    def test_that_cannot_be_printed_alone_is_an_error(self) -> None:
        def check(content: LabelContent, label_format: LabelFormat, error: type[Exception], message: str) -> None:
            with pytest.raises(error, match=message):
                render_label(content, label_format, notices=[], **PAGE_OPTIONS)

        check_all(
            [
                (replace(LABEL, tag="A" * 40), SMALL, TagTooLong, "too long for a barcode"),
                (replace(LABEL, tag="😀"), SMALL, TagNotEncodable, "cannot encode"),
                # Even without a barcode, a tag is never printed smaller than can be read.
                (replace(LABEL, tag="W" * 40), replace(SMALL, barcode=None), TagTooLong, "too long to be readable"),
            ],
            check,
        )
        assert 'class="label"' in "".join(render_label(LABEL, SMALL, notices=[], **PAGE_OPTIONS))


class TestPage:
    def test_loads_only_local_files_and_runs_only_scripts_with_the_nonce(self) -> None:
        html = page(LABEL, autoprint=True, back="/assets")
        assert not re.search(r"\sstyle=|\son\w+=", html)
        assert re.findall(r"<style[^>]*>", html) == ['<style nonce="n0nce">']
        assert re.findall(r"<script[^>]*>(.*?)</script>", html) == [""]
        assert all(address.startswith(("/", "data:")) for address in re.findall(r'(?:src|href)="([^"]*)"', html))
        assert "data-autoprint" in html
        assert "data-autoprint" not in page(LABEL)
        for file in re.findall(r'/static/([^")]+)', html):
            assert (STATIC / file).is_file()

    def test_escapes_all_entered_text(self) -> None:
        def check(text: str) -> None:
            content = replace(LABEL, model=text, serial=text, fields={"Funding Source": text})
            html = page(content, back=f"/assets?q={text}", title=text, notices=[text])
            assert "<script>alert" not in html
            assert "<b>" not in html
            assert "<img src=x" not in html
            assert html.count("</style>") == html.count("</script>") == 1

        check_all(['<script>alert("x")</script>', "</style><b>", "\"'><img src=x onerror=x>", "&amp;", "😀" * 300, "שלום עולם"], check)
        assert css_string('"; } </style>') == '"\\22 \\3b  \\7d  \\3c /style\\3e "'

    def test_has_a_class_for_every_font_size_in_use(self) -> None:
        labels = [
            replace(LABEL, model="M" * length, serial="S" * length, fields={"Funding Source": "F" * length}) for length in range(1, 60)
        ]
        html = page(*labels)
        used = set(re.findall(r"\bsize-\d+\b", html.split("</style>")[1]))
        assert len(used) > 5
        assert used <= set(re.findall(r"\.(size-\d+)", html))

    def test_reports_unprintable_labels_in_their_place_and_in_the_notices(self) -> None:
        notices = ["Given before."]
        html = page(LABEL, replace(LABEL, asset_id=2, tag="A" * 40), replace(LABEL, asset_id=3, tag="W12-😀"), notices=notices)
        assert re.findall(r'class="(label|not-printed screen)"', html) == ["label", "not-printed screen", "not-printed screen"]
        assert "1 label, 2 not printed" in html
        assert notices[1].startswith("The label of asset #2 was not printed. The tag “AAAA")
        assert notices[2].startswith("The label of asset #3 was not printed. The tag “W12-😀” contains")
        assert all(notice in unescape(html) for notice in notices)

    def test_is_sent_as_the_labels_arrive_and_shows_later_notices(self) -> None:
        notices: list[str] = []
        consumed = []

        def labels() -> Iterator[LabelContent]:
            for number in range(200):
                consumed.append(number)
                yield replace(LABEL, asset_id=number)
            notices.append("Asset 999 was not found.")

        chunks = render_labels(labels(), SMALL, notices=notices, **PAGE_OPTIONS)
        assert "<html" in next(chunks)
        assert len(consumed) < 50
        assert "Asset 999 was not found." in "".join(chunks)

    def test_without_labels_says_so_and_cannot_be_printed(self) -> None:
        html = page()
        assert "No labels to print." in html
        assert "disabled" in html

    def test_rejects_invalid_copies_and_skips_before_anything_is_sent(self) -> None:
        def check(label: LabelFormat, options: dict[str, int], field: str) -> None:
            with pytest.raises(Invalid) as error:
                render_labels(numbered(1), label, notices=[], **PAGE_OPTIONS, **options)
            assert error.value.fields["field"] == field

        check_all(
            [(SMALL, {"skip": 1}, "skip"), (SHEET, {"skip": 30}, "skip"), (SHEET, {"skip": -1}, "skip"), (SHEET, {"copies": 0}, "copies")],
            check,
        )

    def test_has_a_label_for_each_copy(self) -> None:
        html = page(*numbered(2), copies=3)
        assert html.count('<div class="label">') == 6
        assert "6 labels" in html


class TestSheets:
    def test_have_the_grid_of_their_stock_centered_on_the_page(self) -> None:
        def check(name: str, size: tuple[float, float], sheet: tuple[float, float], grid: tuple[int, int]) -> None:
            label = built_in_formats().get(name)
            assert ((label.width, label.height), label.page, (label.sheet.columns, label.sheet.rows)) == (size, sheet, grid)
            right, bottom = label.sheet.corner(label.sheet.label_count - 1)
            assert sheet[0] - (right + size[0]) == pytest.approx(label.sheet.left, abs=0.02)
            assert sheet[1] - (bottom + size[1]) == pytest.approx(label.sheet.top, abs=0.02)

        check_all(
            [
                ("avery-5160", (66.675, 25.4), (215.9, 279.4), (3, 10)),
                ("avery-5163", (101.6, 50.8), (215.9, 279.4), (2, 5)),
                ("avery-l7160", (63.5, 38.1), (210, 297), (3, 7)),
            ],
            check,
        )

    def test_are_filled_in_order_and_continue_on_the_next_sheet(self) -> None:
        def check(label: LabelFormat) -> None:
            count = label.sheet.label_count
            first, second = sheets(page(*numbered(count + 1), label_format=label))
            assert first == [(position, f"W12-{position + 1:04}") for position in range(count)]
            assert second == [(0, f"W12-{count + 1:04}")]

        check_all([label for label in built_in_formats().all() if label.sheet], check)
        html = page(*numbered(30), label_format=SHEET)
        assert len(sheets(html)) == 1
        assert html.count("<div") == html.count("</div>")

    def test_skip_used_positions_of_the_first_sheet(self) -> None:
        first, second = sheets(page(*numbered(5), label_format=SHEET, skip=27))
        assert first == [(27, "W12-0001"), (28, "W12-0002"), (29, "W12-0003")]
        assert second == [(0, "W12-0004"), (1, "W12-0005")]

    def test_place_copies_next_to_each_other(self) -> None:
        first, second = sheets(page(*numbered(2), label_format=SHEET, skip=26, copies=3))
        assert [tag for _position, tag in first] == ["W12-0001"] * 3 + ["W12-0002"]
        assert second == [(0, "W12-0002"), (1, "W12-0002")]

    def test_report_unprintable_labels_below_with_the_formats_that_fit(self) -> None:
        notices: list[str] = []
        contents = numbered(3)
        contents[1] = LabelContent(2, "Projector cart 4, front", "https://x.example.org/2")

        def alternatives(content: LabelContent) -> list[AlternativeFormat]:
            return [AlternativeFormat("Large", f"/print?asset_id={content.asset_id}&size=large")]

        html = page(*contents, label_format=SHEET, notices=notices, alternatives=alternatives)
        assert sheets(html) == [[(0, "W12-0001"), (1, "W12-0003")]]
        below = html.partition("W12-0003")[2]
        assert "The label of asset #2 was not printed. The tag “Projector cart 4, front” is too long" in below
        assert '<a href="/print?asset_id=2&amp;size=large">Large</a>' in below
        assert notices[0].endswith("It fits these formats: Large.")
