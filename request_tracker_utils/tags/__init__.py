"""Asset tags: the sequences that number them, who holds which, the trail of every change, and Request Tracker's webhook."""
