"""How keys of sessions, tokens and links are stored."""

import hashlib


def hash_of(key: str) -> str:
    """Keys are long and random, so a fast hash keeps them; passwords take argon2."""
    return hashlib.sha256(key.encode()).hexdigest()
