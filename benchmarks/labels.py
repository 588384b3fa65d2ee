"""How much faster labels are drawn than the plain way: a PNG from each library, in base64, in a template."""

import base64
import io
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import qrcode
from barcode.codex import Code128
from barcode.writer import ImageWriter
from jinja2 import Environment, FileSystemLoader

from benchmarks.row import TIMES, Row
from request_tracker_utils.labels.installed_formats import built_in
from request_tracker_utils.labels.print_page import render_labels
from request_tracker_utils.labels.renderer import LabelContent

TARGET = 10.0
"""Times as fast as the plain way."""

_LABELS = 40
_ROUNDS = 7
_TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parents[1] / "templates"), autoescape=True)
_PLAIN = Environment(autoescape=True).from_string(
    '<div class="label"><img src="data:image/png;base64,{{ qr }}" alt="QR Code"><div class="asset-tag">{{ label.tag }}</div>'
    '<div class="serial">{{ label.serial }}</div><div class="model">{{ label.model }}</div>'
    '<img src="data:image/png;base64,{{ barcode }}" alt="Barcode"></div>'
)


def contents(first: int, count: int = _LABELS) -> list[LabelContent]:
    """Labels of assets with ids from `first` on."""
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


def plain(labels: list[LabelContent]) -> str:
    return "".join(_PLAIN.render(label=label, qr=_png_qr(label.qr_address), barcode=_png_barcode(label.tag)) for label in labels)


def ours(labels: list[LabelContent]) -> str:
    page = render_labels(
        labels, built_in().named("small"), templates=_TEMPLATES, static=lambda file: f"/static/{file}", nonce="n", notices=[]
    )
    return "".join(page)


def measure() -> Iterator[Row]:
    ratio, line = labels_cpu()
    yield Row("Labels drawn, against a PNG of each library", ratio, TARGET, TIMES, f"{line}; CPU time, medians of {_ROUNDS} rounds")


def labels_cpu() -> tuple[float, str]:
    """The ratio, and a line that says what it is made of. Both ways draw the same labels in one run, in turns; medians."""
    plain(contents(1000)), ours(contents(1000))
    slow, fast = [], []
    for number in range(_ROUNDS):
        labels = contents(10_000 + number * _LABELS)
        slow.append(_seconds(plain, labels))
        fast.append(_seconds(ours, labels))
    before, now = statistics.median(slow), statistics.median(fast)
    return before / now, f"{1 / now:,.0f} labels/s against {1 / before:,.0f} ({now * 1000:.3f} ms against {before * 1000:.2f} ms a label)"


def _seconds(way: Callable[[list[LabelContent]], str], labels: list[LabelContent]) -> float:
    """CPU seconds a label."""
    start = time.process_time()
    way(labels)
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
