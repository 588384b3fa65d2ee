"""Names of the jobs that send changes of devices to Request Tracker. The domains that talk to Request Tracker provide them."""

SYNC_HOLDERS = "sync-holders"
"""Sets the holders of devices whose assignment changed."""

CREATE_TICKETS = "create-tickets"
"""Creates the requested repair tickets."""
