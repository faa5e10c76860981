"""Trusted documents: the text behind a digest, and tenants that allow nothing else."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from steward_core.trusted_documents.errors import DigestDiffers, DocumentNotTrusted, OnlyTrustedDocuments
from steward_core.trusted_documents.queries import trusted_text
from steward_core.trusted_documents.rules import digest_of, read_digest
from steward_core.trusted_documents.settings import TRUSTED_ONLY
from steward_tenants.configuration.queries import get_setting, get_setting_piped
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.pipeline import Pipelines
from steward_tenants.single_flight import SingleFlight

READER = system("graphql")
TRUSTED_SECONDS = 3.0
"""How long a process goes by what it knows; the switch and a withdrawal are felt within this time."""
MOST_CHARACTERS = 4_000_000
"""How much text a process remembers, over all tenants."""
MOST_TENANTS = 10_000


def digest_asked(document_id: str | None, extensions: Mapping[str, Any] | None) -> str | None:
    """The digest that a request names: `documentId`, or `extensions.persistedQuery.sha256Hash`. None when it names
    none. Raises DigestUnreadable."""
    if document_id is not None:
        return read_digest(document_id)
    asked = (extensions or {}).get("persistedQuery")
    if isinstance(asked, Mapping) and isinstance(asked.get("sha256Hash"), str):
        return read_digest(asked["sha256Hash"])
    return None


class TrustedDocuments:
    """What a process knows of tenants' trusted documents. With `pipelines` the switch is asked for over them: of each
    tenant that is busy, all the time."""

    def __init__(
        self, database: Database, pipelines: Pipelines | None = None, *, seconds: float = TRUSTED_SECONDS
    ) -> None:
        self._database = database
        self._pipelines = pipelines
        self._seconds = seconds
        self._only: dict[UUID, tuple[float, bool]] = {}
        self._asking: SingleFlight[UUID, bool] = SingleFlight()
        self._texts: OrderedDict[tuple[UUID, str], tuple[float, str]] = OrderedDict()
        self._characters = 0

    async def text_of(
        self,
        tenant_id: UUID,
        query: str | None,
        document_id: str | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> str | None:
        """The document that a request means; None when it names none.

        Raises DocumentNotTrusted, OnlyTrustedDocuments, DigestUnreadable, DigestDiffers.
        """
        digest = digest_asked(document_id, extensions) if document_id is not None or extensions else None
        if digest is not None and query is not None and digest_of(query) != digest:
            raise DigestDiffers
        if digest is None:
            known = self._only.get(tenant_id)
            only = known[1] if known is not None and known[0] > time.monotonic() else await self.only_trusted(tenant_id)
            if query is None or not only:
                return query
            if await self._trusted(tenant_id, digest_of(query)) is None:
                raise OnlyTrustedDocuments
            return query
        if query is not None and not await self.only_trusted(tenant_id):
            return query
        text = await self._trusted(tenant_id, digest)
        if text is None:
            raise DocumentNotTrusted if query is None else OnlyTrustedDocuments
        return text

    async def only_trusted(self, tenant_id: UUID) -> bool:
        """Whether the tenant allows trusted documents only."""
        known = self._only.get(tenant_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        return await self._asking.run(tenant_id, lambda: self._look_up(tenant_id))

    async def _look_up(self, tenant_id: UUID) -> bool:
        now = time.monotonic()
        if self._pipelines is not None:
            only = await get_setting_piped(self._pipelines, tenant_id, TRUSTED_ONLY)
        else:
            async with self._database.read(tenant_id, READER) as session:
                only = await get_setting(session, TRUSTED_ONLY)
        if len(self._only) >= MOST_TENANTS:
            self._only.clear()
        self._only[tenant_id] = (now + self._seconds, only)
        return only

    async def _trusted(self, tenant_id: UUID, digest: str) -> str | None:
        key = (tenant_id, digest)
        known = self._texts.get(key)
        now = time.monotonic()
        if known is not None and known[0] > now:
            self._texts.move_to_end(key)
            return known[1]
        async with self._database.read(tenant_id, READER) as session:
            text = await trusted_text(session, digest)
        self._forget(key)
        if text is not None:
            self._texts[key] = (now + self._seconds, text)
            self._characters += len(text)
            while self._characters > MOST_CHARACTERS:
                self._forget(next(iter(self._texts)))
        return text

    def _forget(self, key: tuple[UUID, str]) -> None:
        known = self._texts.pop(key, None)
        if known is not None:
            self._characters -= len(known[1])
