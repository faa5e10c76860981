"""Classes of fields that are masked, each with the permission that reveals it and what its mask leaves.

Floors above declare theirs here too, so that SQL, exports and explanations mask alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from steward_tenants.access.permissions import (
    REVEAL_EMAIL,
    REVEAL_IDENTITY,
    REVEAL_PAY,
    REVEAL_PHONE,
    Permission,
)
from steward_tenants.access.rules import mask, mask_email
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class FieldClass:
    """`keep` characters at the end stay in the mask; with `domain`, what follows the last @ stays instead."""

    key: str
    title: Bilingual
    reveal: Permission
    keep: int = 0
    domain: bool = False

    def hide(self, value: str | None) -> str | None:
        """The value's mask."""
        return mask_email(value) if self.domain else mask(value, self.keep)


PHONE = FieldClass("phone", Bilingual("电话", "phone number"), REVEAL_PHONE, keep=4)
EMAIL = FieldClass("email", Bilingual("邮箱", "e-mail address"), REVEAL_EMAIL, domain=True)
IDENTITY = FieldClass("identity_number", Bilingual("证件号", "identity number"), REVEAL_IDENTITY, keep=4)
PAY = FieldClass("pay", Bilingual("薪酬", "pay"), REVEAL_PAY)
