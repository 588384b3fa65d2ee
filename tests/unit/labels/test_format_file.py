"""A site's file of formats: read strictly, and wrong in one list or not at all."""

from pathlib import Path

import pytest
from PIL import Image

from request_tracker_utils.core.resources import STATIC
from request_tracker_utils.labels.fonts import font_of
from request_tracker_utils.labels.format_file import BUILT_IN, FormatsInvalid, read_formats
from request_tracker_utils.labels.text import fit, width

CART = """\
[formats.cart]
title = "Carts"
width = 60
height = 40
left = 2
top = 2
right = 2
bottom = 2
qr = { x = 2, y = 2, size = 20 }
barcode = { x = 2, y = 24, width = 56, height = 8 }
texts = [
  { field = "tag", x = 24, y = 2, width = 34, height = 8, min_size = 8, max_size = 18, bold = true },
  { field = "Room", x = 24, y = 12, width = 34, height = 5, min_size = 6, max_size = 10 },
]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "formats.toml"


def problems(file: Path, text: str) -> list[str]:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(FormatsInvalid) as refusal:
        read_formats(file)
    assert all(problem.startswith(f"{file}: ") for problem in refusal.value.problems)
    return [problem.removeprefix(f"{file}: ") for problem in refusal.value.problems]


def test_a_format_is_what_the_file_says(file: Path) -> None:
    file.write_text(CART, encoding="utf-8")
    cart = read_formats(file)["cart"]
    assert (cart.name, cart.title, cart.width, cart.dpi, cart.sheet, cart.logo) == ("cart", "Carts", 60, 300, None, None)
    assert [(text.field, text.bold, text.align) for text in cart.texts] == [("tag", True, "left"), ("Room", False, "left")]
    assert (cart.qr.size, cart.qr.min_dots, cart.barcode.max_dots) == (20, 3, 5)


def test_the_file_that_comes_with_the_program_explains_every_key() -> None:
    explained, _, formats = BUILT_IN.read_text(encoding="utf-8").partition("\n[formats.")
    for key in ("width", "sheet", "across", "min_dots", "logo", "bold_font", "prefix", "align", "catalogs", "types", "dpi"):
        assert key in explained
    assert "formats" not in formats.partition("title")[0]


@pytest.mark.parametrize(
    ("was", "becomes", "problem"),
    [
        ("width = 60", "width = -60", "formats.cart.width: must be more than 0 mm and at most 1000"),
        ("width = 60", "width = nan", "formats.cart.width: must be a number, not nan or inf"),
        ("height = 40", "height = inf", "formats.cart.height: must be a number, not nan or inf"),
        ("width = 60", 'width = "60"', "formats.cart.width: must be a number"),
        ("width = 60", "width = true", "formats.cart.width: must be a number"),
        ("width = 60", "width = 1979-05-27", "formats.cart.width: must be a number"),
        ("width = 60\n", "", "formats.cart.width: is missing"),
        ("left = 2", "left = -2", "formats.cart.left: a margin cannot be negative"),
        ("width = 60", "dpi = 0\nwidth = 60", "formats.cart.dpi: 0 is too coarse for codes; 203, 300 and 600 are usual"),
        ("width = 60", "dpi = 300.5\nwidth = 60", "formats.cart.dpi: must be a whole number"),
        ("width = 60", "colour = 1\nwidth = 60", "formats.cart.colour: there is no such key"),
        ("x = 24, y = 12", "y = 12", "formats.cart.texts[1].x: is missing"),
        ("x = 24, y = 12", 'x = "24", y = 12', "formats.cart.texts[1].x: must be a number"),
        ("x = 24, y = 12", "x = 24, y = 12, size = 3", "formats.cart.texts[1].size: there is no such key"),
        ("x = 24, y = 12", "x = 24, y = 8", "formats.cart.texts[1]: overlaps texts[0]"),
        ("x = 2, y = 24, width = 56", "x = 2, y = 20, width = 56", "formats.cart.barcode: overlaps qr"),
        ("height = 8 }\n", "height = 5 }\n", "formats.cart.barcode.height: must be at least 6.35 mm, not 5"),
        ("size = 20 }", "size = 20, min_dots = 2 }", "formats.cart.qr.min_dots: must be a whole number of dots, at least 3, not 2"),
        ("size = 20 }", "size = -20 }", "formats.cart.qr: width and height must be more than 0 mm"),
        ("qr = { x = 2, y = 2, size = 20 }", "qr = 3", "formats.cart.qr: must be a table"),
        ("bold = true", 'bold = "yes"', "formats.cart.texts[0].bold: must be true or false"),
        (
            "width = 60",
            'font = "nothing.ttf"\nwidth = 60',
            "formats.cart.font: {folder}/nothing.ttf cannot be used: No such file or directory",
        ),
        ("width = 60", 'font = "formats.toml"\nwidth = 60', "formats.cart.font: {folder}/formats.toml is no TrueType or OpenType font"),
        ("width = 60", 'bold_font = "x.ttf"\nwidth = 60', "formats.cart.bold_font: goes with a font of your own; name its file under font"),
        (
            "width = 60",
            'logo = { file = "no.png", x = 24, y = 18, width = 9, height = 5 }\nwidth = 60',
            "formats.cart.logo.file: {folder}/no.png cannot be read: No such file or directory",
        ),
        (
            "width = 60",
            'logo = { file = "formats.toml", x = 24, y = 18, width = 9, height = 5 }\nwidth = 60',
            "formats.cart.logo.file: {folder}/formats.toml is no PNG, JPEG or SVG picture",
        ),
        ("[formats.cart]", '[formats."../x y"]', "formats.../x y: a name is letters, digits, dots, dashes and underscores, 60 at most"),
    ],
)
def test_what_is_wrong_is_told_with_its_key_and_the_reason(file: Path, was: str, becomes: str, problem: str) -> None:
    assert was in CART
    assert problem.format(folder=file.parent) in problems(file, CART.replace(was, becomes, 1))


SHEET = "sheet = {{ width = {width}, height = 297, columns = {columns}, rows = {rows}, left = 5, top = 5, across = {across}, down = 40 }}"


@pytest.mark.parametrize(
    ("numbers", "problem"),
    [
        ({}, None),
        ({"columns": 4}, "formats.cart.sheet.columns: the labels end 245 mm from the left, and the sheet is 210 mm wide"),
        ({"rows": 8}, "formats.cart.sheet.rows: the labels end 325 mm from the top, and the sheet is 297 mm high"),
        ({"rows": 0}, "formats.cart.sheet.columns, sheet.rows: must be at least 1, and together make no more than 500 labels"),
        ({"rows": 10**9}, "formats.cart.sheet.columns, sheet.rows: must be at least 1, and together make no more than 500 labels"),
        ({"columns": 2.5}, "formats.cart.sheet.columns: must be a whole number"),
        ({"across": 50}, "formats.cart.sheet.across: 50 mm from one label to the next is less than a label's 60 mm; the labels overlap"),
        ({"width": 0}, "formats.cart.sheet.width: must be more than 0 mm and at most 1000"),
        ({"width": "inf"}, "formats.cart.sheet.width: must be a number, not nan or inf"),
    ],
)
def test_the_grid_of_a_sheet_lies_on_the_sheet(file: Path, numbers: dict[str, object], problem: str | None) -> None:
    sheet = SHEET.format(**{"width": 210, "columns": 3, "rows": 7, "across": 60, **numbers})
    text = CART.replace("width = 60", f"{sheet}\nwidth = 60", 1)
    if problem:
        assert problem in problems(file, text)
    else:
        file.write_text(text, encoding="utf-8")
        assert read_formats(file)["cart"].sheet.places == 21


def test_everything_that_is_wrong_is_told_at_once(file: Path) -> None:
    second = CART.replace("formats.cart", "formats.box").replace("size = 20", "size = 200")
    found = problems(file, CART.replace("width = 60", "width = nan\nsize = 3", 1) + second)
    assert len(found) >= 3
    assert {problem.split(":")[0] for problem in found} >= {"formats.cart.width", "formats.cart.size", "formats.box.qr"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (CART + CART, "is not TOML: Cannot declare ('formats', 'cart') twice"),
        ("[formats.cart\n", "is not TOML: "),
        ("", "formats: holds no format, such as [formats.cart]"),
        ("formats = 3", "formats: holds no format, such as [formats.cart]"),
        ("[format.cart]", "format: there is no such key"),
        ("[formats]\ncart = 3", "formats.cart: must be a table"),
        ("a = " + "[" * 100_000, "is not TOML: "),
    ],
)
def test_a_file_that_holds_no_formats_says_so(file: Path, text: str, problem: str) -> None:
    assert problems(file, text)[0].startswith(problem)


def test_a_file_that_is_not_there_or_not_text_says_so(file: Path) -> None:
    with pytest.raises(FormatsInvalid, match=r"cannot be read: .*No such file"):
        read_formats(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatsInvalid, match=r"cannot be read: .*utf-8"):
        read_formats(file)


@pytest.mark.parametrize(("key", "value"), [("catalogs", "Chromebooks"), ("types", "Cable")])
def test_a_catalog_or_type_belongs_to_one_format(file: Path, key: str, value: str) -> None:
    claiming = CART.replace("width = 60", f'{key} = ["Other {key}", "{value}"]\nwidth = 60', 1)
    second = claiming.replace("formats.cart", "formats.box").replace(value, value.upper()).replace(f"Other {key}", "Third")
    assert problems(file, claiming + second) == [f"formats.box.{key}: “{value.upper()}” is claimed by formats.cart already"]


@pytest.mark.parametrize("kind", ["png", "jpeg", "svg"])
def test_a_logo_may_be_a_png_a_jpeg_or_an_svg(file: Path, kind: str) -> None:
    picture = file.parent / f"logo.{kind}"
    if kind == "svg":
        picture.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><rect width="4" height="4"/></svg>')
    else:
        Image.new("RGB", (8, 4), "black").save(picture, kind)
    logo = f'logo = {{ file = "logo.{kind}", x = 24, y = 18, width = 9, height = 5 }}'
    file.write_text(CART.replace("width = 60", f"{logo}\nwidth = 60", 1), encoding="utf-8")
    assert read_formats(file)["cart"].logo.file == str(picture)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\nbroken", b"<html/>", b"<svg/>", b"", b"<!DOCTYPE x [" + b"<!ENTITY a 'a'>" * 9])
def test_a_picture_that_is_broken_is_refused(file: Path, content: bytes) -> None:
    (file.parent / "logo.png").write_bytes(content)
    logo = 'logo = { file = "logo.png", x = 24, y = 18, width = 9, height = 5 }'
    assert "is no PNG, JPEG or SVG picture" in problems(file, CART.replace("width = 60", f"{logo}\nwidth = 60", 1))[0]


def test_a_font_of_the_site_is_measured(file: Path) -> None:
    (file.parent / "own.ttf").write_bytes((STATIC / "fonts/DejaVuSansCondensed.ttf").read_bytes())
    file.write_text(CART.replace("width = 60", 'font = "own.ttf"\nwidth = 60', 1), encoding="utf-8")
    cart = read_formats(file)["cart"]
    tag, font = cart.texts[0], font_of(cart)
    assert width("W12-0001", 10, bold=True, font=font) == width("W12-0001", 10, bold=False) < width("W12-0001", 10, bold=True)
    assert fit("W" * 10, tag, font=font).size > fit("W" * 10, tag).size
