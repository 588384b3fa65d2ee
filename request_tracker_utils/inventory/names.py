"""Names of jobs."""

DELETE_REQUEST_KEYS = "delete-stock-request-keys"
"""The job that deletes old keys of requests that moved stock."""

NOTIFY_ABOUT_ARRIVED_STOCK = "notify-about-arrived-stock"
"""The job that sends messages about filled back-orders. The domain that reserves provides it."""
