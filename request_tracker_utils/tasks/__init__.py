"""Long work that people start and watch: it has progress, survives a restart, and retries only the items that failed."""
