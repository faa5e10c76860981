"""How documents are named."""

from __future__ import annotations

import hashlib
import re

from steward_core.trusted_documents.errors import DigestUnreadable

_DIGEST = re.compile(r"^(?:sha256:)?([0-9a-f]{64})$", re.IGNORECASE)


def digest_of(text: str) -> str:
    """The digest of a text: 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_digest(given: str) -> str:
    """The digest in a document's id, with or without `sha256:`. Raises DigestUnreadable."""
    found = _DIGEST.match(given)
    if found is None:
        raise DigestUnreadable
    return found[1].lower()
