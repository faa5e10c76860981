"""What takes joserfc. It is imported with the first token or key: a worker without OAuth clients can spare its 4 MB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, GuestProtocol, Key

__all__ = ["ECKey", "claims_of", "header_of", "signed"]
_UNREADABLE = (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError)


def signed(header: dict[str, Any], claims: dict[str, Any], key: ECKey, algorithm: str) -> str:
    """The compact token of these claims."""
    return jwt.encode(header, claims, key, algorithms=[algorithm])


def header_of(text: str) -> Mapping[str, Any] | None:
    """A token's header, not verified; None when it is no token."""
    try:
        return jws.extract_compact(text.encode()).headers()
    except (JoseError, ValueError, TypeError):
        return None


def claims_of(text: str, key: ECKey, algorithm: str) -> dict[str, Any] | None:
    """The claims of a token that this key has signed; None when it has not."""

    def ours(_token: GuestProtocol) -> Key:
        return key

    try:
        return jwt.decode(text, ours, algorithms=[algorithm]).claims
    except _UNREADABLE:
        return None
