"""Errors of the outbox."""

from __future__ import annotations


class UnfitJob(TypeError):
    """A job was given a name or payload that may not be stored: a programming error, never shown to a person.

    The text names the place and the rule, not the value, which might be personal.
    """

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        super().__init__(f"{place} {reason}")
