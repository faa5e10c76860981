"""Commands about the tenant as a whole."""

from __future__ import annotations

from steward_graphql.mutations.derive import Offer
from steward_graphql.mutations.payloads import done
from steward_tenants.texts import Bilingual


def tenant() -> dict[str, Offer]:
    """Having it exported."""
    return {
        "tenant.export.request": Offer(
            "requestTenantExport",
            (done(),),
            Bilingual(
                "后台生成，完成后通知申请人，文件存于文件库",
                "a worker makes it and tells who asked; it is in the file store",
            ),
        )
    }
