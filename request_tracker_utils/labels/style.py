"""The style block of a print page. Everything that a format decides is a rule here, for no element carries a style of its own."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup

from request_tracker_utils.labels.fonts import FONT_FILES, font_of
from request_tracker_utils.labels.formats import SANS, SIZE_STEP, Box, LabelFormat
from request_tracker_utils.labels.pictures import picture
from request_tracker_utils.labels.sheets import Place, places

_ROUNDING = 0.4
"""Millimetres that an element is smaller than its page: browsers round pages to points, and what is larger than the page is shrunk
or continued on a second one. Nothing is printed in the last 0.4 mm."""

_LABEL = """\
.label { position: relative; overflow: hidden; background: #fff; color: #000;
  font-family: "Label Sans", "DejaVu Sans Condensed", sans-serif;
  font-kerning: none; font-variant-ligatures: none; font-synthesis: none; text-rendering: geometricPrecision;
  -webkit-text-size-adjust: none; }
.qr, .barcode, .line, .logo { position: absolute; }
.qr, .barcode { display: block; }
.line { overflow: hidden; white-space: pre; unicode-bidi: plaintext; }
.logo { background: center / contain no-repeat; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
"""

_PAGE = """\
html, body { margin: 0; padding: 0; }
.sheet { position: relative; overflow: hidden; background: #fff; }
.sheet .label { position: absolute; background: none; }
@media print {
  .screen { display: none !important; }
  .label ~ .label, .sheet ~ .sheet { break-before: page; }
  .sheet .label { break-before: auto; }
  .label, .sheet { break-inside: avoid; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
@media screen {
  body { display: flex; flex-direction: column; align-items: safe center; gap: 1.25rem; min-height: 100vh; padding: 0 1rem 2rem;
    box-sizing: border-box; background: #e9ecef; color: #212529; font: 1rem/1.45 system-ui, "Segoe UI", Roboto, sans-serif; }
  .label, .sheet { flex: none; box-shadow: 0 0 0 1px #adb5bd, 0 .25rem .75rem rgb(0 0 0 / 12%); }
  .label { border-radius: 1mm; }
  .sheet .label { outline: 1px dashed #ced4da; outline-offset: -1px; box-shadow: none; }
  .left-out { width: 100%; max-width: 30rem; box-sizing: border-box; padding: .75rem 1rem; border: 2px dashed #b02a37; border-radius: 1mm;
    background: #fff; color: #58151c; overflow-wrap: anywhere; }
  .left-out p { margin: 0; }
  .left-out ul { display: flex; flex-wrap: wrap; gap: .5rem; margin: .625rem 0 0; padding: 0; list-style: none; }
  .left-out a { display: block; padding: .5rem .75rem; border: 1px solid #0e5d64; border-radius: .375rem; color: #0e5d64;
    text-decoration: none; }
  .left-out a:hover { background: #e6f1f2; }
  .left-out a:focus-visible { outline: 3px solid #9ec5fe; outline-offset: 2px; }
  .bar { order: -2; position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1rem;
    align-self: stretch; margin: 0 -1rem; padding: .625rem 1.25rem; background: #fff; box-shadow: 0 1px 0 #ced4da; }
  .bar h1 { margin: 0; font-size: 1rem; font-weight: 600; }
  .bar p { margin: 0; color: #495057; }
  .bar a { margin-left: auto; color: #0e5d64; }
  .bar button { padding: .5rem 1.5rem; border: 0; border-radius: .375rem; background: #0e5d64; color: #fff; font: inherit;
    font-weight: 600; cursor: pointer; }
  .bar button:hover { background: #09454b; }
  .bar button:focus-visible, .bar a:focus-visible { outline: 3px solid #9ec5fe; outline-offset: 2px; }
  .notices { order: -1; width: 100%; max-width: 44rem; margin: 0; padding: .75rem 1rem .75rem 2.25rem; box-sizing: border-box;
    border: 1px solid #ffda6a; border-left: .375rem solid #ffc107; border-radius: .375rem; background: #fff3cd; color: #523e02;
    overflow-wrap: anywhere; }
  .none { margin: 2rem; color: #495057; }
}
"""


_HARMLESS = " -./:,#&()"


def style(label: LabelFormat, static: Callable[[str], str]) -> Markup:
    """The rules of the page that prints a format."""
    return Markup("\n".join([*_page_rules(label), _PAGE])) + label_rules(label, static)  # noqa: S704  (see css_string)


def label_rules(label: LabelFormat, static: Callable[[str], str]) -> Markup:
    """The rules of the labels themselves: boxes (mm), and each font size that their texts may take (points)."""
    rules = [*_fonts(label, static), _LABEL, *_boxes(label), *_sizes(label)]
    return Markup("\n".join(rules))  # noqa: S704  (see css_string)


def css_string(text: str) -> str:
    """Quoted for CSS, and harmless inside a `<style>` element."""
    safe = (character if character.isalnum() or character in _HARMLESS else f"\\{ord(character):x} " for character in text)
    return f'"{"".join(safe)}"'


def _fonts(label: LabelFormat, static: Callable[[str], str]) -> Iterator[str]:
    font = font_of(label)
    for bold, file in FONT_FILES.items():
        address = css_string(static(file)) if label.font == SANS else f'"{_embedded(font.file(bold))}"'
        yield (
            f'@font-face {{ font-family: "Label Sans"; font-weight: {700 if bold else 400}; font-display: block; src: url({address}); }}'
        )


@lru_cache(maxsize=16)
def _embedded(font: Path) -> str:
    return f"data:font/{'otf' if font.suffix.lower() == '.otf' else 'ttf'};base64,{b64encode(font.read_bytes()).decode()}"


def _page_rules(label: LabelFormat) -> Iterator[str]:
    width, height = label.page
    yield f"@page {{ size: {width:g}mm {height:g}mm; margin: 0; }}"
    if label.sheet:
        yield f".sheet {{ width: {width - _ROUNDING:g}mm; height: {height - _ROUNDING:g}mm; }}"


def _boxes(label: LabelFormat) -> Iterator[str]:
    rounding = 0 if label.sheet else _ROUNDING
    yield f".label {{ width: {label.width - rounding:g}mm; height: {label.height - rounding:g}mm; }}"
    for number, place in enumerate(places(label)):
        within = f".at-{number}" if label.sheet else ""
        if label.sheet:
            yield f"{within} {{ left: {place.left}px; top: {place.top}px; --dx: {place.dx:.3f}mm; --dy: {place.dy:.3f}mm; }}"
        yield from _codes(place, f"{within} " if within else "")
    if label.logo:
        yield f'.logo {{ {_rectangle(label, label.logo.box)} background-image: url("{picture(label.logo.file)}"); }}'
    for number, text in enumerate(label.texts):
        yield (
            f".line-{number} {{ {_rectangle(label, text.box)}"
            f" line-height: {text.height:g}mm; font-weight: {700 if text.bold else 400}; text-align: {text.align}; }}"
        )
        if text.prefix:
            yield f".line-{number}:not(:empty)::before {{ content: {css_string(text.prefix)}; }}"


def _codes(place: Place, within: str) -> Iterator[str]:
    for name, frame in (("qr", place.qr), ("barcode", place.barcode)):
        if frame:
            left, top = frame.left - place.left, frame.top - place.top
            yield f"{within}.{name} {{ left: {left}px; top: {top}px; width: {frame.width}px; height: {frame.height}px; }}"


def _rectangle(label: LabelFormat, box: Box) -> str:
    left, top = f"{box.x:g}mm", f"{box.y:g}mm"
    if label.sheet:
        left, top = f"calc({left} + var(--dx))", f"calc({top} + var(--dy))"
    return f"left: {left}; top: {top}; width: {box.width:g}mm; height: {box.height:g}mm;"


def _sizes(label: LabelFormat) -> Iterator[str]:
    steps = {step for text in label.texts for step in range(round(text.min_size / SIZE_STEP), round(text.max_size / SIZE_STEP) + 1)}
    for step in sorted(steps):
        yield f".size-{round(step * SIZE_STEP * 10)} {{ font-size: {step * SIZE_STEP:g}pt; }}"
