"""What can go wrong with tags."""

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound, Unavailable


class NotATag(Invalid):
    code = "not_a_tag"


class TagTaken(Conflict):
    """`asset_id` names the holder where there is one."""

    code = "tag_taken"


class AssetHasTag(Conflict):
    code = "asset_has_tag"


class TagNotFound(NotFound):
    code = "tag_not_found"


class SequenceNotReady(Unavailable):
    code = "sequence_not_ready"


class SequenceExhausted(Conflict):
    code = "sequence_exhausted"
