"""Where templates, static files, migrations and what is meant for Request Tracker lie.

In a checkout they stand beside the package; a wheel carries them inside it.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_HOLDER = _PACKAGE if (_PACKAGE / "templates").is_dir() else _PACKAGE.parent

TEMPLATES = _HOLDER / "templates"
STATIC = _HOLDER / "static"
MIGRATIONS = _HOLDER / "migrations"
CONTRIB = _HOLDER / "contrib"
