"""Signing keys: one first key however many ask, published ahead, good until the last token's end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import delete, select, update

from steward_tenants.database.database import Database
from steward_tenants.database.vault import Unreadable
from steward_tenants.directory.models import PlatformEvent, SigningKey
from steward_tenants.oauth.keys import current_keys, rotate_signing_key
from tests.cluster import Addresses
from tests.oauth.world import Company, World


@pytest.fixture(scope="module")
def database_name(addresses: Addresses, worker_id: str) -> Iterator[str]:
    """A database of this module's own: the keys of others must not go."""
    name = f"steward_keys_{worker_id}"
    addresses.clone(name)
    yield name
    addresses.drop(name)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(addresses: Addresses, database_name: str) -> AsyncIterator[Database]:
    """The kit over it."""
    database = Database(addresses.settings(database_name))
    yield database
    await database.dispose()


@pytest_asyncio.fixture(autouse=True)
async def _no_keys(database: Database) -> None:
    async with database.directory() as directory:
        await directory.execute(delete(SigningKey))
    await rotate_signing_key(database, "tests", compromised=True)
    async with database.directory() as directory:
        await directory.execute(delete(SigningKey))


async def test_processes_that_start_together_make_one_key(addresses: Addresses, database_name: str) -> None:
    databases = [Database(addresses.settings(database_name)) for _ in range(4)]
    try:
        rings = await asyncio.gather(*(current_keys(database) for database in databases))
    finally:
        for database in databases:
            await database.dispose()
    assert len({ring.signing().kid for ring in rings}) == 1
    assert all(len(ring.keys) == 1 for ring in rings)


async def test_the_private_part_is_not_readable_in_the_database(database: Database) -> None:
    keys = await current_keys(database)
    async with database.directory() as directory:
        row = (await directory.scalars(select(SigningKey)))[0]
    assert set(row.public_jwk) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    private = keys.signing().key.as_dict(private=True)["d"]
    assert str(private) not in row.private_key
    with pytest.raises(Unreadable):
        database.vault.decrypt(row.private_key, "directory/signing_key/private_key/another")


async def test_a_rotation_publishes_first_and_signs_later(world: World, company: Company) -> None:
    machine = await company.machine(world.database)
    old_token = await world.own_token(machine)
    old = (await current_keys(world.database)).signing().kid
    new = await rotate_signing_key(world.database, "operator@example.test")
    keys = await current_keys(world.database)
    assert keys.signing().kid == old
    assert {key["kid"] for key in (await world.http.get("/oauth/jwks")).json()["keys"]} == {old, new}

    async with world.database.directory() as directory:
        await directory.execute(update(SigningKey).where(SigningKey.kid == new).values(signs_from=datetime.now(UTC)))
    keys = await current_keys(world.database, kid="unknown until read again")
    await asyncio.sleep(1.05)
    keys = await current_keys(world.database, kid="unknown until read again")
    assert keys.signing().kid == new
    assert (await world.whoami(old_token)).status_code == 200
    assert (await world.whoami(await world.own_token(machine))).status_code == 200


async def test_an_old_key_retires_after_its_last_token(database: Database) -> None:
    old = (await current_keys(database)).signing().kid
    ahead = timedelta(minutes=15)
    await rotate_signing_key(database, "tests", ahead=ahead)
    async with database.directory() as directory:
        retired_at = await directory.scalar(select(SigningKey.retired_at).where(SigningKey.kid == old))
    assert retired_at > datetime.now(UTC) + ahead + timedelta(minutes=9)
    async with database.directory() as directory:
        await directory.execute(update(SigningKey).where(SigningKey.kid == old).values(retired_at=datetime.now(UTC)))
    await asyncio.sleep(1.05)
    keys = await current_keys(database, kid="x")
    assert keys.find(old) is None
    assert old not in {key["kid"] for key in keys.jwks()["keys"]}


async def test_a_compromised_key_is_refused_at_once(world: World, company: Company) -> None:
    machine = await company.machine(world.database)
    token = await world.own_token(machine)
    new = await rotate_signing_key(world.database, "operator@example.test", compromised=True)
    assert (await world.whoami(token)).status_code == 401
    assert [key["kid"] for key in (await world.http.get("/oauth/jwks")).json()["keys"]] == [new]
    assert (await world.whoami(await world.own_token(machine))).status_code == 200
    async with world.database.directory() as directory:
        details = await directory.scalars(
            select(PlatformEvent.detail).where(PlatformEvent.action == "oauth.key.rotated")
        )
    assert new in {detail["kid"] for detail in details}


async def test_a_key_of_another_process_is_found_by_its_id(
    world: World, company: Company, addresses: Addresses, database_name: str
) -> None:
    await current_keys(world.database)
    elsewhere = Database(addresses.settings(database_name))
    try:
        await rotate_signing_key(elsewhere, "tests", ahead=timedelta())
        away = World(elsewhere)
        async with away.http:
            token = await away.own_token(await company.machine(elsewhere))
    finally:
        await elsewhere.dispose()
    await asyncio.sleep(1.05)
    assert (await world.whoami(token)).status_code == 200
