"""Bodies of JSON requests and responses."""
