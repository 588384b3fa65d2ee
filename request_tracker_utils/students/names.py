"""Names by which other rooms know this one."""

SYNC_HOLDERS = "sync-holders"
"""The job that tells the asset store who has which device. It runs soon after each commit that changes that."""
CREATE_REPAIR_TICKETS = "create-repair-tickets"
"""The job that creates the tickets of `repairs.ask_ticket` in Request Tracker."""
