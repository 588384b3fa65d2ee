"""Errors of pay periods."""

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound


class PayPeriodNotFound(NotFound):
    """No pay period has this ID."""

    code = "pay_period_not_found"


class InvalidPayPeriod(Invalid):
    """The pay periods cannot be created like this; `field` names the field."""

    code = "invalid_pay_period"


class PayPeriodClosed(Conflict):
    """The period is closed, which is final. Later changes become adjustments."""

    code = "pay_period_closed"


class PayPeriodNotLast(Conflict):
    """Only the last period can be deleted, since there are no gaps."""

    code = "pay_period_not_last"


class PayPeriodNotOver(Conflict):
    """Punches may still belong to the last day of the period."""

    code = "pay_period_not_over"


class EarlierPeriodOpen(Conflict):
    """An earlier period is open. Close it first."""

    code = "earlier_period_open"


class PayPeriodHasWarnings(Conflict):
    """The period has days that need attention. Confirm that it is closed with them."""

    code = "pay_period_has_warnings"
