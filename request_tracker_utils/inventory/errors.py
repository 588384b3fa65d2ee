"""Errors of the stock."""

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound


class InvalidStockField(Invalid):
    """A type, length, quantity or text is missing or not valid; `field` names it."""

    code = "field_unfit"


class StockRowNotFound(NotFound):
    """The stock has no row with this ID, type or length."""

    code = "stock_row_not_found"


class MovementNotFound(NotFound):
    """The ledger has no movement with this ID."""

    code = "movement_not_found"


class ReceiptNotFound(NotFound):
    """No delivery has this ID."""

    code = "receipt_not_found"


class CableTypeNotFound(NotFound):
    """No cable type has this ID."""

    code = "cable_type_not_found"


class CountNotFound(NotFound):
    """No count has this ID."""

    code = "count_not_found"


class NotEnough(Conflict):
    """Fewer pieces are available than requested; `available` says how many. Nothing was changed."""

    code = "not_enough"


class ShelfFull(Conflict):
    """The row would have more pieces than a row can have. Check the quantity."""

    code = "shelf_full"


class PackingSlipReceived(Conflict):
    """The vendor's packing slip was already received; `receipt_id` is its delivery."""

    code = "packing_slip_received"


class RequestKeyReused(Conflict):
    """The Idempotency-Key was used for a different request. Send a new key with each new request."""

    code = "idempotency_key_reused"


class NotReversible(Conflict):
    """The movement is a reversal, or was already reversed; `reversal_id` is its reversal."""

    code = "movement_not_reversible"


class CountFinished(Conflict):
    """The count is finished. Start another one."""

    code = "count_finished"


class CountedAlready(Conflict):
    """The row was already counted in this count. Send `recount` to count it again."""

    code = "row_counted"


class CorrectedMeanwhile(Conflict):
    """The row's balance was corrected after it was counted. Count it again; `movement_id` is its last movement now."""

    code = "row_corrected"


class CableTypeExists(Conflict):
    """Another cable type has this name, possibly in different case."""

    code = "cable_type_exists"
