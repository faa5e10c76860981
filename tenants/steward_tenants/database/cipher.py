"""AES-256-GCM under one key. The vault loads this with the first secret that it seals or opens."""

from __future__ import annotations

import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class Cipher:
    """Seals and opens under the key that is derived from `secret`."""

    def __init__(self, secret: bytes) -> None:
        self._under = AESGCM(hashlib.sha256(b"encrypt" + secret).digest())

    def seal(self, text: str, place: str) -> bytes:
        """`nonce ‖ ciphertext`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._under.encrypt(nonce, text.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """The text. Raises ValueError for what was not sealed for this place under this key."""
        try:
            return self._under.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode()).decode()
        except InvalidTag:
            raise ValueError("not sealed for this place under this key") from None
