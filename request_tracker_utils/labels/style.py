"""The style block of a print page. Everything that a format decides is a rule here, for no element carries a style of its own."""

from collections.abc import Callable, Iterator

from markupsafe import Markup

from request_tracker_utils.labels.formats import SIZE_STEP, LabelFormat
from request_tracker_utils.labels.symbols import Frame
from request_tracker_utils.labels.text import FONT_FILES

_ROUNDING = 0.4
"""Millimetres that a label's element is smaller than its page: browsers round pages to points, and what is larger than the
page is shrunk or continued on a second one. Nothing is printed in a label's last 0.4 mm."""

_PAGE = """\
html, body { margin: 0; padding: 0; }
.label { position: relative; overflow: hidden; background: #fff; color: #000;
  font-family: "Label Sans", "DejaVu Sans Condensed", sans-serif;
  font-kerning: none; font-variant-ligatures: none; text-rendering: geometricPrecision; -webkit-text-size-adjust: none; }
.label img, .label .line { position: absolute; }
.label img { display: block; }
.line { overflow: hidden; white-space: pre; unicode-bidi: plaintext; }
@media print {
  .screen { display: none !important; }
  .label ~ .label { break-before: page; }
  .label { break-inside: avoid; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
@media screen {
  body { display: flex; flex-direction: column; align-items: center; gap: 1.25rem; min-height: 100vh; padding: 0 1rem 2rem;
    box-sizing: border-box; background: #e9ecef; color: #212529; font: 1rem/1.45 system-ui, "Segoe UI", Roboto, sans-serif; }
  .label { flex: none; border-radius: 1mm; box-shadow: 0 0 0 1px #adb5bd, 0 .25rem .75rem rgb(0 0 0 / 12%); }
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


def style(label: LabelFormat, qr: Frame | None, barcode: Frame | None, static: Callable[[str], str]) -> Markup:
    """The rules of a format: its page, its boxes (mm), and each font size that its texts may take (points)."""
    return Markup("\n".join([*_fonts(static), _PAGE, *_boxes(label, qr, barcode), *_sizes(label)]))  # noqa: S704  (see css_string)


def css_string(text: str) -> str:
    """Quoted for CSS, and harmless inside a `<style>` element."""
    safe = (character if character.isalnum() or character in _HARMLESS else f"\\{ord(character):x} " for character in text)
    return f'"{"".join(safe)}"'


def _fonts(static: Callable[[str], str]) -> Iterator[str]:
    for bold, file in FONT_FILES.items():
        yield (
            f'@font-face {{ font-family: "Label Sans"; font-weight: {700 if bold else 400}; font-display: block;'
            f" src: url({css_string(static(file))}); }}"
        )


def _boxes(label: LabelFormat, qr: Frame | None, barcode: Frame | None) -> Iterator[str]:
    yield f"@page {{ size: {label.width:g}mm {label.height:g}mm; margin: 0; }}"
    yield f".label {{ width: {label.width - _ROUNDING:g}mm; height: {label.height - _ROUNDING:g}mm; }}"
    for name, frame in (("qr", qr), ("barcode", barcode)):
        if frame:
            yield f".{name} {{ left: {frame.left}px; top: {frame.top}px; width: {frame.width}px; height: {frame.height}px; }}"
    for number, text in enumerate(label.texts):
        yield (
            f".line-{number} {{ left: {text.x:g}mm; top: {text.y:g}mm; width: {text.width:g}mm; height: {text.height:g}mm;"
            f" line-height: {text.height:g}mm; font-weight: {700 if text.bold else 400}; text-align: {text.align}; }}"
        )
        if text.prefix:
            yield f".line-{number}:not(:empty)::before {{ content: {css_string(text.prefix)}; }}"


def _sizes(label: LabelFormat) -> Iterator[str]:
    steps = {step for text in label.texts for step in range(round(text.min_size / SIZE_STEP), round(text.max_size / SIZE_STEP) + 1)}
    for step in sorted(steps):
        yield f".size-{round(step * SIZE_STEP * 10)} {{ font-size: {step * SIZE_STEP:g}pt; }}"
