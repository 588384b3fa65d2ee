"""Writes docs/settings.md from the settings themselves. `python -m tests.services.settings_page`"""

from pathlib import Path

from request_tracker_utils.core.settings import reference

PAGE = """# Settings

Every setting is an environment variable. A file of `NAME=value` lines that `SECRETS_FILE` names may hold any of them; what stands in
the environment wins. The program reads them once, when it starts; a wrong one stops the start, and all wrong ones are listed together.
`rtutils settings` prints the values in effect, with secrets masked.

{table}
"""

if __name__ == "__main__":
    Path("docs/settings.md").write_text(PAGE.format(table=reference()), encoding="utf-8")
