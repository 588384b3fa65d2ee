"""The older installation's sequence file and its log of tags, which the room of tags takes over."""

from pathlib import Path

SEQUENCE_NAME = "asset_tag_sequence.txt"


def sequence_file(named: Path | None, database: Path, setting: Path | None) -> Path | None:
    """The file that was named, else the one that is set, else the one of the usual name beside the older database, if there is one."""
    beside = database.resolve().with_name(SEQUENCE_NAME)
    return named or setting or (beside if beside.is_file() else None)
