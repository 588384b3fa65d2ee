"""Forms on pages."""

from flask_wtf import FlaskForm

from request_tracker_utils.core.errors import AppError


def show_problem(form: FlaskForm, error: AppError, *, default: str) -> None:
    """Puts the error's message at the field that it names, or at `default` where it names none of this form's."""
    named = error.fields.get("field")
    field = form[named if named in form else default]
    field.errors = [*field.errors, error.message]
