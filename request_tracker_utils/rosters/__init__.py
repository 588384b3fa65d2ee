"""Lists of students and devices that come and go as files, and the turn of the school year."""
