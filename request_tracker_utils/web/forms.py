"""Forms on pages."""

from flask_wtf import FlaskForm

from request_tracker_utils.core.errors import AppError


def show_problem(form: FlaskForm, error: AppError) -> None:
    """Puts the error's message at the field that it names, or above the form where it names none of this form's."""
    named = error.fields.get("field")
    if named in form:
        form[named].errors = [*form[named].errors, error.message]
    else:
        form.form_errors.append(error.message)
