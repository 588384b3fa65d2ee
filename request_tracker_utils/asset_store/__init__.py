"""Where assets are stored: in Request Tracker, or in this program's database if Request Tracker is not configured."""
