"""What a worker is given by the program that starts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from steward_tenants.database.database import Database
from steward_tenants.outbox.jobs import JobTools


@dataclass(frozen=True)
class Composition:
    """Where the queue server is, and how to make the parts that jobs work with.

    `database` and `tools` are called in each work-horse, after the fork: no connection is ever inherited.
    """

    redis_url: str
    database: Callable[[], Database]
    tools: Callable[[], JobTools]
