"""All settings, read once from the environment and `SECRETS_FILE`."""

from request_tracker_utils.core.settings.assets import FIELD_SETTINGS
from request_tracker_utils.core.settings.paths import CONTRIB, MIGRATIONS, STATIC, TEMPLATES
from request_tracker_utils.core.settings.reading import SettingsError, load_settings, settings_problem
from request_tracker_utils.core.settings.settings import Settings, reference

__all__ = [
    "CONTRIB",
    "FIELD_SETTINGS",
    "MIGRATIONS",
    "STATIC",
    "TEMPLATES",
    "Settings",
    "SettingsError",
    "load_settings",
    "reference",
    "settings_problem",
]
