"""Settings of terminals that administrators may enter on a page.

Those that decide who may reach the program, and what it may reach, are not among them.
"""

from request_tracker_utils.core.page_settings import SettingsGroup
from request_tracker_utils.core.translation import gettext_noop

TERMINAL_SETTINGS = SettingsGroup(
    "terminals",
    gettext_noop("Terminals"),
    {
        "polling_interval_minutes": gettext_noop("Minutes between two polls"),
        "terminal_silent_minutes": gettext_noop("Alert: silent for minutes"),
        "terminal_drift_seconds": gettext_noop("Alert: clock wrong by seconds"),
        "terminal_alert_recipients": gettext_noop("Alert: email addresses"),
    },
    help=gettext_noop(
        "A changed interval counts from the last poll of each terminal. Without email addresses, all administrators get alerts."
    ),
    order=40,
)

GROUPS = [TERMINAL_SETTINGS]
