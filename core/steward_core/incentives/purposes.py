"""Files of incentives: what opening them needs."""

from __future__ import annotations

from steward_core.permissions import STATEMENTS_APPROVE
from steward_tenants.files.service import declare_purpose

PAY_EXPORT = declare_purpose("pay_export", STATEMENTS_APPROVE, owner_may=True, scoped=True)
