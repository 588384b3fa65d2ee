"""Forms."""

from flask_wtf import FlaskForm

from request_tracker_utils.core.errors import AppError


def add_error(form: FlaskForm, error: AppError) -> None:
    """Adds the error's message to the field that it names, or to the form if it names none of its fields."""
    field = error.fields.get("field")
    if field in form:
        form[field].errors = [*form[field].errors, error.message]
    else:
        form.form_errors.append(error.message)
