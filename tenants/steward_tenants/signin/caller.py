"""Who a request comes from, once its token has been verified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from steward_tenants.database.actor import Actor


@dataclass(frozen=True)
class Caller:
    """A verified caller: which tenant, as whom, and until when the token lasts.

    `account_id` is None for API clients acting for themselves. `sign_in_session_id` names the session of a person,
    `token_id` the OAuth token grant. `scopes` are the OAuth scopes of the token, None for a person's own session.
    """

    tenant_id: UUID
    actor: Actor
    account_id: UUID | None
    expires_at: datetime
    sign_in_session_id: UUID | None = None
    token_id: UUID | None = None
    scopes: frozenset[str] | None = None
