"""The signed tenant: what a transaction presents to the database to be let in to one tenant's rows.

A token is `key_id.tenant_id.expiry.mac`: expiry in seconds since the epoch, mac the hex HMAC-SHA-256 of the
first three parts. `steward.tenant()` in the database verifies it with its own copy of the key (ADR 0002).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time
from dataclasses import dataclass, field
from uuid import UUID

TENANT_SETTING = "steward.tenant"
TOKEN_SECONDS = 30
"""How long a token opens transactions. The verifier accepts at most 60 s, which leaves room for clock skew."""

_BLOCK = 64
_KEY_ID = re.compile(r"^[a-z0-9]{1,16}$")


@dataclass(frozen=True)
class NamedKey:
    """A secret of at least 32 bytes under a short name (`k1`), so that several can be valid during a rotation."""

    key_id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _KEY_ID.match(self.key_id):
            raise ValueError("a key's name is 1 to 16 lower-case letters and digits")
        if len(self.secret) < 32:
            raise ValueError(f"key {self.key_id} is shorter than 32 bytes")

    def pads(self) -> tuple[bytes, bytes]:
        """The key's inner and outer HMAC blocks: what the verifier stores, 64 bytes each."""
        block = self.secret if len(self.secret) <= _BLOCK else hashlib.sha256(self.secret).digest()
        block = block.ljust(_BLOCK, b"\0")
        return bytes(b ^ 0x36 for b in block), bytes(b ^ 0x5C for b in block)


def parse_keys(text: str) -> tuple[NamedKey, ...]:
    """Read `id:base64url[,id:base64url…]`; the first key signs or encrypts, the others are still accepted.

    Raises ValueError, without the secret in its text, when a part is malformed or a name stands twice.
    """
    keys = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        key_id, _, encoded = part.partition(":")
        try:
            secret = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"key {key_id!r} is not base64url") from None
        keys.append(NamedKey(key_id, secret))
    if not keys:
        raise ValueError("at least one key is needed, as id:base64url")
    if len({key.key_id for key in keys}) != len(keys):
        raise ValueError("a key's name stands twice")
    return tuple(keys)


class TenantSigner:
    """Signs tenant tokens with the first key it is given. A token is reused for a third of its life."""

    def __init__(self, keys: tuple[NamedKey, ...], seconds: int = TOKEN_SECONDS) -> None:
        self._key = keys[0]
        self._seconds = seconds
        self._fresh: dict[UUID, tuple[float, str]] = {}

    def token(self, tenant_id: UUID) -> str:
        """A token for `tenant_id`, valid for at least two thirds of `seconds` from now."""
        now = time.time()
        known = self._fresh.get(tenant_id)
        if known and known[0] > now:
            return known[1]
        if len(self._fresh) > 4096:
            self._fresh.clear()
        token = sign(self._key, tenant_id, int(now) + self._seconds)
        self._fresh[tenant_id] = (now + self._seconds / 3, token)
        return token


def sign(key: NamedKey, tenant_id: UUID, expires_at: int) -> str:
    """The token of one tenant until `expires_at` (seconds since the epoch)."""
    message = f"{key.key_id}.{tenant_id}.{expires_at}"
    mac = hmac.new(key.secret, message.encode(), hashlib.sha256).hexdigest()
    return f"{message}.{mac}"
