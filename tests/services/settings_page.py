"""Writes docs/settings.md from the settings themselves. `python -m tests.services.settings_page`"""

from pathlib import Path

from request_tracker_utils.core.settings import reference

PAGE = """# Settings

Every setting is an environment variable. Settings can also be in a file with `NAME=value` lines, named by `SECRETS_FILE`; the environment
takes precedence. The program reads its settings once, when it starts. If any are invalid, it lists all of them and does not start.
`rtutils settings` prints the effective values, with secrets masked.

{table}
"""

if __name__ == "__main__":
    Path("docs/settings.md").write_text(PAGE.format(table=reference()), encoding="utf-8")
