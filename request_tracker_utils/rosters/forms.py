"""The forms of lists: the file that is brought, and which of its columns is what."""

from collections.abc import Mapping

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.rosters.errors import ColumnUnfit
from request_tracker_utils.rosters.fields import TITLES
from request_tracker_utils.students.grades import ORDERED_GRADES


class RosterForm(FlaskForm):  # type: ignore[misc]
    file = FileField("CSV file", [InputRequired()])

    def opened(self) -> FileField:
        """The file that was chosen. Raises Invalid."""
        if self.file.data is None or not self.file.data.filename:
            raise Invalid("Choose a file, or drop one here.", field="file")
        return self.file.data


class YearForm(FlaskForm):  # type: ignore[misc]
    name = StringField("School year that begins", [InputRequired()])
    last_grade = SelectField("Last grade, whose students leave", choices=ORDERED_GRADES)


def columns_in(form: Mapping[str, str], subject: str) -> dict[str, int]:
    """Field → the column chosen for it. Raises ColumnUnfit."""
    chosen = {field: form.get(field, "") for field in TITLES[subject]}
    for field, value in chosen.items():
        if value and not (value.isascii() and value.isdigit() and len(value) < 4):
            raise ColumnUnfit("The list has no such column. Choose again.", field=field)
    return {field: int(value) for field, value in chosen.items() if value}
