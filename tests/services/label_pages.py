"""Print pages of labels, rendered without an app."""

from collections.abc import Iterable
from typing import Any

from jinja2 import Environment, FileSystemLoader

from request_tracker_utils.core.settings import TEMPLATES
from request_tracker_utils.labels.formats import LabelFormat
from request_tracker_utils.labels.print_page import render_labels
from request_tracker_utils.labels.renderer import LabelContent

ENVIRONMENT = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, extensions=["jinja2.ext.i18n"])
ENVIRONMENT.install_null_translations(newstyle=True)  # type: ignore[attr-defined]  # an extension adds it

PAGE_OPTIONS: dict[str, Any] = {"templates": ENVIRONMENT, "static": lambda file: f"/static/{file}", "nonce": "n0nce"}
"""What every page takes."""


def label_page(labels: Iterable[LabelContent], label_format: LabelFormat, **options: Any) -> str:
    return "".join(render_labels(labels, label_format, **{"notices": [], **PAGE_OPTIONS, **options}))
