"""What is tidied up for the whole platform, tenant or not."""

from __future__ import annotations

from steward_tenants.database.database import Database
from steward_tenants.signin.one_time import forget_expired
from steward_tenants.signin.throttle import forget_past

EVERY_SECONDS = 3600.0
"""How often it is worth doing."""


async def keep_up_platform(database: Database) -> None:
    """Forget expired one-time tokens and past throttles. Any process may do so at any time, several at once too."""
    async with database.directory() as directory:
        await forget_expired(directory)
        await forget_past(directory)
