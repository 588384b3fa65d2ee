"""Codes equal those of the libraries and can be read back; what would not scan is rejected."""

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
    BARCODE_QUIET_ZONE,
    QR_QUIET_ZONE,
    PixelFrame,
    barcode_image,
    barcode_modules,
    qr_image,
    qr_matrix,
    qr_path,
)
from request_tracker_utils.labels.errors import AddressTooLong, NotPrintable, TagNotEncodable, TagTooLong
from request_tracker_utils.labels.formats import LabelFormat
from request_tracker_utils.labels.installed_formats import built_in_formats
from tests.services.tables import check_all

LARGE, SMALL = built_in_formats().get("large"), built_in_formats().get("small")
PRINTABLE = string.digits + string.ascii_letters + string.punctuation + " "
ADDRESS = "https://rt.example.org/Asset/Display.html?id="


def library_modules(address: str) -> list[list[bool]]:
    code: QRCode = QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=barcodes._MASK)
    code.add_data(QRData(address.encode(), mode=MODE_8BIT_BYTE), optimize=0)
    code.make()
    return [[bool(module) for module in row] for row in code.modules]


def rows(side: int, matrix: int) -> list[list[bool]]:
    modules = format(matrix, f"0{side * side}b")
    return [[module == "1" for module in modules[start : start + side]] for start in range(0, side * side, side)]


def painted(path: str, side: int) -> list[list[bool]]:
    """The modules that a path of runs paints, drawn without an SVG library."""
    modules = [[False] * side for _ in range(side)]
    x = y = 0
    for width, dx, dy in re.findall(r"h(\d+)v1h-\1zm(-?\d+),(\d)", path):
        for column in range(x, x + int(width)):
            modules[y][column] = True
        x, y = x + int(dx), y + int(dy)
    return modules


def read(modules: str) -> str:
    picture = Image.new("L", ((len(modules) + 40) * 2, 60), 255)
    for position, module in enumerate(modules):
        if module == "1":
            picture.paste(0, ((position + 20) * 2, 5, (position + 21) * 2, 55))
    [code] = zxingcpp.read_barcodes(picture, zxingcpp.BarcodeFormat.Code128)
    return code.text


class TestQrCode:
    @given(st.integers(0, 2**31 - 1), st.text("abcdefghijklmnopqrstuvwxyz.-/", min_size=0, max_size=40))
    @settings(deadline=None, max_examples=60)
    def test_equals_the_librarys_for_any_asset(self, number: int, host: str) -> None:
        address = f"https://{host}/Asset/Display.html?id={number}"
        assert rows(*qr_matrix(address)) == library_modules(address)

    @given(st.text(max_size=150))
    @settings(deadline=None, max_examples=60)
    def test_equals_the_librarys_for_any_text_and_is_painted_exactly(self, text: str) -> None:
        text = text.encode("utf-8", "ignore").decode()
        side, matrix = qr_matrix(text)
        assert painted(qr_path(side, matrix), side) == rows(side, matrix) == library_modules(text)

    def test_may_end_in_any_number_of_digits(self) -> None:
        def check(digits: str) -> None:
            assert rows(*qr_matrix(ADDRESS + digits)) == library_modules(ADDRESS + digits)

        check_all(["", "7", "2147483647", "9" * 40], check)

    def test_is_correct_when_threads_share_the_parts(self) -> None:
        addresses = [f"https://threads.example.org/{number:08}" for number in range(0, 99_999_999, 777_777)]
        with ThreadPoolExecutor(8) as pool:
            matrices = list(pool.map(qr_matrix, addresses))
        assert all(rows(*matrix) == library_modules(address) for matrix, address in zip(matrices, addresses, strict=True))

    def test_caches_a_bounded_number_of_parts(self) -> None:
        for host in range(80):
            qr_matrix(f"https://{host}.example.org/{host}")
        assert barcodes._address_family.cache_info().currsize <= 64
        for number in range(0, 100_000, 37):
            qr_matrix(f"https://bounded.example.org/{number:05}")
        assert len(barcodes._address_family("https://bounded.example.org/", 5).differences) <= 4 * 5

    def test_of_a_request_tracker_address_has_modules_of_six_dots(self) -> None:
        frame = PixelFrame.around(SMALL, SMALL.qr)
        for number in ("1", "12345", "2147483647"):
            side, _matrix = qr_matrix(ADDRESS + number)
            assert side in (29, 33)
            assert "scale(6)" in qr_image(ADDRESS + number, SMALL, SMALL.qr, frame)

    def test_of_a_longer_address_has_smaller_modules_but_at_least_three_dots(self) -> None:
        frame = PixelFrame.around(SMALL, SMALL.qr)
        assert "scale(3)" in qr_image(ADDRESS + "x" * 200, SMALL, SMALL.qr, frame)
        with pytest.raises(AddressTooLong, match="Choose a larger label"):
            qr_image(ADDRESS + "x" * 900, SMALL, SMALL.qr, frame)
        with pytest.raises(AddressTooLong, match="too long for a QR code"):
            qr_image("x" * 9000, SMALL, SMALL.qr, frame)

    def test_is_on_whole_dots_and_has_its_quiet_zone(self) -> None:
        def check(label: LabelFormat, address: str) -> None:
            frame = PixelFrame.around(label, label.qr)
            image = unquote(qr_image(address, label, label.qr, frame))
            x, y, dots = (float(number) for number in re.search(r"translate\((\S+) (\S+)\)scale\((\d+)\)", image).groups())
            edge = round(x - frame.dx, 3)
            assert edge == int(edge) == round(y - frame.dy, 3)
            assert edge >= QR_QUIET_ZONE * dots
            assert edge + (qr_matrix(address)[0] + QR_QUIET_ZONE) * dots <= frame.across

        check_all([(label, ADDRESS + "x" * more) for label in (SMALL, LARGE) for more in range(0, 200, 10)], check)


class TestBarcode:
    @given(st.text(PRINTABLE, min_size=1, max_size=16).filter(lambda tag: tag == tag.strip()))
    @settings(deadline=None, max_examples=150)
    def test_reads_as_the_tag(self, tag: str) -> None:
        assert read(barcode_modules(tag)) == tag

    def test_reads_digits_in_every_position(self) -> None:
        def check(tag: str) -> None:
            assert read(barcode_modules(tag)) == tag

        check_all(["W12-0001", "99", "9912", "991234", "99A", "12345", "1", "A1", "a99999b", "0"], check)

    def test_of_a_usual_tag_has_112_modules_of_five_dots(self) -> None:
        assert len(barcode_modules("W12-0001")) == 112
        assert "scale(5)" in barcode_image("W12-0001", SMALL, SMALL.barcode, PixelFrame.around(SMALL, SMALL.barcode))

    def test_is_on_whole_dots_and_has_its_quiet_zones(self) -> None:
        def check(label: LabelFormat) -> None:
            frame = PixelFrame.around(label, label.barcode)
            for length in range(1, 60):
                tag = "A" * length
                try:
                    image = unquote(barcode_image(tag, label, label.barcode, frame))
                except TagTooLong:
                    break
                x, _y, dots = re.search(r"translate\((\S+) (\S+)\)scale\((\d+)\)", image).groups()
                start, width = round(float(x) - frame.dx, 3), len(barcode_modules(tag)) * int(dots)
                assert start == int(start)
                assert 3 <= int(dots) <= 5
                assert start >= BARCODE_QUIET_ZONE * int(dots)
                assert start + width + BARCODE_QUIET_ZONE * int(dots) <= frame.across
                assert f"viewBox='0 0 {frame.width * 3.125:g} {frame.height * 3.125:g}'" in image
            else:
                pytest.fail("no tag was too long")
            assert length >= 17

        check_all([SMALL, LARGE], check)

    def test_of_a_tag_that_is_too_long_says_how_much_it_needs(self) -> None:
        message = r"needs \d+\.\d mm, and the label has 62.7 mm. Choose a larger label or a shorter tag"
        with pytest.raises(TagTooLong, match=message) as error:
            barcode_image("A" * 30, SMALL, SMALL.barcode, PixelFrame.around(SMALL, SMALL.barcode))
        assert isinstance(error.value, NotPrintable)
        assert error.value.status == 400

    def test_rejects_characters_that_it_cannot_encode(self) -> None:
        def check(tag: str) -> None:
            with pytest.raises(TagNotEncodable, match="Rename the asset"):
                barcode_modules(tag)

        check_all(["", "W12-😀", "Gerät-1", "a\tb", "\x00", "\xf1", "٣", "W12\u20110001"], check)


def test_an_image_is_on_whole_pixels_and_its_code_on_whole_dots_at_every_position() -> None:
    def check(label: LabelFormat) -> None:
        corners = [label.sheet.corner(position) for position in range(label.sheet.label_count)] if label.sheet else [(0.0, 0.0)]
        for x, y in corners:
            for box in (label.qr, label.barcode):
                frame = PixelFrame.around(label, box, (x, y))
                assert frame.left * frame.dots_per_pixel + frame.dx == pytest.approx(label.dots(x + box.x), abs=1e-6)
                assert frame.top * frame.dots_per_pixel + frame.dy == pytest.approx(label.dots(y + box.y), abs=1e-6)
                assert frame.width * frame.dots_per_pixel >= frame.dx + frame.across - 1e-6
                assert frame.height * frame.dots_per_pixel >= frame.dy + frame.down - 1e-6
                assert min(frame.dx, frame.dy) >= 0

    check_all(built_in_formats().all(), check)


def test_both_codes_are_drawn_in_a_tenth_of_the_time_of_the_librarys_matrix() -> None:
    qr, barcode = PixelFrame.around(SMALL, SMALL.qr), PixelFrame.around(SMALL, SMALL.barcode)

    def draw(number: int) -> None:
        qr_image(f"{ADDRESS}{number}", SMALL, SMALL.qr, qr)
        barcode_image(f"W12-{number}", SMALL, SMALL.barcode, barcode)

    def by_library(number: int) -> None:
        code = QRCode()
        code.add_data(f"{ADDRESS}{number}")
        code.make()

    def seconds(draw_one: Callable[[int], None], count: int) -> float:
        """CPU seconds per label, the best of three rounds: other load on the machine only adds to it."""
        rounds = []
        for _ in range(3):
            start = time.process_time()
            for number in range(20_000, 20_000 + count):
                draw_one(number)
            rounds.append((time.process_time() - start) / count)
        return min(rounds)

    assert seconds(draw, 100) < seconds(by_library, 20) / 10
