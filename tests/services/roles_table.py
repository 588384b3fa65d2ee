"""Writes the table of roles in docs/operation.md from the permissions themselves. `python -m tests.services.roles_table`"""

import ast
from pathlib import Path

from request_tracker_utils.accounts.models import Role
from request_tracker_utils.app import FEATURES

PAGE = Path("docs/operation.md")
BEGIN, END = "<!-- roles: `python -m tests.services.roles_table` writes this table -->\n", "<!-- end of roles -->\n"


def table() -> str:
    """Every permission in words, with the roles that have it."""
    rows = ["| Permission | Allows to | " + " | ".join(f"`{role}`" for role in Role) + " |", "|---|---|" + "---|" * len(Role)]
    words = _words()
    grants = [feature.grants for feature in FEATURES]
    for permission in sorted({str(each) for granted in grants for permissions in granted.values() for each in permissions}):
        has = ["✓" if any(permission in granted.get(role, ()) for granted in grants) else "" for role in Role]
        rows.append(f"| `{permission}` | {words[permission]} | " + " | ".join(has) + " |")
    return "\n".join(rows) + "\n"


def page_with(new: str, page: str) -> str:
    """The page with this table instead of its own."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + new + END + rest.split(END)[1]


def _words() -> dict[str, str]:
    """Permission → the sentence below it in its module, which Python itself does not keep."""
    words = {}
    for file in sorted(Path("request_tracker_utils").glob("*/permissions.py")):
        for kind in (node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)):
            for member, text in zip(kind.body, kind.body[1:], strict=False):
                if isinstance(member, ast.Assign) and isinstance(text, ast.Expr):
                    words[ast.literal_eval(member.value)] = _lower_first(" ".join(str(ast.literal_eval(text.value)).split()).rstrip("."))
    return words


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


if __name__ == "__main__":
    PAGE.write_text(page_with(table(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
