"""Rendering labels, compared with the libraries alone: a PNG from each library, base64-encoded, in a template."""

import base64
import io
import statistics
import time
from collections.abc import Callable, Iterator

import qrcode
from barcode.codex import Code128
from barcode.writer import ImageWriter
from jinja2 import Environment

from benchmarks.report import TIMES, Row
from request_tracker_utils.labels.installed_formats import built_in_formats
from request_tracker_utils.labels.renderer import LabelContent
from tests.services.label_pages import label_page

TARGET = 10.0
"""How many times as fast as the libraries alone."""

_LABELS = 40
_ROUNDS = 7
_LIBRARY_TEMPLATE = Environment(autoescape=True).from_string(
    '<div class="label"><img src="data:image/png;base64,{{ qr }}" alt="QR Code"><div class="asset-tag">{{ label.tag }}</div>'
    '<div class="serial">{{ label.serial }}</div><div class="model">{{ label.model }}</div>'
    '<img src="data:image/png;base64,{{ barcode }}" alt="Barcode"></div>'
)


def contents(first: int, count: int = _LABELS) -> list[LabelContent]:
    """Labels of assets with IDs from `first`."""
    return [
        LabelContent(
            number,
            f"W12-{number:04}",
            f"https://rt.example.org/Asset/Display.html?id={number}",
            serial=f"5CD{number:07}",
            model="Dell Chromebook 3100",
            fields={"Funding Source": "Title I"},
        )
        for number in range(first, first + count)
    ]


def with_libraries(labels: list[LabelContent]) -> str:
    return "".join(_LIBRARY_TEMPLATE.render(label=label, qr=_png_qr(label.qr_address), barcode=_png_barcode(label.tag)) for label in labels)


def ours(labels: list[LabelContent]) -> str:
    return label_page(labels, built_in_formats().get("small"))


def measure() -> Iterator[Row]:
    ratio, detail = labels_cpu()
    yield Row("Rendering labels, vs. a PNG from each library", ratio, TARGET, TIMES, f"{detail}; CPU time, medians of {_ROUNDS} rounds")


def labels_cpu() -> tuple[float, str]:
    """The ratio and its details: medians of rounds in which both render the same labels."""
    with_libraries(contents(1000)), ours(contents(1000))
    slow, fast = [], []
    for number in range(_ROUNDS):
        labels = contents(10_000 + number * _LABELS)
        slow.append(_seconds(with_libraries, labels))
        fast.append(_seconds(ours, labels))
    before, now = statistics.median(slow), statistics.median(fast)
    return before / now, f"{1 / now:,.0f} labels/s vs. {1 / before:,.0f} ({now * 1000:.3f} ms vs. {before * 1000:.2f} ms per label)"


def _seconds(render: Callable[[list[LabelContent]], str], labels: list[LabelContent]) -> float:
    """CPU seconds per label."""
    start = time.process_time()
    render(labels)
    return (time.process_time() - start) / len(labels)


def _png_qr(address: str) -> str:
    code = qrcode.QRCode(border=4, box_size=10)
    code.add_data(address)
    file = io.BytesIO()
    code.make_image().save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _png_barcode(tag: str) -> str:
    file = io.BytesIO()
    Code128(tag, writer=ImageWriter()).write(file)
    return base64.b64encode(file.getvalue()).decode()
