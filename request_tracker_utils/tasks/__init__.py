"""Long work that people start and watch: it has progress, outlives a restart, and tells what failed so that it can be repeated alone."""
