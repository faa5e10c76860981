"""Where a request came from, as far as sign-in keeps it."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_AGENT = 300
LONGEST_ADDRESS = 64


def printable(text: str, longest: int) -> str:
    """`text` without what a terminal or the database cannot show, cut to `longest` characters."""
    return "".join(character for character in text if character.isprintable())[:longest]


@dataclass(frozen=True)
class Origin:
    """The network address (None: not over the network), the browser's name for itself, the request's id."""

    address: str | None = None
    user_agent: str | None = None
    request_id: str = ""

    @property
    def place(self) -> str | None:
        """The address, safe to store."""
        return printable(self.address, LONGEST_ADDRESS) if self.address else None

    @property
    def agent(self) -> str | None:
        """The user agent, safe to store."""
        return printable(self.user_agent, LONGEST_AGENT) if self.user_agent else None


NOWHERE = Origin()
"""The origin of what does not come over the network."""
