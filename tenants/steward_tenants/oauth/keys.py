"""Keys that sign tokens: made on first use, published ahead of use, retired after their last token's end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sqlalchemy import delete, func, or_, select, update

from steward_tenants.database.database import Database
from steward_tenants.database.session import DirectorySession
from steward_tenants.database.vault import Vault
from steward_tenants.directory.models import PlatformEvent, SigningKey
from steward_tenants.oauth.rules import ACCESS_SECONDS

if TYPE_CHECKING:
    from steward_tenants.oauth.jose import ECKey

ALGORITHM = "ES256"
"""The one algorithm that signs, and the only one that is accepted."""
CURVE = "P-256"
TRUSTED_SECONDS = 5.0
"""How long a process trusts what it read of the keys."""
RELOAD_SECONDS = 1.0
"""How often at most an unknown key id makes a process read them again."""
PUBLISHED_AHEAD = timedelta(minutes=15)
"""How long a new key stands in the JWKS before it signs; clients cache the JWKS for a third of that."""
JWKS_SECONDS = 300
CLOCK_MARGIN = timedelta(minutes=5)
LOCK = 0x57E3A2E


@dataclass(frozen=True)
class LoadedKey:
    """A key that is in force: `key` has the private part."""

    kid: str
    key: ECKey
    public_jwk: Mapping[str, Any]
    signs_from: datetime
    retired_at: datetime | None


@dataclass(frozen=True)
class SigningKeys:
    """The keys in force, oldest first."""

    keys: tuple[LoadedKey, ...]

    def signing(self) -> LoadedKey:
        """The key that signs now: the newest whose time has come."""
        now = datetime.now(UTC)
        return max((key for key in self.keys if key.signs_from <= now), key=lambda key: key.signs_from)

    def find(self, kid: object) -> LoadedKey | None:
        """The key of this id, unless it has retired."""
        now = datetime.now(UTC)
        for key in self.keys:
            if key.kid == kid and (key.retired_at is None or key.retired_at > now):
                return key
        return None

    def jwks(self) -> dict[str, Any]:
        """The public parts, those that will sign soon included."""
        return {"keys": [dict(key.public_jwk) for key in self.keys if self.find(key.kid) is not None]}


class _Known:
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.keys: SigningKeys | None = None
        self.read_at = 0.0


_known: WeakKeyDictionary[Database, _Known] = WeakKeyDictionary()


async def current_keys(database: Database, *, kid: object = None) -> SigningKeys:
    """The keys in force, at most `TRUSTED_SECONDS` old; makes the first key when there is none.

    A `kid` that is not among them has them read again, at most once per `RELOAD_SECONDS`.
    """
    known = _known.setdefault(database, _Known())
    if _fresh(known, kid):
        assert known.keys is not None
        return known.keys
    async with known.lock:
        if not _fresh(known, kid):
            known.keys = await _load_or_make(database)
            known.read_at = time.monotonic()
        assert known.keys is not None
        return known.keys


def _fresh(known: _Known, kid: object) -> bool:
    if known.keys is None or not known.keys.keys:
        return False
    age = time.monotonic() - known.read_at
    if kid is not None and known.keys.find(kid) is None:
        return age < RELOAD_SECONDS
    return age < TRUSTED_SECONDS


async def rotate_signing_key(
    database: Database,
    operator: str,
    *,
    ahead: timedelta = PUBLISHED_AHEAD,
    compromised: bool = False,
) -> str:
    """Make a new signing key and have the older ones retire; answers the new key's id.

    The new key is published now and signs after `ahead`; older ones stay published until the last token that they
    signed has expired. `compromised`: the new key signs at once and the older ones, with all their tokens, are
    refused at once.
    """
    async with database.directory() as directory:
        await _lock(directory)
        now = datetime.now(UTC)
        signs_from = now if compromised else now + ahead
        retire_at = now if compromised else signs_from + timedelta(seconds=ACCESS_SECONDS) + CLOCK_MARGIN
        await directory.execute(
            update(SigningKey)
            .where(or_(SigningKey.retired_at.is_(None), SigningKey.retired_at > retire_at))
            .values(retired_at=retire_at)
        )
        await directory.execute(delete(SigningKey).where(SigningKey.retired_at < now - timedelta(days=30)))
        kid = _add(directory, signs_from)
        directory.add(
            PlatformEvent(
                operator=operator,
                action="oauth.key.rotated",
                detail={"kid": kid, "signsFrom": signs_from.isoformat(), "compromised": compromised},
            )
        )
    if (known := _known.get(database)) is not None:
        known.keys = None
    return kid


async def _load_or_make(database: Database) -> SigningKeys:
    async with database.directory() as directory:
        keys = await _load(directory)
    if any(key.signs_from <= datetime.now(UTC) for key in keys.keys):
        return keys
    async with database.directory() as directory:
        await _lock(directory)
        keys = await _load(directory)
        if any(key.signs_from <= datetime.now(UTC) for key in keys.keys):
            return keys
        _add(directory, datetime.now(UTC))
        await directory.flush()
        return await _load(directory)


async def _lock(directory: DirectorySession) -> None:
    await directory.execute(select(func.pg_advisory_xact_lock(LOCK)))


async def _load(directory: DirectorySession) -> SigningKeys:
    rows = await directory.scalars(
        select(SigningKey)
        .where(or_(SigningKey.retired_at.is_(None), SigningKey.retired_at > datetime.now(UTC)))
        .order_by(SigningKey.signs_from)
    )
    return SigningKeys(tuple(_open(directory.vault, row) for row in rows))


def _open(vault: Vault, row: SigningKey) -> LoadedKey:
    private = json.loads(vault.decrypt(row.private_key, _place(row.kid)))
    from steward_tenants.oauth.jose import ECKey  # noqa: PLC0415 - only who signs or verifies needs it

    return LoadedKey(row.kid, ECKey.import_key(private), row.public_jwk, row.signs_from, row.retired_at)


def _add(directory: DirectorySession, signs_from: datetime) -> str:
    from steward_tenants.oauth.jose import ECKey  # noqa: PLC0415

    key = ECKey.generate_key(CURVE, auto_kid=True)
    kid = str(key.kid)
    private = json.dumps(key.as_dict(private=True))
    public = {**key.as_dict(private=False), "kid": kid, "alg": ALGORITHM, "use": "sig"}
    directory.add(
        SigningKey(
            kid=kid,
            algorithm=ALGORITHM,
            private_key=directory.vault.encrypt(private, _place(kid)),
            public_jwk=public,
            signs_from=signs_from,
        )
    )
    return kid


def _place(kid: str) -> str:
    return f"directory/signing_key/private_key/{kid}"
