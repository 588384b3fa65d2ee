"""Pages of optics requests."""
