"""Writes docs/settings.md from the settings themselves. `python -m tests.services.settings_page`"""

from pathlib import Path

from request_tracker_utils.core.settings import reference

PAGE = """# Settings

Every setting is an environment variable. Settings can also be in a file with `NAME=value` lines, named by `SECRETS_FILE`; the environment
takes precedence. The program reads its settings once, when it starts. If any are invalid, it lists all of them and does not start.
`rtutils settings` prints the effective values and where they come from, with secrets masked.

Administrators can enter some settings under *Administration → Settings* as well. These apply within seconds, without a restart. The
environment takes precedence: a variable that is set there cannot be changed on the page. Secrets are encrypted with `SECRET_KEY` in the
database, and shown nowhere; after a change of `SECRET_KEY`, enter them again.

{table}
"""

if __name__ == "__main__":
    Path("docs/settings.md").write_text(PAGE.format(table=reference()), encoding="utf-8")
