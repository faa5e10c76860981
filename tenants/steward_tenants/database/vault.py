"""Secrets at rest: AES-256-GCM under a named key, bound to where the value stands; keyed digests."""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import cached_property
from typing import TYPE_CHECKING

from steward_tenants.database.signing import NamedKey

if TYPE_CHECKING:
    from steward_tenants.database.cipher import Cipher


class Unreadable(Exception):
    """An encrypted value's key is not among those given, or the value was tampered with or moved."""


class Vault:
    """Encrypts with the first key, decrypts with any. `place` (`tenant/table/column/row`) binds a value to its row,
    so that a ciphertext copied elsewhere does not open."""

    def __init__(self, keys: tuple[NamedKey, ...]) -> None:
        self._keys = {key.key_id: key for key in keys}
        self._first = keys[0]
        self._keyed = hmac.new(hashlib.sha256(b"digest" + self._first.secret).digest(), digestmod=hashlib.sha256)

    @cached_property
    def _ciphers(self) -> dict[str, Cipher]:
        from steward_tenants.database.cipher import Cipher  # noqa: PLC0415 - 8 MB, and many processes meet no secret

        return {key_id: Cipher(key.secret) for key_id, key in self._keys.items()}

    def encrypt(self, text: str, place: str) -> str:
        """`key_id.base64(nonce ‖ ciphertext)`."""
        sealed = self._ciphers[self._first.key_id].seal(text, place)
        return f"{self._first.key_id}.{base64.urlsafe_b64encode(sealed).decode()}"

    def decrypt(self, value: str, place: str) -> str:
        """The text that was encrypted for this place. Raises Unreadable."""
        key_id, _, encoded = value.partition(".")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise Unreadable(f"no key named {key_id!r}")
        try:
            return cipher.open(base64.urlsafe_b64decode(encoded), place)
        except ValueError:
            raise Unreadable("the value does not belong here") from None

    def outdated(self, value: str) -> bool:
        """Whether the value is under another key than the first (to be encrypted anew during a rotation)."""
        return value.partition(".")[0] != self._first.key_id

    def digest(self, text: str, place: str) -> str:
        """A keyed digest, hex, 128 bits: equal texts at the same place give equal digests, nothing more is told."""
        keyed = self._keyed.copy()
        keyed.update(f"{place}\0{text}".encode())
        return keyed.hexdigest()[:32]
