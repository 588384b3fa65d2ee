"""Encrypts secrets that people enter, so that the database and its backups do not contain them. The key comes from SECRET_KEY."""

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from request_tracker_utils.core.settings import Settings


class NotDecrypted(Exception):
    """The text was encrypted with another key: SECRET_KEY has changed. Ask people to enter it again."""


class Encryption:
    """Encrypts texts of one purpose. What was encrypted for one cannot be decrypted for another, so stored texts cannot be swapped."""

    def __init__(self, secret_key: str, purpose: str) -> None:
        derived = HKDF(SHA256(), length=32, salt=None, info=f"rtutils encryption: {purpose}".encode()).derive(secret_key.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    @classmethod
    def of(cls, settings: Settings, purpose: str) -> "Encryption":
        """Raises ValueError for settings without a secret key; see `preparation.with_stored_keys`."""
        if settings.secret_key is None:
            raise ValueError("the secret key does not exist yet")
        return cls(settings.secret_key.get_secret_value(), purpose)

    def encrypt(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Raises NotDecrypted, also for texts that nobody has encrypted."""
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken:
            raise NotDecrypted from None
