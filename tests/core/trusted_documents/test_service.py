"""Documents that a tenant trusts."""

from __future__ import annotations

import hashlib

import pytest

from steward_core.trusted_documents import service
from steward_core.trusted_documents.errors import DigestUnreadable, DocumentNotTrusted, TooManyTrustedDocuments
from steward_core.trusted_documents.queries import trusted_text
from steward_core.trusted_documents.rules import digest_of, read_digest
from steward_core.trusted_documents.service import trust_document, withdraw_document
from steward_tenants.access.permissions import PEOPLE_VIEW, SETTINGS_MANAGE
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from tests.factories import actor_with, make_tenant

TEXT = "query Mine { me { name } } # 本人"
ADMIN = actor_with(SETTINGS_MANAGE)


async def test_a_text_is_found_by_its_digest_until_it_is_withdrawn(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        row = await trust_document(session, name=" 首页 ", text=TEXT)
        assert (row.name, row.digest) == ("首页", hashlib.sha256(TEXT.encode()).hexdigest())
        assert (row.created_by, session.audited) == (ADMIN.id, ["documents.trust"])
    async with database.read(tenant, ADMIN) as reading:
        assert await trusted_text(reading, row.digest) == TEXT
    async with database.write(tenant, ADMIN) as session:
        again = await trust_document(session, name="主页", text=TEXT)
        assert (again.id, again.name) == (row.id, "主页")
    async with database.write(tenant, ADMIN) as session:
        await withdraw_document(session, f"sha256:{row.digest.upper()}")
        assert session.audited == ["documents.withdraw"]
    async with database.read(tenant, ADMIN) as reading:
        assert await trusted_text(reading, row.digest) is None
    with pytest.raises(DocumentNotTrusted):
        async with database.write(tenant, ADMIN) as session:
            await withdraw_document(session, row.digest)


async def test_another_tenant_knows_nothing_of_it(database: Database) -> None:
    mine, other = await make_tenant(database), await make_tenant(database)
    async with database.write(mine, ADMIN) as session:
        await trust_document(session, name="甲", text=TEXT)
    async with database.read(other, ADMIN) as reading:
        assert await trusted_text(reading, digest_of(TEXT)) is None


async def test_it_takes_the_permission_and_a_name_and_a_text(database: Database) -> None:
    tenant = await make_tenant(database)
    with pytest.raises(Forbidden):
        async with database.write(tenant, actor_with(PEOPLE_VIEW)) as session:
            await trust_document(session, name="甲", text=TEXT)
    for name, text in (("", TEXT), ("甲" * 201, TEXT), ("甲", " "), ("甲", "x" * 100_001)):
        with pytest.raises(InvalidInput):
            async with database.write(tenant, ADMIN) as session:
                await trust_document(session, name=name, text=text)


async def test_a_tenant_keeps_a_limited_number(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_DOCUMENTS", 1)
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        await trust_document(session, name="甲", text=TEXT)
        await trust_document(session, name="乙", text=TEXT)
    with pytest.raises(TooManyTrustedDocuments):
        async with database.write(tenant, ADMIN) as session:
            await trust_document(session, name="丙", text="{ __typename }")


def test_a_digest_is_read_with_and_without_its_prefix() -> None:
    digest = "ab" * 32
    assert read_digest(digest) == read_digest(f"SHA256:{digest.upper()}") == digest
    for bad in ("", "sha256:", "ab" * 31, "zz" * 32, f"md5:{digest}"):
        with pytest.raises(DigestUnreadable):
            read_digest(bad)
