"""The upload form, and the mapping of columns on its page."""

from collections.abc import Iterable, Mapping

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import FileStorage
from wtforms.validators import InputRequired

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext
from request_tracker_utils.imports.errors import ColumnsInvalid


class UploadForm(FlaskForm):  # type: ignore[misc]
    file = FileField(_("CSV file"), [InputRequired()])

    def uploaded(self) -> FileStorage:
        """The chosen file. Raises Invalid."""
        file: FileStorage | None = self.file.data
        if file is None or not file.filename:
            raise Invalid(gettext("Choose a file, or drop one here."), field="file")
        return file


def mapped_columns(form: Mapping[str, str], fields: Iterable[str]) -> dict[str, int]:
    """Field → the column that was chosen for it. Raises ColumnsInvalid."""
    chosen = {field: form.get(field, "") for field in fields}
    for field, value in chosen.items():
        if value and not (value.isascii() and value.isdigit() and len(value) < 4):
            raise ColumnsInvalid(gettext("The file has no such column. Choose again."), field=field)
    return {field: int(value) for field, value in chosen.items() if value}
