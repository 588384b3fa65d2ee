"""Pages of the attendance bridge, and the routes of terminals that push."""
