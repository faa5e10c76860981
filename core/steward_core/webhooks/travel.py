"""What becomes of webhooks in an export and in a tenant that is made of one."""

from __future__ import annotations

from uuid import UUID

from steward_core.webhooks.models import PauseReason, WebhookDelivery, WebhookEndpoint
from steward_core.webhooks.rules import secret_place
from steward_tenants.lifecycle.rules import CHANGES_ON_ARRIVAL, Arrival, Row, encrypted_column, leave_out


def _place(tenant_id: UUID, row: Row) -> str:
    return secret_place(tenant_id, UUID(str(row["id"])))


def _arrives(row: Row, _arrival: Arrival) -> None:
    """A copy tells nobody anything until a person says so, and its log is sealed anew from the first batch."""
    row.update(paused=PauseReason.RESTORED.value, cursor="0", lease_by=None, lease_until=None, rest_until=None)


leave_out(WebhookDelivery, "投递记录只保留 30 天", "Deliveries are kept for 30 days only")
encrypted_column(WebhookEndpoint, "secret", _place)
encrypted_column(WebhookEndpoint, "previous_secret", _place)
CHANGES_ON_ARRIVAL[WebhookEndpoint.__tablename__] = _arrives
