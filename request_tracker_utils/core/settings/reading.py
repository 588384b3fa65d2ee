"""Reading settings from the environment and `SECRETS_FILE`, and checking them. All errors are reported together."""

import os
from collections.abc import Mapping

from dotenv import dotenv_values
from pydantic import ValidationError

from request_tracker_utils.core.settings.assets import FIELD_SETTINGS
from request_tracker_utils.core.settings.settings import Settings

_REQUIRED = (
    ("rt_url", "rt_token", "required with RT_URL. Create a token in Request Tracker under Settings, Auth Tokens."),
    ("crm_api_url", "crm_api_token", "required with CRM_API_URL. Create a token in the CRM for this program."),
)
"""A setting, and another one without which it is useless."""


class SettingsError(Exception):
    """Invalid settings; `problems` has one message per variable."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Reads settings from the environment (`os.environ` by default) and from the file named by `SECRETS_FILE`.

    Raises SettingsError with all problems.
    """
    given = dict(os.environ if environ is None else environ)
    from_file = _read_secrets(given.get("SECRETS_FILE", ""))
    known = {name: (given.get(name.upper()) or from_file.get(name.upper())) for name in Settings.model_fields}
    problems = [f"{needed.upper()}: {why}" for name, needed, why in _REQUIRED if known[name] and not known[needed]]
    try:
        settings = Settings.model_validate({name: value for name, value in known.items() if value})
    except ValidationError as error:
        problems = [*(_problem(e["loc"], e["msg"]) for e in error.errors(include_input=False)), *problems]
    else:
        problems += _same_fields(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def _same_fields(settings: Settings) -> list[str]:
    """Request Tracker ignores case in custom field names: two settings for one field would overwrite each other's value."""
    first_by_field: dict[str, str] = {}
    problems = []
    for name in FIELD_SETTINGS:
        field = str(getattr(settings, name))
        first = first_by_field.setdefault(field.casefold(), name)
        if first != name:
            problems.append(f"{name.upper()}: {first.upper()} already names the field {field}. Choose a different field for each setting.")
    return problems


def _read_secrets(path: str) -> dict[str, str]:
    if not path:
        return {}
    try:
        with open(path, encoding="utf-8") as stream:
            return {name: value for name, value in dotenv_values(stream=stream, interpolate=False).items() if value}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"SECRETS_FILE: cannot be read: {error}"]) from None


def _problem(where: tuple[int | str, ...], message: str) -> str:
    return f"{str(where[0]).upper()}: {settings_problem(message)}"


def settings_problem(message: str) -> str:
    """What Pydantic says about a value, without its prefix."""
    return message.removeprefix("Value error, ")
