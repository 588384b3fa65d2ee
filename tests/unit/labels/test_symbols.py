"""Codes equal the libraries' own and can be read back; what would not scan is refused."""

import re
import string
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import pytest
import zxingcpp
from hypothesis import given, settings, strategies as st
from PIL import Image
from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode
from qrcode.util import MODE_8BIT_BYTE, QRData

from request_tracker_utils.labels import barcodes
from request_tracker_utils.labels.barcodes import (
    BARCODE_QUIET,
    QR_QUIET,
    AddressTooLong,
    Frame,
    NotPrintable,
    TagNotEncodable,
    TagTooLong,
    barcode_image,
    bars,
    qr_image,
    qr_matrix,
    qr_path,
)
from request_tracker_utils.labels.catalogue import built_in

LARGE, SMALL = built_in().named("large"), built_in().named("small")
PRINTABLE = string.digits + string.ascii_letters + string.punctuation + " "
ADDRESS = "https://rt.example.org/Asset/Display.html?id="


def of_library(address: str) -> list[list[bool]]:
    code: QRCode = QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=barcodes._MASK)
    code.add_data(QRData(address.encode(), mode=MODE_8BIT_BYTE), optimize=0)
    code.make()
    return [[bool(module) for module in row] for row in code.modules]


def rows(side: int, matrix: int) -> list[list[bool]]:
    modules = format(matrix, f"0{side * side}b")
    return [[module == "1" for module in modules[start : start + side]] for start in range(0, side * side, side)]


def painted(path: str, side: int) -> list[list[bool]]:
    """What a path of runs paints, drawn without any SVG library."""
    modules = [[False] * side for _ in range(side)]
    x = y = 0
    for wide, dx, dy in re.findall(r"h(\d+)v1h-\1zm(-?\d+),(\d)", path):
        for column in range(x, x + int(wide)):
            modules[y][column] = True
        x, y = x + int(dx), y + int(dy)
    return modules


def read(modules: str) -> str:
    picture = Image.new("L", ((len(modules) + 40) * 2, 60), 255)
    for place, module in enumerate(modules):
        if module == "1":
            picture.paste(0, ((place + 20) * 2, 5, (place + 21) * 2, 55))
    [code] = zxingcpp.read_barcodes(picture, zxingcpp.BarcodeFormat.Code128)
    return code.text


@given(st.integers(0, 2**31 - 1), st.text("abcdefghijklmnopqrstuvwxyz.-/", min_size=0, max_size=40))
@settings(deadline=None, max_examples=60)
def test_a_qr_code_equals_the_librarys_for_any_asset(number: int, host: str) -> None:
    address = f"https://{host}/Asset/Display.html?id={number}"
    assert rows(*qr_matrix(address)) == of_library(address)


@given(st.text(max_size=150))
@settings(deadline=None, max_examples=60)
def test_a_qr_code_equals_the_librarys_for_any_text(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    assert rows(*qr_matrix(text)) == of_library(text)


@pytest.mark.parametrize("digits", ["", "7", "2147483647", "9" * 40])
def test_any_number_of_digits_at_the_end(digits: str) -> None:
    assert rows(*qr_matrix(ADDRESS + digits)) == of_library(ADDRESS + digits)


def test_threads_share_the_parts() -> None:
    addresses = [f"https://threads.example.org/{number:08}" for number in range(0, 99_999_999, 777_777)]
    with ThreadPoolExecutor(8) as pool:
        matrices = list(pool.map(qr_matrix, addresses))
    assert all(rows(*matrix) == of_library(address) for matrix, address in zip(matrices, addresses, strict=True))


def test_the_parts_kept_are_bounded() -> None:
    for host in range(80):
        qr_matrix(f"https://{host}.example.org/{host}")
    assert barcodes._family.cache_info().currsize <= 64
    for number in range(0, 100_000, 37):
        qr_matrix(f"https://bounded.example.org/{number:05}")
    assert len(barcodes._family("https://bounded.example.org/", 5).differences) <= 4 * 5


@given(st.text(max_size=100))
@settings(deadline=None, max_examples=30)
def test_the_path_paints_exactly_the_dark_modules(text: str) -> None:
    side, matrix = qr_matrix(text.encode("utf-8", "ignore").decode())
    assert painted(qr_path(side, matrix), side) == rows(side, matrix)


def test_the_link_of_request_tracker_has_modules_of_six_dots() -> None:
    frame = Frame.around(SMALL, SMALL.qr)
    for number in ("1", "12345", "2147483647"):
        side, _ = qr_matrix(ADDRESS + number)
        assert side in (29, 33)
        assert "scale(6)" in qr_image(ADDRESS + number, SMALL, SMALL.qr, frame)


def test_a_longer_address_gets_smaller_modules_and_is_refused_below_three_dots() -> None:
    frame = Frame.around(SMALL, SMALL.qr)
    assert "scale(3)" in qr_image(ADDRESS + "x" * 200, SMALL, SMALL.qr, frame)
    with pytest.raises(AddressTooLong, match="Choose a larger label"):
        qr_image(ADDRESS + "x" * 900, SMALL, SMALL.qr, frame)
    with pytest.raises(AddressTooLong, match="too long for any QR code"):
        qr_image("x" * 9000, SMALL, SMALL.qr, frame)


@given(st.text(PRINTABLE, min_size=1, max_size=16).filter(lambda tag: tag == tag.strip()))
@settings(deadline=None, max_examples=150)
def test_a_bar_code_reads_as_the_tag(tag: str) -> None:
    assert read(bars(tag)) == tag


@pytest.mark.parametrize("tag", ["W12-0001", "99", "9912", "991234", "99A", "12345", "1", "A1", "a99999b", "0"])
def test_digits_in_every_place_are_read(tag: str) -> None:
    assert read(bars(tag)) == tag


def test_the_usual_tag_has_112_modules_and_five_dots() -> None:
    assert len(bars("W12-0001")) == 112
    assert "scale(5)" in barcode_image("W12-0001", SMALL, SMALL.barcode, Frame.around(SMALL, SMALL.barcode))


@pytest.mark.parametrize("label", [SMALL, LARGE])
def test_bars_take_whole_dots_and_keep_their_quiet_zones(label) -> None:  # type: ignore[no-untyped-def]
    frame = Frame.around(label, label.barcode)
    for length in range(1, 60):
        tag = "A" * length
        try:
            image = unquote(barcode_image(tag, label, label.barcode, frame))
        except TagTooLong:
            break
        x, _, dots = re.search(r"translate\((\S+) (\S+)\)scale\((\d+)\)", image).groups()
        start, wide = round(float(x) - frame.dx, 3), len(bars(tag)) * int(dots)
        assert start == int(start)
        assert 3 <= int(dots) <= 5
        assert start >= BARCODE_QUIET * int(dots)
        assert start + wide + BARCODE_QUIET * int(dots) <= frame.across
        assert f"viewBox='0 0 {frame.width * 3.125:g} {frame.height * 3.125:g}'" in image
    else:
        pytest.fail("no tag was too long")
    assert length >= 17


@pytest.mark.parametrize("label", [SMALL, LARGE])
def test_a_qr_code_keeps_its_quiet_zone(label) -> None:  # type: ignore[no-untyped-def]
    frame = Frame.around(label, label.qr)
    for more in range(0, 200, 10):
        address = ADDRESS + "x" * more
        image = unquote(qr_image(address, label, label.qr, frame))
        x, y, dots = (float(number) for number in re.search(r"translate\((\S+) (\S+)\)scale\((\d+)\)", image).groups())
        edge = round(x - frame.dx, 3)
        assert edge == int(edge) == round(y - frame.dy, 3)
        assert edge >= QR_QUIET * dots
        assert edge + (qr_matrix(address)[0] + QR_QUIET) * dots <= frame.across


def test_a_tag_too_long_says_how_much_too_long() -> None:
    with pytest.raises(TagTooLong, match=r"needs \d+\.\d mm and has 62.7 mm. Choose a larger label or a shorter tag") as refusal:
        barcode_image("A" * 30, SMALL, SMALL.barcode, Frame.around(SMALL, SMALL.barcode))
    assert isinstance(refusal.value, NotPrintable)
    assert refusal.value.status == 400


@pytest.mark.parametrize("tag", ["", "W12-😀", "Gerät-1", "a\tb", "\x00", "\xf1", "٣", "W12\u20110001"])
def test_a_tag_without_bars_is_refused(tag: str) -> None:
    with pytest.raises(TagNotEncodable, match="Rename the asset"):
        bars(tag)


def test_an_image_lies_on_whole_pixels_and_its_symbol_on_whole_dots() -> None:
    frame = Frame.around(SMALL, SMALL.barcode)
    assert frame.left * frame.dots_per_pixel + frame.dx == SMALL.dots(SMALL.barcode.x)
    assert frame.top * frame.dots_per_pixel + frame.dy == SMALL.dots(SMALL.barcode.y)
    assert frame.width * frame.dots_per_pixel >= frame.dx + frame.across


def test_both_codes_are_drawn_in_a_tenth_of_the_time_that_the_library_takes_for_the_matrix() -> None:
    qr, barcode = Frame.around(SMALL, SMALL.qr), Frame.around(SMALL, SMALL.barcode)

    def draw(number: int) -> None:
        qr_image(f"{ADDRESS}{number}", SMALL, SMALL.qr, qr)
        barcode_image(f"W12-{number}", SMALL, SMALL.barcode, barcode)

    def plainly(number: int) -> None:
        code = QRCode()
        code.add_data(f"{ADDRESS}{number}")
        code.make()

    def seconds(way: Callable[[int], None], many: int) -> float:
        """The best of three rounds: other work on the machine only adds."""
        rounds = []
        for _ in range(3):
            start = time.process_time()
            for number in range(20_000, 20_000 + many):
                way(number)
            rounds.append((time.process_time() - start) / many)
        return min(rounds)

    assert seconds(draw, 100) < seconds(plainly, 20) / 10
