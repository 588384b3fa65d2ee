"""An empty school."""

from tests.services.school import school_in_context  # noqa: F401 — the fixture `school`
