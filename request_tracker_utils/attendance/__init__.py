"""Attendance: terminals at the doors of the schools, and the punches that people make on them."""
