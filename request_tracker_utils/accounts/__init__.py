"""Who may come in: users, roles, sessions, personal tokens, and the one-time link that makes the first administrator."""
