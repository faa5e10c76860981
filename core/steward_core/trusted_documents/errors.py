"""Errors of trusted documents."""

from __future__ import annotations

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual


class DocumentNotTrusted(NotFound):
    """The tenant trusts no document of this digest."""

    code = "document_not_trusted"
    status = 400
    message = Bilingual("没有登记此受信任文档。", "No document of this digest is trusted here.")
    remedy = Bilingual(
        "请由管理员登记该文档（trustDocument），或核对摘要。",
        "Have an administrator trust it (trustDocument), or check the digest.",
    )


class OnlyTrustedDocuments(StewardError):
    """The tenant allows trusted documents only, and this text is none."""

    code = "only_trusted_documents"
    status = 403
    message = Bilingual("本租户只允许受信任文档。", "This tenant allows trusted documents only.")
    remedy = Bilingual(
        "请使用已登记的文档，或由管理员关闭“只允许受信任文档”。",
        "Use a trusted document, or have an administrator switch the restriction off.",
    )


class TooManyTrustedDocuments(Conflict):
    """A tenant keeps no more documents."""

    code = "too_many_trusted_documents"
    message = Bilingual("最多登记 {most} 个受信任文档。", "At most {most} documents can be trusted.")
    remedy = Bilingual("请先撤销不再使用的文档。", "Withdraw documents that are no longer used.")


class DigestDiffers(StewardError):
    """A request carries a text and the digest of another."""

    code = "digest_differs"
    status = 400
    message = Bilingual("文档与其摘要不符。", "The document is not the one of this digest.")
    remedy = Bilingual("请核对摘要（文本的 SHA-256），或只发送其一。", "Check the SHA-256 of the text, or send one.")


class DigestUnreadable(StewardError):
    """A document's id is no SHA-256 in hexadecimal."""

    code = "digest_unreadable"
    status = 400
    message = Bilingual(
        "文档编号应为 sha256: 加 64 位十六进制数。", "A document's id is sha256: and 64 hexadecimal digits."
    )
    remedy = Bilingual("请按文本的 UTF-8 字节计算 SHA-256。", "Take the SHA-256 of the text's UTF-8 bytes.")
