"""What can go wrong with tags."""

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound, Unavailable


class NotATag(Invalid):
    """The text is not spelt like a tag of this installation."""

    code = "not_a_tag"


class TagTaken(Conflict):
    """The tag is not free; `asset_id` names the holder where there is one."""

    code = "tag_taken"


class AssetHasTag(Conflict):
    """The asset has another tag already, which `asset_tag` names."""

    code = "asset_has_tag"


class TagNotFound(NotFound):
    """No such tag waits for anything."""

    code = "tag_not_found"


class NotTried(Conflict):
    """The sweep has not been tried dry for the catalogs that are chosen."""

    code = "not_tried"


class SequenceNotReady(Unavailable):
    """The tags that the directory holds are still being read; the first tag is given after that."""

    code = "sequence_not_ready"


class SequenceExhausted(Conflict):
    """The sequence has given all its numbers."""

    code = "sequence_exhausted"


class PrefixTaken(Conflict):
    """There is such a prefix already, compared without case."""

    code = "prefix_taken"


class PrefixNotFound(NotFound):
    """No sequence has this prefix."""

    code = "prefix_not_found"


class SequenceMoved(Conflict):
    """The sequence is no longer where the caller saw it: somebody set it meanwhile, or tags were given."""

    code = "sequence_moved"
