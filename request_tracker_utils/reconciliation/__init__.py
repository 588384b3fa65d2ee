"""Finds where another system and this program disagree, records it, and resolves it. Domains supply what to compare and what to do."""
