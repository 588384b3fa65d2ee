"""Where assets are stored: in Request Tracker, or in this program's own database if none is configured."""
