"""Query documents that the tenant trusts."""

from __future__ import annotations

from steward_core.trusted_documents.models import TrustedDocument
from steward_graphql.declared.entities import Catalogue, Entity, ListRoot, OneRoot, column, one
from steward_graphql.declared.scalars import STRING
from steward_tenants.access.permissions import SETTINGS_MANAGE
from steward_tenants.texts import Bilingual

TRUSTED_DOCUMENT = Entity(
    "TrustedDocument",
    TrustedDocument,
    Bilingual("受信任的查询文档", "A query document that the tenant trusts"),
    view=SETTINGS_MANAGE,
    order=(("createdAt", True),),
    fields=(
        column(TrustedDocument.id, "编号", "Its id"),
        column(
            TrustedDocument.digest,
            "文本的 SHA-256（64 位十六进制数）",
            "SHA-256 of the text, 64 hexadecimal digits",
            filter=True,
        ),
        column(TrustedDocument.name, "名称", "Its name", filter=True, order=True),
        column(TrustedDocument.text, "文档全文", "The whole document"),
        column(TrustedDocument.created_at, "登记时间", "When it was trusted", filter=True, order=True),
        one("createdBy", "Person", TrustedDocument.created_by, "登记人", "Who trusted it"),
    ),
)

CATALOGUE = Catalogue(
    entities=(TRUSTED_DOCUMENT,),
    roots=(
        ListRoot("trustedDocuments", "TrustedDocument", Bilingual("受信任的查询文档", "Trusted query documents")),
        OneRoot(
            "trustedDocument",
            "TrustedDocument",
            Bilingual("按摘要查找受信任文档", "A trusted document by its digest"),
            arguments=(("digest", STRING, "digest"),),
        ),
    ),
)
