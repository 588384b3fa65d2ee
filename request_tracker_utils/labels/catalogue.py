"""The label formats of this installation: ours, and those of the site; and the site's own template, if it has one."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.settings import Settings, SettingsError
from request_tracker_utils.labels.barcodes import NotPrintable
from request_tracker_utils.labels.drawing import Drawer, LabelContent
from request_tracker_utils.labels.format_file import BUILT_IN, FormatsInvalid, read_formats
from request_tracker_utils.labels.formats import LabelFormat, UnknownFormat

_TYPE = "Type"
"""Custom field that `types` of a format speaks of."""


@dataclass(frozen=True)
class Catalogue:
    """Formats by name, and the name of the one that is used where none is asked for and none belongs to the asset."""

    formats: Mapping[str, LabelFormat]
    default: str

    def all(self) -> list[LabelFormat]:
        return list(self.formats.values())

    def named(self, name: str) -> LabelFormat:
        """Raises UnknownFormat, which names those that there are."""
        if name not in self.formats:
            known = ", ".join(self.formats)
            raise UnknownFormat(f"There is no label format “{name}”. Choose one of: {known}.", field="size", known=list(self.formats))
        return self.formats[name]

    def for_asset(self, asset: Asset) -> LabelFormat:
        """The format of the asset's type, or of its catalog, or the default."""
        for key, value in (("types", asset.fields.get(_TYPE, "")), ("catalogs", asset.catalog)):
            claimed = (label for label in self.formats.values() if value.casefold() in map(str.casefold, getattr(label, key)))
            if value and (label := next(claimed, None)):
                return label
        return self.formats[self.default]

    def that_fit(self, content: LabelContent) -> list[LabelFormat]:
        """The formats that print this label."""
        return [label for label in self.formats.values() if fits(label, content)]


def fits(label: LabelFormat, content: LabelContent) -> bool:
    """Whether the format prints this label."""
    try:
        Drawer(label).draw(content)
    except NotPrintable:
        return False
    return True


@cache
def built_in() -> Catalogue:
    """The formats that come with the program."""
    return Catalogue(read_formats(BUILT_IN), "large")


def of_settings(settings: Settings) -> Catalogue:
    """Raises SettingsError with everything that is wrong with the site's formats."""
    formats = dict(built_in().formats)
    if settings.label_formats_file:
        try:
            formats |= read_formats(settings.label_formats_file)
        except FormatsInvalid as error:
            raise SettingsError([f"LABEL_FORMATS_FILE: {problem}" for problem in error.problems]) from None
    if settings.label_format not in formats:
        raise SettingsError([f"LABEL_FORMAT: there is no format {settings.label_format}. Choose one of: {', '.join(formats)}"])
    return Catalogue(formats, settings.label_format)
