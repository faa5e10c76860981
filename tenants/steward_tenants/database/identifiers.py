"""Identifiers: UUID version 7, made by the application so that a row can be routed before it is written."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh time-ordered identifier (UUIDv7)."""
    return uuid7()
