"""Clients that may be the one that somebody enters: the same credit code, or a near-equal name in the same place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, true, union

from steward_core.clients.credit_code import normalise_credit_code
from steward_core.clients.models import Client, ClientSearchKey, ClientStatus
from steward_core.clients.names import name_blocks, name_key, near_equal
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.search import BLOCK
from steward_core.permissions import CLIENTS_VIEW
from steward_tenants.database.session import TenantSession
from steward_tenants.texts import Bilingual

SAME_CREDIT_CODE = "same_credit_code"
NEAR_EQUAL_NAME = "near_equal_name"
REASONS: Mapping[str, Bilingual] = {
    SAME_CREDIT_CODE: Bilingual("统一社会信用代码相同", "the same unified social credit code"),
    NEAR_EQUAL_NAME: Bilingual("名称几乎相同", "a nearly equal name"),
}
ELSEWHERE = Bilingual("已存在，归属其他机构", "exists, owned by another unit")
LOOKED_AT = 500
LISTED = 20


@dataclass(frozen=True)
class DuplicateCandidate:
    """A client that may be the same. Outside the actor's scope only the reasons are told, not which client it is."""

    id: UUID | None
    name: str | None
    code: str | None
    owner_id: UUID | None
    reasons: tuple[str, ...]
    in_reach: bool

    def as_dict(self, locale: str) -> dict[str, Any]:
        """The candidate for a machine to read, texts in `locale`."""
        return {
            "id": None if self.id is None else str(self.id),
            "name": self.name if self.in_reach else ELSEWHERE.in_locale(locale),
            "code": self.code,
            "reasons": [{"code": reason, "title": REASONS[reason].in_locale(locale)} for reason in self.reasons],
        }


async def find_duplicates(
    session: TenantSession,
    name: str,
    credit_code: str | None = None,
    region: str | None = None,
    unit_id: UUID | None = None,
    *,
    today: date,
    beside: UUID | None = None,
) -> list[DuplicateCandidate]:
    """Clients with the same code anywhere, or with a near-equal name in the region (in the unit, where one of them has
    no region), in the whole tenant. `beside` leaves out the client itself.

    Those within the actor's scope first, at most `LISTED`.
    """
    key = name_key(name)
    code = normalise_credit_code(credit_code) if credit_code else None
    # The candidates come from two indexes, each asked for itself: joined by OR no index would serve, and all clients
    # would be read.
    sources, meets, first = [], [], []
    if code:
        sources.append(select(Client.id).where(session.within(Client), Client.credit_code == code))
        meets.append(Client.credit_code == code)
        first.append(Client.credit_code.is_distinct_from(code))
    if blocks := name_blocks(key):
        sources.append(_sharing(session, blocks))
        meets.append(_same_place(region, unit_id))
    if not sources:
        return []
    statement = (
        select(
            Client.id,
            Client.name,
            Client.code,
            Client.owner_id,
            Client.credit_code,
            CLIENT.within_reach(session, CLIENTS_VIEW, today),
        )
        .where(
            session.within(Client), Client.status != ClientStatus.MERGED, Client.id.in_(union(*sources)), or_(*meets)
        )
        .order_by(*first, Client.id)
        .limit(LOOKED_AT)
    )
    if beside is not None:
        statement = statement.where(Client.id != beside)
    found = []
    for client_id, client_name, client_code, owner_id, client_credit_code, seen in await session.rows(statement):
        reasons = []
        if code and client_credit_code == code:
            reasons.append(SAME_CREDIT_CODE)
        if near_equal(key, name_key(client_name)):
            reasons.append(NEAR_EQUAL_NAME)
        if not reasons:
            continue
        found.append(
            DuplicateCandidate(client_id, client_name, client_code, owner_id, tuple(reasons), in_reach=True)
            if seen
            else DuplicateCandidate(None, None, None, None, tuple(reasons), in_reach=False)
        )
    found.sort(key=lambda candidate: not candidate.in_reach)
    return found[:LISTED]


def _sharing(session: TenantSession, blocks: frozenset[str]) -> Any:
    """Clients that share a block of their names with these."""
    keys = [BLOCK + block for block in sorted(blocks)]
    return select(ClientSearchKey.client_id).where(session.within(ClientSearchKey), ClientSearchKey.key.in_(keys))


def _same_place(region: str | None, unit_id: UUID | None) -> ColumnElement[bool]:
    unit = Client.unit_id == unit_id if unit_id is not None else Client.unit_id.is_(None)
    if region:
        return or_(Client.region == region, and_(Client.region.is_(None), unit))
    return true() if unit_id is None else unit
