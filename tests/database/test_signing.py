"""The signed tenant: what is signed is what is verified, keys are read strictly, and keys rotate under load."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from steward_tenants.database import migrate
from steward_tenants.database.database import Database
from steward_tenants.database.signing import TOKEN_SECONDS, NamedKey, TenantSigner, parse_keys, sign
from steward_tenants.organisation.models import OrgUnit
from tests.cluster import TENANT_KEYS, Addresses
from tests.factories import TESTS, make_tenant, make_unit

key_ids = st.from_regex(r"[a-z0-9]{1,16}", fullmatch=True)
secrets = st.binary(min_size=32, max_size=150)
named_keys = st.builds(NamedKey, key_ids, secrets)
key_rings = st.lists(named_keys, min_size=1, max_size=5, unique_by=lambda key: key.key_id)
SECOND = NamedKey("k2", b"the key that comes after the first")


def written(keys: list[NamedKey], *, padded: bool = False) -> str:
    """Keys as they stand in the settings."""
    encoded = [base64.urlsafe_b64encode(key.secret).decode() for key in keys]
    if not padded:
        encoded = [text.rstrip("=") for text in encoded]
    return ",".join(f"{key.key_id}:{text}" for key, text in zip(keys, encoded, strict=True))


@given(named_keys, st.uuids(), st.integers(0, 10**12 - 1))
def test_a_token_is_an_hmac_that_the_stored_pads_verify(key: NamedKey, tenant_id: UUID, expires: int) -> None:
    token = sign(key, tenant_id, expires)
    message, _, mac = token.rpartition(".")
    assert message == f"{key.key_id}.{tenant_id}.{expires}"
    assert mac == hmac.new(key.secret, message.encode(), hashlib.sha256).hexdigest()
    inner, outer = key.pads()
    assert len(inner) == len(outer) == 64
    nested = hashlib.sha256(outer + hashlib.sha256(inner + message.encode()).digest()).hexdigest()
    assert nested == mac


@given(key_rings, st.booleans())
def test_keys_are_read_as_they_were_written(keys: list[NamedKey], padded: bool) -> None:
    assert parse_keys(written(keys, padded=padded)) == tuple(keys)
    assert parse_keys(" " + written(keys, padded=padded).replace(",", " , ") + " ,") == tuple(keys)


@given(named_keys, st.characters(exclude_characters="=,", exclude_categories=["Z", "C"]), st.data())
def test_a_stray_character_is_refused_and_the_secret_is_not_told(
    key: NamedKey, stray: str, data: st.DataObject
) -> None:
    encoded = base64.urlsafe_b64encode(key.secret).decode().rstrip("=")
    if stray.isascii() and (stray.isalnum() or stray in "-_+/"):
        return
    place = data.draw(st.integers(0, len(encoded)))
    with pytest.raises(ValueError, match=r"base64url|shorter") as refusal:
        parse_keys(f"{key.key_id}:{encoded[:place]}{stray}{encoded[place:]}")
    assert encoded[:12] not in str(refusal.value)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert parse_keys(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "at least one"),
        (" , ", "at least one"),
        ("k1", "shorter"),
        ("k1:YWJj", "shorter"),
        (f"K1:{'A' * 44}", "lower-case"),
        (f":{'A' * 44}", "lower-case"),
        (f"{'k' * 17}:{'A' * 44}", "lower-case"),
        (f"k1:{'A' * 44},k1:{'B' * 44}", "twice"),
        ("k1:A", "base64url"),
    ],
)
def test_malformed_keys_are_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_keys(text)


def test_a_key_does_not_show_its_secret() -> None:
    assert "tests sign" not in repr(TENANT_KEYS[0])


@given(st.uuids())
def test_a_signers_token_lasts_two_thirds_of_its_time_at_least(tenant_id: UUID) -> None:
    signer = TenantSigner(TENANT_KEYS)
    token = signer.token(tenant_id)
    assert token.split(".")[:2] == [TENANT_KEYS[0].key_id, str(tenant_id)]
    assert TOKEN_SECONDS * 2 / 3 <= int(token.split(".")[2]) - time.time() + 1 <= TOKEN_SECONDS + 1
    assert signer.token(tenant_id) == token


def test_a_signer_forgets_rather_than_grows() -> None:
    signer = TenantSigner(TENANT_KEYS)
    tokens = {signer.token(UUID(int=number)) for number in range(5000)}
    assert len(tokens) == 5000
    assert len(signer._fresh) < 5000


@pytest_asyncio.fixture(loop_scope="session")
async def rotating(addresses: Addresses, worker_id: str) -> AsyncIterator[str]:
    """A database of its own, whose keys the test changes."""
    name = f"steward_rotating_{worker_id}"
    addresses.clone(name)
    yield name
    addresses.drop(name)


async def _visible(database: Database, tenant_id: UUID) -> int:
    async with database.read(tenant_id, TESTS) as session:
        return len(await session.scalars(select(OrgUnit.id).where(session.within(OrgUnit))))


@pytest.mark.parametrize("length", [32, 63, 64, 65, 200])
async def test_the_database_verifies_what_python_signs(rotating: str, addresses: Addresses, length: int) -> None:
    key = NamedKey("long", bytes(range(50)) * 4)
    key = replace(key, secret=key.secret[:length])
    migrate.add_tenant_key(addresses.url("steward_migrator", rotating), key)
    with psycopg.connect(addresses.url("steward_app", rotating)) as connection:
        tenant_id = UUID(int=length)
        token = sign(key, tenant_id, int(time.time()) + 30)
        connection.execute("select set_config('steward.tenant', %s, true)", [token])
        assert connection.execute("select steward.tenant()").fetchone() == (tenant_id,)


async def test_keys_rotate_without_a_failing_transaction(rotating: str, addresses: Addresses) -> None:
    migration_url = addresses.url("steward_migrator", rotating)
    settings = addresses.settings(rotating)
    old = Database(settings)
    new = Database(replace(settings, tenant_keys=(SECOND, *TENANT_KEYS)))
    tenant_id = await make_tenant(old)
    async with old.write(tenant_id, TESTS) as session:
        make_unit(session)
    serving, running, done = [old], True, 0

    async def load() -> None:
        nonlocal done
        while running:
            async with serving[done % len(serving)].write(tenant_id, TESTS) as session:
                unit = await session.find(OrgUnit, lock=False)
                assert unit is not None
            done += 1

    workers = [asyncio.create_task(load()) for _ in range(4)]
    try:
        assert await asyncio.to_thread(migrate.add_tenant_key, migration_url, SECOND) is True
        assert await asyncio.to_thread(migrate.add_tenant_key, migration_url, SECOND) is False
        assert migrate.tenant_keys(migration_url) == ("k1", "k2")
        await asyncio.sleep(0.1)
        serving.append(new)
        await asyncio.sleep(0.2)
        serving.remove(old)
        await asyncio.sleep(0.3)
        assert await _visible(old, tenant_id) == 1, "both keys are good at once"
        assert await asyncio.to_thread(migrate.retire_tenant_key, migration_url, "k1") is True
        assert await asyncio.to_thread(migrate.retire_tenant_key, migration_url, "k1") is False
        await asyncio.sleep(0.2)
    finally:
        running = False
        await asyncio.gather(*workers)
    assert await _visible(new, tenant_id) == 1
    assert await _visible(old, tenant_id) == 0, "a retired key opens nothing"
    with pytest.raises(DBAPIError, match="row-level security"):
        async with old.write(tenant_id, TESTS) as session:
            make_unit(session)
    await old.dispose()
    await new.dispose()


async def test_a_running_transaction_ends_blind_when_its_key_is_retired(rotating: str, addresses: Addresses) -> None:
    """Why the old key is retired only after the last process that signs with it has gone."""
    database = Database(addresses.settings(rotating))
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        make_unit(session)
    async with database.read(tenant_id, TESTS) as session:
        assert await session.find(OrgUnit) is not None
        await asyncio.to_thread(migrate.retire_tenant_key, addresses.url("steward_migrator", rotating), "k1")
        assert await session.find(OrgUnit) is None
    await database.dispose()
