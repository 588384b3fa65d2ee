"""Kinds of this room's tasks, as they are stored."""

PREVIEW_ROSTER, IMPORT_ROSTER = "check-roster", "import-roster"
