"""JSON routes of workdays."""
