"""Where the files that belong to the program are."""

from pathlib import Path

# In a checkout, templates, static files, migrations and the files for Request Tracker are beside the package; in a wheel, inside it.
_PACKAGE = Path(__file__).resolve().parent.parent.parent
_ROOT = _PACKAGE if (_PACKAGE / "templates").is_dir() else _PACKAGE.parent

TEMPLATES = _ROOT / "templates"
STATIC = _ROOT / "static"
MIGRATIONS = _ROOT / "migrations"
CONTRIB = _ROOT / "contrib"
