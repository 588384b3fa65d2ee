"""The style block of a print page. Everything that the format decides is a CSS rule here; no element has a style attribute."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup

from request_tracker_utils.labels.formats import BUNDLED_FONT_NAME, FONT_SIZE_STEP, Box, LabelFormat, image_data_url
from request_tracker_utils.labels.renderer import Position, positions
from request_tracker_utils.labels.typography import FONT_FILES, font_for

_ROUNDING = 0.4
"""Millimeters by which an element is smaller than its page: browsers round pages to points, and would shrink anything larger than the page
or continue it on a second one. Nothing is printed in the last 0.4 mm."""

_LABEL_CSS = """\
.label { position: relative; overflow: hidden; background: #fff; color: #000;
  font-family: "Label Sans", "DejaVu Sans Condensed", sans-serif;
  font-kerning: none; font-variant-ligatures: none; font-synthesis: none; text-rendering: geometricPrecision;
  -webkit-text-size-adjust: none; }
.qr, .barcode, .line, .logo { position: absolute; }
.qr, .barcode { display: block; }
.line { overflow: hidden; white-space: pre; unicode-bidi: plaintext; }
.logo { background: center / contain no-repeat; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
"""

_PAGE_CSS = """\
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
  .not-printed { width: 100%; max-width: 30rem; box-sizing: border-box; padding: .75rem 1rem; border: 2px dashed #b02a37;
    border-radius: 1mm; background: #fff; color: #58151c; overflow-wrap: anywhere; }
  .not-printed p { margin: 0; }
  .not-printed ul { display: flex; flex-wrap: wrap; gap: .5rem; margin: .625rem 0 0; padding: 0; list-style: none; }
  .not-printed a { display: block; padding: .5rem .75rem; border: 1px solid #0e5d64; border-radius: .375rem; color: #0e5d64;
    text-decoration: none; }
  .not-printed a:hover { background: #e6f1f2; }
  .not-printed a:focus-visible { outline: 3px solid #9ec5fe; outline-offset: 2px; }
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

_SAFE_PUNCTUATION = " -./:,#&()"


def page_css(label: LabelFormat, static: Callable[[str], str]) -> Markup:
    """The rules of the page that prints a format. `static` returns the URL of a static file."""
    return Markup("\n".join([*_page_rules(label), _PAGE_CSS])) + label_css(label, static)  # noqa: S704  (see css_string)


def label_css(label: LabelFormat, static: Callable[[str], str]) -> Markup:
    """The rules of the labels themselves: boxes (mm), and each font size that their texts may have (points)."""
    rules = [*_font_rules(label, static), _LABEL_CSS, *_box_rules(label), *_size_rules(label)]
    return Markup("\n".join(rules))  # noqa: S704  (see css_string)


def css_string(text: str) -> str:
    """A quoted CSS string that is also safe inside a `<style>` element."""
    safe = (character if character.isalnum() or character in _SAFE_PUNCTUATION else f"\\{ord(character):x} " for character in text)
    return f'"{"".join(safe)}"'


def _font_rules(label: LabelFormat, static: Callable[[str], str]) -> Iterator[str]:
    font = font_for(label)
    for bold, file in FONT_FILES.items():
        url = css_string(static(file)) if label.font == BUNDLED_FONT_NAME else f'"{_font_data_url(font.file(bold))}"'
        yield f'@font-face {{ font-family: "Label Sans"; font-weight: {700 if bold else 400}; font-display: block; src: url({url}); }}'


@lru_cache(maxsize=16)
def _font_data_url(font: Path) -> str:
    return f"data:font/{'otf' if font.suffix.lower() == '.otf' else 'ttf'};base64,{b64encode(font.read_bytes()).decode()}"


def _page_rules(label: LabelFormat) -> Iterator[str]:
    width, height = label.page
    yield f"@page {{ size: {width:g}mm {height:g}mm; margin: 0; }}"
    if label.sheet:
        yield f".sheet {{ width: {width - _ROUNDING:g}mm; height: {height - _ROUNDING:g}mm; }}"


def _box_rules(label: LabelFormat) -> Iterator[str]:
    rounding = 0 if label.sheet else _ROUNDING
    yield f".label {{ width: {label.width - rounding:g}mm; height: {label.height - rounding:g}mm; }}"
    for number, at in enumerate(positions(label)):
        selector = f".at-{number}" if label.sheet else ""
        if label.sheet:
            yield f"{selector} {{ left: {at.left}px; top: {at.top}px; --dx: {at.dx:.3f}mm; --dy: {at.dy:.3f}mm; }}"
        yield from _code_rules(at, f"{selector} " if selector else "")
    if label.logo:
        yield f'.logo {{ {_rectangle(label, label.logo.box)} background-image: url("{image_data_url(label.logo.file)}"); }}'
    for number, text in enumerate(label.texts):
        yield (
            f".line-{number} {{ {_rectangle(label, text.box)}"
            f" line-height: {text.height:g}mm; font-weight: {700 if text.bold else 400}; text-align: {text.align}; }}"
        )
        if text.prefix:
            yield f".line-{number}:not(:empty)::before {{ content: {css_string(text.prefix)}; }}"


def _code_rules(at: Position, parent: str) -> Iterator[str]:
    for name, frame in (("qr", at.qr), ("barcode", at.barcode)):
        if frame:
            left, top = frame.left - at.left, frame.top - at.top
            yield f"{parent}.{name} {{ left: {left}px; top: {top}px; width: {frame.width}px; height: {frame.height}px; }}"


def _rectangle(label: LabelFormat, box: Box) -> str:
    left, top = f"{box.x:g}mm", f"{box.y:g}mm"
    if label.sheet:
        left, top = f"calc({left} + var(--dx))", f"calc({top} + var(--dy))"
    return f"left: {left}; top: {top}; width: {box.width:g}mm; height: {box.height:g}mm;"


def _size_rules(label: LabelFormat) -> Iterator[str]:
    sizes = {
        step for text in label.texts for step in range(round(text.min_size / FONT_SIZE_STEP), round(text.max_size / FONT_SIZE_STEP) + 1)
    }
    for step in sorted(sizes):
        yield f".size-{round(step * FONT_SIZE_STEP * 10)} {{ font-size: {step * FONT_SIZE_STEP:g}pt; }}"
