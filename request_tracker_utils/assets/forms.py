"""The form of a list of assets."""

from collections.abc import Mapping

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import FileStorage
from wtforms import SelectField, StringField, TextAreaField

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import lists
from request_tracker_utils.assets.fields import FIELDS, problems
from request_tracker_utils.assets.lists import Listed
from request_tracker_utils.assets.models import Intake
from request_tracker_utils.core.errors import Invalid, Unavailable, UpstreamRefused
from request_tracker_utils.imports.parsing import FileUnreadable
from request_tracker_utils.web.registry import settings

HELD = tuple(field for field in FIELDS if field not in ("serial_number", "internal_name"))
"""Fields that may hold for a whole list."""


class IntakeForm(FlaskForm):  # type: ignore[misc]
    lines = TextAreaField("Serial numbers, one a line")
    file = FileField("CSV file")
    manufacturer = StringField("Manufacturer")
    model = StringField("Model")
    category = StringField("Category")
    funding_source = StringField("Funding source")
    catalog = SelectField("Catalog", validate_choice=False)

    def held(self) -> dict[str, str]:
        """What holds where a row says nothing. Raises Invalid for what no row may say."""
        values = {field: (self[field].data or "").strip() for field in HELD}
        for problem in problems(values):
            if problem.rule:  # what is missing here may stand in the rows
                raise problem.error()
        return values

    def listed(self) -> tuple[str, Listed]:
        """The file's name and its rows; no name where they were pasted. Raises Invalid, FileUnreadable."""
        file: FileStorage | None = self.file.data
        text = self.lines.data or ""
        if file is None or not file.filename:
            return "", lists.read(text)
        if text.strip():
            raise Invalid("There is a file and a list. Send one of them: empty the list, or take the file away.", field="lines")
        try:
            return file.filename, lists.read(lists.decode(file.read(lists.MAX_FILE_SIZE + 1)))
        except FileUnreadable as error:
            error.fields["field"] = "file"
            raise


def intake_form(again: Intake | None = None) -> IntakeForm:
    """Empty, or filled in with an earlier list."""
    data: Mapping[str, str] = {"catalog": settings().rt_catalog}
    if again is not None:
        data = {**data, **again.defaults, "lines": lists.to_text(again.head, again.rows)}
    form = IntakeForm(data=data)
    form.catalog.choices = sorted({*_catalogs(), data["catalog"]})
    return form


def _catalogs() -> list[str]:
    """Empty while the directory does not answer: the list is kept all the same."""
    try:
        return asset_store().catalogs()
    except (Unavailable, UpstreamRefused):
        return []


def columns_in(form: Mapping[str, str]) -> dict[str, int]:
    """Field → the column chosen for it. Raises Invalid."""
    chosen = {field: form.get(field, "") for field in FIELDS}
    if not all(value.isdecimal() and len(value) < 4 for value in chosen.values() if value):
        raise Invalid("The list has no such column. Choose again.")
    return {field: int(value) for field, value in chosen.items() if value}
