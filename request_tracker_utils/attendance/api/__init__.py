"""JSON routes of the attendance bridge."""
