"""Pages of workdays."""
