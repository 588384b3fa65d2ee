"""Names by which rooms above this one are known here."""

TELL_HOLDERS = "tell-holders"
"""The job that tells the directory who has what; nudged after each change."""
