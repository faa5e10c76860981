"""Factories of floor 2: rows for one test, written past the services. Invented names only."""

from __future__ import annotations

from datetime import date
from itertools import count
from uuid import UUID

from steward_core.clients.models import Client, ClientKind, ClientOwnership, ClientStatus, ClientTier, Contact
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession

SINCE = date(2024, 1, 1)
_numbers = count(1)


def make_kinds(session: WriteSession, *keys: str) -> None:
    """Kinds of clients of the tenant's own; `company` when none is named."""
    session.add(*(ClientKind(key=key, title_zh="测试类型", title_en="Test kind") for key in keys or ("company",)))


def make_tiers(session: WriteSession, *keys: str) -> None:
    """Tiers of the tenant's own, the most valuable first; key, A, B, C when none is named."""
    session.add(
        *(
            ClientTier(key=key, title_zh=f"{key} 类", title_en=f"Tier {key}", rank=rank)
            for rank, key in enumerate(keys or ("key", "A", "B", "C"), 1)
        )
    )


def make_client(session: WriteSession, **values: object) -> Client:
    """A new active client with its ownership since 2024 (row only: no search keys)."""
    number = next(_numbers)
    client = Client(
        **{
            "id": new_id(),
            "code": f"K{number:06}",
            "name": f"测试客户{number}",
            "kind": "company",
            "status": ClientStatus.ACTIVE,
            "custom": {},
            "created_by": session.actor.id,
            **values,
        }
    )
    session.add(client)
    session.add(
        ClientOwnership(client_id=client.id, valid_from=SINCE, owner_id=client.owner_id, unit_id=client.unit_id)
    )
    return client


def make_contact(session: WriteSession, client_id: UUID, **values: object) -> Contact:
    """A new contact of a client (row only)."""
    number = next(_numbers)
    contact = Contact(
        **{
            "id": new_id(),
            "client_id": client_id,
            "name": f"联系人{number}",
            "roles": ["contact"],
            "custom": {},
            "created_by": session.actor.id,
            **values,
        }
    )
    session.add(contact)
    return contact
