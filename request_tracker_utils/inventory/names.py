"""Names of jobs."""

DELETE_REQUEST_KEYS = "delete-stock-request-keys"
"""The job that deletes old keys of requests that moved stock."""
