"""Assets: searching and viewing them, creating one or a whole list, and assigning tags."""
