"""Students, their devices, and who has which."""
