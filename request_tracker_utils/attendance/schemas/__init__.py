"""Bodies of its JSON requests and responses."""
