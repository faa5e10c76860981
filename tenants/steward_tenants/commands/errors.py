"""Errors of commands as such."""

from steward_tenants.errors import Conflict
from steward_tenants.texts import Bilingual


class IdempotencyKeyReused(Conflict):
    """The same idempotency key came with another command or another input."""

    code = "idempotency_key_reused"
    message = Bilingual("该幂等键已用于另一请求。", "This idempotency key stood for another request.")
    remedy = Bilingual("请为新请求使用新的幂等键。", "Use a fresh key for a new request.")
