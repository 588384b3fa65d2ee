"""Users, roles, sessions, personal tokens, and one-time links."""
