"""Tokens that people carry: made here, stored as their SHA-256 only."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import NamedTuple
from uuid import UUID

_SESSION = re.compile(r"sts\.([0-9a-f]{32})\.[A-Za-z0-9_-]{43}")


class SessionToken(NamedTuple):
    """A well-formed session token, not yet verified: the tenant it names and its digest."""

    tenant_id: UUID
    digest: bytes


def new_token() -> str:
    """256 random bits as 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What is stored of a token. High entropy needs no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def new_session_token(tenant_id: UUID) -> str:
    """`sts.<tenant id, hex>.<43 characters>`: the tenant routes the look-up to its shard."""
    return f"sts.{tenant_id.hex}.{new_token()}"


def parse_session_token(token: str) -> SessionToken | None:
    """The parts of a session token, or None when it is not one."""
    match = _SESSION.fullmatch(token)
    return SessionToken(UUID(match[1]), digest(token)) if match else None
