"""What the administrator sees of the program itself."""
