"""This installation's label formats, site template, tag lookup and print listeners, for entry points."""

from flask import Flask

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.settings import SettingsError
from request_tracker_utils.labels.errors import LabelTemplateFailed
from request_tracker_utils.labels.installed_formats import InstalledFormats, load_formats
from request_tracker_utils.labels.print_history import PrintListeners, PrintRecorder
from request_tracker_utils.labels.service import TagLookup
from request_tracker_utils.labels.site_template import SiteTemplate
from request_tracker_utils.web.registry import registry, registry_of


def install(app: Flask) -> None:
    """Raises SettingsError with all problems of the site's formats, or of its template."""
    registry, path = registry_of(app), registry_of(app).settings.label_template_path
    registry.provide(InstalledFormats, load_formats(registry.settings))
    registry.provide(PrintListeners, PrintListeners())
    try:
        if path:
            registry.provide(SiteTemplate, SiteTemplate.load(path))
    except LabelTemplateFailed as error:
        raise SettingsError([f"LABEL_TEMPLATE_PATH: {error.message}"]) from None


def installed_formats() -> InstalledFormats:
    return registry().get(InstalledFormats)


def site_template() -> SiteTemplate | None:
    """The site's template for the inside of labels, if it has one."""
    return registry().find(SiteTemplate)


def tag_lookup() -> TagLookup:
    return registry().get(TagLookup)


def print_recorder(actor: Actor, format: str, copies: int = 1) -> PrintRecorder:
    """Records a new print and notifies every listener."""
    return PrintRecorder(actor, registry().get(PrintListeners), format, copies)
