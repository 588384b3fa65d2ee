"""What can go wrong with labels that are scanned."""

from request_tracker_utils.core.errors import Invalid, NotFound


class NotALabel(Invalid):
    """What was scanned is no label of ours; the message says what it is."""

    code = "not_a_label"


class PrintNotFound(NotFound):
    """There is no such print on record."""

    code = "print_not_found"
