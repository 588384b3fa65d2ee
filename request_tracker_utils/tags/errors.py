"""Errors of tags."""

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound, Unavailable


class NotATag(Invalid):
    """The text does not have the format of a tag."""

    code = "not_a_tag"


class TagTaken(Conflict):
    """The tag is in use; `asset_id` is the asset that has it, if any."""

    code = "tag_taken"


class AssetHasTag(Conflict):
    """The asset already has another tag, `asset_tag`."""

    code = "asset_has_tag"


class TagNotFound(NotFound):
    """No pending tag has this text."""

    code = "tag_not_found"


class SweepNotPreviewed(Conflict):
    """The sweep has not been previewed for the selected catalogs."""

    code = "not_tried"


class SequenceNotReady(Unavailable):
    """Existing tags are still being imported. New tags are assigned afterwards."""

    code = "sequence_not_ready"


class SequenceExhausted(Conflict):
    """The sequence has no numbers left."""

    code = "sequence_exhausted"


class PrefixTaken(Conflict):
    """The prefix already exists, ignoring case."""

    code = "prefix_taken"


class PrefixNotFound(NotFound):
    """No sequence has this prefix."""

    code = "prefix_not_found"


class SequenceChanged(Conflict):
    """The next number is not the expected one: the sequence was reset, or tags were assigned."""

    code = "sequence_moved"
