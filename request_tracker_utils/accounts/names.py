"""Names of jobs."""

DELETE_ENDED_SESSIONS = "delete-ended-sessions"
DELETE_LOGIN_EVENTS = "delete-login-events"
