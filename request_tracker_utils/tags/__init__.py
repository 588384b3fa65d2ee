"""Asset tags: sequences, assignment to assets, the audit log, and Request Tracker's webhook."""
