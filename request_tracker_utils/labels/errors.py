"""Errors of label formats, printing and scanning that callers see."""

from request_tracker_utils.core.errors import Invalid, NotFound


class UnknownFormat(Invalid):
    """No label format has this name; the field `known` lists the names of those installed."""

    code = "unknown_label_format"


class NotPrintable(Invalid):
    """The label cannot be printed, because it would be too small to scan or read."""

    code = "label_not_printable"


class TagTooLong(NotPrintable):
    """The tag does not fit the label's barcode or its text box at the smallest readable size."""

    code = "tag_too_long"


class TagNotEncodable(NotPrintable):
    """The tag contains a character that Code 128 cannot encode."""

    code = "tag_not_encodable"


class AddressTooLong(NotPrintable):
    """The address does not fit the label's QR code at the smallest readable module."""

    code = "address_too_long"


class LabelTemplateFailed(NotPrintable):
    """The site's label template failed; the message names the file, the line and the reason."""

    status, code = 500, "label_template_failed"


class NotALabel(Invalid):
    """The scanned code is not one of our labels; the message describes the code."""

    code = "not_a_label"


class PrintNotFound(NotFound):
    """The print history has no print with this number."""

    code = "print_not_found"
