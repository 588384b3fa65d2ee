"""What this installation prints labels with, for entry points."""

from flask import Flask

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.settings import SettingsError
from request_tracker_utils.labels.catalogue import Catalogue, of_settings
from request_tracker_utils.labels.printed import Listeners, Printing
from request_tracker_utils.labels.site_template import LabelTemplateFailed, OwnTemplate
from request_tracker_utils.labels.tagbook import TagBook
from request_tracker_utils.web.registry import registry, registry_of


def install(app: Flask) -> None:
    """Raises SettingsError with everything that is wrong with the site's formats, or with its template."""
    registry, path = registry_of(app), registry_of(app).settings.label_template_path
    registry.provide(Catalogue, of_settings(registry.settings))
    registry.provide(Listeners, Listeners())
    try:
        if path:
            registry.provide(OwnTemplate, OwnTemplate.of(path))
    except LabelTemplateFailed as error:
        raise SettingsError([f"LABEL_TEMPLATE_PATH: {error.message}"]) from None


def catalogue() -> Catalogue:
    return registry().get(Catalogue)


def own_template() -> OwnTemplate | None:
    """The site's template for the inside of labels, if it has one."""
    return registry().find(OwnTemplate)


def tagbook() -> TagBook:
    return registry().get(TagBook)


def printing(actor: Actor, format: str, copies: int = 1) -> Printing:
    """A print that every listener is told about."""
    return Printing(actor, registry().get(Listeners), format, copies)
