"""The forms of one new asset and of an import."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import FileStorage
from wtforms import HiddenField, SelectField, StringField, TextAreaField

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import lists
from request_tracker_utils.assets.fields import FIELDS, REQUIRED, SERIAL, field_problems
from request_tracker_utils.assets.lists import Listed
from request_tracker_utils.assets.models import AssetImport
from request_tracker_utils.core.errors import Invalid, Unavailable, UpstreamRefused
from request_tracker_utils.core.translation import gettext
from request_tracker_utils.imports.parsing import FileUnreadable
from request_tracker_utils.web.registry import settings

WITH_DEFAULTS = tuple(field for field in FIELDS if field not in ("serial_number", "internal_name"))
"""Fields that may have a default for all rows of an import."""


class _CommonFields(FlaskForm):  # type: ignore[misc]
    """Fields that assets entered together usually share."""

    manufacturer = StringField(_("Manufacturer"))
    model = StringField(_("Model"))
    category = StringField(_("Category"))
    funding_source = StringField(_("Funding source"))


class AssetForm(_CommonFields):
    """Fields have the names of the JSON route. `fields` validates their values, as it does for the API, imports and commands."""

    serial_number = StringField(
        _("Serial number"), render_kw={"autofocus": True, "autocapitalize": "characters", "pattern": SERIAL.pattern}
    )
    internal_name = StringField(_("Internal name"))
    catalog = SelectField(_("Catalog"))


class ImportForm(_CommonFields):
    lines = TextAreaField(_("Serial numbers, one per line"))
    source = HiddenField()
    """The name of the file whose text is in `lines`: the page where columns are chosen sends it back."""
    file = FileField(_("CSV file"))
    catalog = SelectField(_("Catalog"), validate_choice=False)

    def defaults(self) -> dict[str, str]:
        """Field → the default for rows without a value. Raises FieldInvalid."""
        values = {field: (self[field].data or "").strip() for field in WITH_DEFAULTS}
        for problem in field_problems(values):
            if problem.rule:  # a missing value may be in the rows
                raise problem.error()
        return values

    def text(self) -> tuple[str, str]:
        """The file's name, empty if the list was pasted, and the text. Raises Invalid, FileUnreadable."""
        file: FileStorage | None = self.file.data
        text = self.lines.data or ""
        if file is None or not file.filename:
            return self.source.data or "", text
        if text.strip():
            raise Invalid(gettext("You submitted both a list and a file. Clear the list, or remove the file."), field="lines")
        try:
            return file.filename, lists.decode(file.read(lists.MAX_FILE_SIZE + 1))
        except FileUnreadable as error:
            error.fields["field"] = "file"
            raise

    def listed(self, text: str) -> Listed:
        """The rows of the text. Raises FileUnreadable."""
        try:
            return lists.read(text)
        except FileUnreadable as error:
            if self.file.data and self.file.data.filename:
                error.fields["field"] = "file"
            raise


def asset_form() -> AssetForm:
    form = AssetForm(catalog=settings().rt_catalog)
    form.catalog.choices = asset_store().catalogs()
    for name in REQUIRED:
        form[name].flags.required = True  # for the page only: errors are reported by `fields`
    return form


def import_form(earlier: AssetImport | None = None) -> ImportForm:
    """Empty, or filled with an earlier list."""
    data: Mapping[str, str] = {"catalog": settings().rt_catalog}
    if earlier is not None:
        header = lists.header_for(earlier.columns, earlier.head)
        data = {**data, **earlier.defaults, "lines": lists.to_text(header, earlier.rows) if earlier.rows else ""}
    form = ImportForm(data=data)
    form.catalog.choices = sorted({*_catalogs(), data["catalog"]})
    return form


def column_choices(form: Mapping[str, str], prefix: str = "") -> dict[str, int]:
    """Field → the column chosen for it. Raises Invalid."""
    choices = {field: form.get(prefix + field, "") for field in FIELDS}
    if not all(value.isdecimal() and len(value) < 4 for value in choices.values() if value):
        raise Invalid(gettext("The list does not have this column. Choose another column."))
    return {field: int(value) for field, value in choices.items() if value}


def _catalogs() -> list[str]:
    """Empty while the asset store does not answer, so that the list can be saved anyway."""
    try:
        return asset_store().catalogs()
    except (Unavailable, UpstreamRefused):
        return []
