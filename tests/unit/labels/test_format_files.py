"""Format files are read strictly, and all problems of a file are reported together."""

from pathlib import Path

import pytest
from PIL import Image

from request_tracker_utils.core.settings import STATIC
from request_tracker_utils.labels.installed_formats import BUILT_IN_FILE, InvalidFormatFile, read_formats
from request_tracker_utils.labels.typography import fit_text, font_for, text_width
from tests.services.tables import check_all

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
    with pytest.raises(InvalidFormatFile) as error:
        read_formats(file)
    assert all(problem.startswith(f"{file}: ") for problem in error.value.problems)
    return [problem.removeprefix(f"{file}: ") for problem in error.value.problems]


def test_a_format_has_the_values_of_the_file(file: Path) -> None:
    file.write_text(CART, encoding="utf-8")
    cart = read_formats(file)["cart"]
    assert (cart.name, cart.title, cart.width, cart.dpi, cart.sheet, cart.logo) == ("cart", "Carts", 60, 300, None, None)
    assert [(text.field, text.bold, text.align) for text in cart.texts] == [("tag", True, "left"), ("Room", False, "left")]
    assert (cart.qr.size, cart.qr.min_dots, cart.barcode.max_dots) == (20, 3, 5)


def test_the_built_in_file_documents_every_key() -> None:
    documentation, _, formats = BUILT_IN_FILE.read_text(encoding="utf-8").partition("\n[formats.")
    for key in ("width", "sheet", "across", "min_dots", "logo", "bold_font", "prefix", "align", "catalogs", "types", "dpi"):
        assert key in documentation
    assert "formats" not in formats.partition("title")[0]


def test_a_problem_names_its_key_and_the_reason(file: Path) -> None:
    def check(old: str, new: str, problem: str) -> None:
        assert old in CART
        found = problems(file, CART.replace(old, new, 1))
        assert problem.format(folder=file.parent) in found, found

    logo = 'logo = {{ file = "{}", x = 24, y = 18, width = 9, height = 5 }}\nwidth = 60'
    check_all(
        [
            ("width = 60", "width = -60", "formats.cart.width: must be more than 0 mm and at most 1000 mm"),
            ("width = 60", "width = nan", "formats.cart.width: must be a finite number"),
            ("height = 40", "height = inf", "formats.cart.height: must be a finite number"),
            ("width = 60", 'width = "60"', "formats.cart.width: must be a number"),
            ("width = 60", "width = true", "formats.cart.width: must be a number"),
            ("width = 60", "width = 1979-05-27", "formats.cart.width: must be a number"),
            ("width = 60\n", "", "formats.cart.width: is missing"),
            ("left = 2", "left = -2", "formats.cart.left: a margin cannot be negative"),
            ("width = 60", "dpi = 0\nwidth = 60", "formats.cart.dpi: 0 is too coarse for codes; common values are 203, 300 and 600"),
            ("width = 60", "dpi = 300.5\nwidth = 60", "formats.cart.dpi: must be a whole number"),
            ("width = 60", "colour = 1\nwidth = 60", "formats.cart.colour: is not a known key"),
            ("x = 24, y = 12", "y = 12", "formats.cart.texts[1].x: is missing"),
            ("x = 24, y = 12", 'x = "24", y = 12', "formats.cart.texts[1].x: must be a number"),
            ("x = 24, y = 12", "x = 24, y = 12, size = 3", "formats.cart.texts[1].size: is not a known key"),
            ("x = 24, y = 12", "x = 24, y = 8", "formats.cart.texts[1]: overlaps texts[0]"),
            ("x = 2, y = 24, width = 56", "x = 2, y = 20, width = 56", "formats.cart.barcode: overlaps qr"),
            ("height = 8 }\n", "height = 5 }\n", "formats.cart.barcode.height: must be at least 6.35 mm, not 5 mm"),
            ("size = 20 }", "size = 20, min_dots = 2 }", "formats.cart.qr.min_dots: must be a whole number of dots, at least 3, not 2"),
            ("size = 20 }", "size = -20 }", "formats.cart.qr: width and height must be more than 0 mm"),
            ("qr = { x = 2, y = 2, size = 20 }", "qr = 3", "formats.cart.qr: must be a table"),
            ("bold = true", 'bold = "yes"', "formats.cart.texts[0].bold: must be true or false"),
            (
                "width = 60",
                'font = "nothing.ttf"\nwidth = 60',
                "formats.cart.font: {folder}/nothing.ttf cannot be used: No such file or directory",
            ),
            (
                "width = 60",
                'font = "formats.toml"\nwidth = 60',
                "formats.cart.font: {folder}/formats.toml is not a TrueType or OpenType font",
            ),
            (
                "width = 60",
                'bold_font = "x.ttf"\nwidth = 60',
                "formats.cart.bold_font: requires a font file of your own; set font to its regular file",
            ),
            (
                "width = 60",
                logo.format("no.png"),
                "formats.cart.logo.file: {folder}/no.png cannot be read: No such file or directory",
            ),
            (
                "width = 60",
                logo.format("formats.toml"),
                "formats.cart.logo.file: {folder}/formats.toml is not a PNG, JPEG or SVG image",
            ),
            (
                "[formats.cart]",
                '[formats."../x y"]',
                "formats.../x y: a name may contain letters, digits, dots, hyphens and underscores, 60 at most",
            ),
        ],
        check,
    )


def test_the_grid_of_a_sheet_must_fit_the_sheet(file: Path) -> None:
    sheet = (
        "sheet = {{ width = {width}, height = 297, columns = {columns}, rows = {rows}, left = 5, top = 5, across = {across}, down = 40 }}"
    )

    def text(**numbers: object) -> str:
        return CART.replace(
            "width = 60", sheet.format(**{"width": 210, "columns": 3, "rows": 7, "across": 60, **numbers}) + "\nwidth = 60", 1
        )

    def check(numbers: dict[str, object], problem: str) -> None:
        found = problems(file, text(**numbers))
        assert f"formats.cart.sheet.{problem}" in found, found

    check_all(
        [
            ({"columns": 4}, "columns: the labels end at 245 mm, but the sheet is 210 mm wide"),
            ({"rows": 8}, "rows: the labels end at 325 mm, but the sheet is 297 mm high"),
            ({"rows": 0}, "columns, sheet.rows: must be at least 1, and at most 500 labels in total"),
            ({"rows": 10**9}, "columns, sheet.rows: must be at least 1, and at most 500 labels in total"),
            ({"columns": 2.5}, "columns: must be a whole number"),
            ({"across": 50}, "across: labels overlap, because the pitch of 50 mm is less than the label's 60 mm"),
            ({"width": 0}, "width: must be more than 0 mm and at most 1000 mm"),
            ({"width": "inf"}, "width: must be a finite number"),
        ],
        check,
    )
    file.write_text(text(), encoding="utf-8")
    assert read_formats(file)["cart"].sheet.label_count == 21


def test_all_problems_are_reported_together(file: Path) -> None:
    second = CART.replace("formats.cart", "formats.box").replace("size = 20", "size = 200")
    found = problems(file, CART.replace("width = 60", "width = nan\nsize = 3", 1) + second)
    assert len(found) >= 3
    assert {problem.split(":")[0] for problem in found} >= {"formats.cart.width", "formats.cart.size", "formats.box.qr"}


def test_a_file_without_formats_is_rejected(file: Path) -> None:
    def check(text: str, problem: str) -> None:
        assert problems(file, text)[0].startswith(problem)

    with pytest.raises(InvalidFormatFile, match=r"cannot be read: .*No such file"):
        read_formats(file)
    check_all(
        [
            (CART + CART, "is not valid TOML: Cannot declare ('formats', 'cart') twice"),
            ("[formats.cart\n", "is not valid TOML: "),
            ("", "formats: contains no format, such as [formats.cart]"),
            ("formats = 3", "formats: contains no format, such as [formats.cart]"),
            ("[format.cart]", "format: is not a known key"),
            ("[formats]\ncart = 3", "formats.cart: must be a table"),
            ("a = " + "[" * 100_000, "is not valid TOML: "),
        ],
        check,
    )
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidFormatFile, match=r"cannot be read: .*utf-8"):
        read_formats(file)


def test_a_catalog_or_type_belongs_to_one_format(file: Path) -> None:
    def check(key: str, value: str) -> None:
        claiming = CART.replace("width = 60", f'{key} = ["Other {key}", "{value}"]\nwidth = 60', 1)
        second = claiming.replace("formats.cart", "formats.box").replace(value, value.upper()).replace(f"Other {key}", "Third")
        assert problems(file, claiming + second) == [f"formats.box.{key}: “{value.upper()}” already belongs to formats.cart"]

    check_all([("catalogs", "Chromebooks"), ("types", "Cable")], check)


def test_a_logo_is_a_png_jpeg_or_svg_image(file: Path) -> None:
    def with_logo(name: str) -> str:
        return CART.replace("width = 60", f'logo = {{ file = "{name}", x = 24, y = 18, width = 9, height = 5 }}\nwidth = 60', 1)

    def accept(kind: str) -> None:
        image = file.parent / f"logo.{kind}"
        if kind == "svg":
            image.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><rect width="4" height="4"/></svg>')
        else:
            Image.new("RGB", (8, 4), "black").save(image, kind)
        file.write_text(with_logo(image.name), encoding="utf-8")
        assert read_formats(file)["cart"].logo.file == str(image)

    def reject(number: int, content: bytes) -> None:
        image = file.parent / f"broken-{number}.png"  # a new name for each, because images are cached by file
        image.write_bytes(content)
        assert f"{image} is not a PNG, JPEG or SVG image" in problems(file, with_logo(image.name))[0]

    check_all(["png", "jpeg", "svg"], accept)
    broken = [b"\x89PNG\r\n\x1a\nbroken", b"<html/>", b"<svg/>", b"", b"<!DOCTYPE x [" + b"<!ENTITY a 'a'>" * 9]
    check_all(enumerate(broken), reject)


def test_a_font_of_the_site_is_measured(file: Path) -> None:
    (file.parent / "own.ttf").write_bytes((STATIC / "fonts/DejaVuSansCondensed.ttf").read_bytes())
    file.write_text(CART.replace("width = 60", 'font = "own.ttf"\nwidth = 60', 1), encoding="utf-8")
    cart = read_formats(file)["cart"]
    tag, font = cart.texts[0], font_for(cart)
    own = text_width("W12-0001", 10, bold=True, font=font)
    assert own == text_width("W12-0001", 10, bold=False) < text_width("W12-0001", 10, bold=True)
    assert fit_text("W" * 10, tag, font=font).size > fit_text("W" * 10, tag).size
