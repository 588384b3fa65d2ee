"""Encrypted texts: readable with the same key for the same purpose, and with no other."""

import pytest

from request_tracker_utils.core.encryption import Encryption, NotDecrypted
from request_tracker_utils.core.settings import Settings
from tests.services.tables import check_all

KEY, OTHER_KEY = "a-secret-key-of-the-tests", "another-secret-key-of-the-tests"


def test_a_text_is_decrypted_with_the_same_key_and_for_the_same_purpose_only() -> None:
    encrypted = Encryption(KEY, "smtp").encrypt("pä$$")
    assert "pä$$" not in encrypted
    assert Encryption(KEY, "smtp").decrypt(encrypted) == "pä$$"

    def is_refused(encryption: Encryption, text: str) -> None:
        with pytest.raises(NotDecrypted):
            encryption.decrypt(text)

    other = Encryption(KEY, "twilio")
    rows = [
        (Encryption(OTHER_KEY, "smtp"), encrypted),
        (other, encrypted),
        (other, ""),
        (other, "plain"),
        (other, "ä"),
        (other, encrypted[:-4]),
    ]
    check_all(rows, is_refused)


def test_settings_without_a_key_encrypt_nothing() -> None:
    with pytest.raises(ValueError, match="the secret key does not exist yet"):
        Encryption.of(Settings(), "smtp")
