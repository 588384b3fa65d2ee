"""Names of the jobs that send changes of devices to Request Tracker. The domains that talk to Request Tracker provide them."""

SYNC_HOLDERS = "sync-holders"
"""Sends the holder of devices whose assignment changed."""

CREATE_REPAIR_TICKETS = "create-repair-tickets"
"""Creates the requested repair tickets."""
