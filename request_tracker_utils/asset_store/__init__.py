"""Where assets live: Request Tracker, or the embedded store when none is configured."""
