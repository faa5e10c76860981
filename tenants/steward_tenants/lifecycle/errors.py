"""Errors of a tenant's life: making, suspending, exporting, restoring, deleting."""

from steward_tenants.errors import Conflict, StewardError
from steward_tenants.texts import Bilingual


class TenantKeyTaken(Conflict):
    """Another tenant has this key."""

    code = "tenant_key_taken"
    message = Bilingual("租户标识 {key} 已被使用。", "The tenant key {key} is taken.")
    remedy = Bilingual("请换一个标识。", "Choose another key.")


class TenantNotReady(Conflict):
    """The tenant is being made or restored; or a step does not fit its state."""

    code = "tenant_not_ready"
    message = Bilingual("租户当前状态为 {status}，不能执行此操作。", "The tenant is {status}; this cannot be done now.")
    remedy = Bilingual("请先查看租户状态。", "Look at the tenant's status first.")


class DeletionTooSoon(Conflict):
    """The grace period is not over, or none was begun."""

    code = "deletion_too_soon"
    message = Bilingual("该租户在 {delete_after} 之前不能删除。", "The tenant cannot be erased before {delete_after}.")
    remedy = Bilingual("请等待宽限期结束。", "Wait until the grace period is over.")


class DeletionUnderWay(Conflict):
    """Erasing has begun; it can only be completed."""

    code = "deletion_under_way"
    message = Bilingual("该租户的数据已开始清除，无法恢复。", "Erasing this tenant has begun and cannot be undone.")
    remedy = Bilingual(
        "如需恢复，请用删除前的导出文件还原到新租户。",
        "To get it back, restore the export made before the deletion into a new tenant.",
    )


class ErasedElsewhere(Conflict):
    """Another process is erasing the tenant at this moment."""

    code = "erased_elsewhere"
    message = Bilingual("另一进程正在清除该租户的数据。", "Another process is erasing this tenant.")
    remedy = Bilingual("请稍后查看租户列表。", "Look at the list of tenants later.")


class ErasureIncomplete(StewardError):
    """Rows of an erased tenant were found; `tables` names where."""

    code = "erasure_incomplete"
    status = 500
    message = Bilingual("以下表中仍有该租户的数据：{tables}。", "Rows of the tenant are left in: {tables}.")
    remedy = Bilingual(
        "请再次执行删除；如仍出错，请联系产品支持。", "Run the deletion again; if it stays, ask for support."
    )


class ArchiveRefused(StewardError):
    """The archive is damaged, was changed, or is not an export of this product; nothing of it was taken."""

    code = "archive_refused"
    status = 422
    message = Bilingual(
        "导出文件不可用：{detail}。未还原任何数据。", "The archive was refused: {detail}. Nothing was restored."
    )
    remedy = Bilingual("请使用未经修改的完整导出文件。", "Use the complete export file, unchanged.")

    def __init__(self, zh: str, en: str) -> None:
        super().__init__()
        self.detail = Bilingual(zh, en)

    @property
    def text(self) -> Bilingual:
        """The message with what is wrong in each language."""
        return Bilingual(self.message.zh.format(detail=self.detail.zh), self.message.en.format(detail=self.detail.en))


class ArchiveSchemaDiffers(StewardError):
    """The archive was written by another version of the product."""

    code = "archive_schema_differs"
    status = 422
    message = Bilingual(
        "导出文件的数据版本为 {found}，当前版本为 {expected}。",
        "The archive has schema {found}, this product has {expected}.",
    )
    remedy = Bilingual(
        "请用写出该文件的产品版本还原，再升级。", "Restore it with the version that wrote it, then upgrade."
    )


class ArchiveSecretsUnreadable(StewardError):
    """Encrypted values in the archive are under a key that this platform does not have."""

    code = "archive_secrets_unreadable"
    status = 422
    message = Bilingual("导出文件中的加密值无法解密。", "Encrypted values in the archive cannot be opened.")
    remedy = Bilingual(
        "请把来源平台的密钥加在 STEWARD_SECRET_KEYS 末尾后重试。",
        "Add the source platform's key at the end of STEWARD_SECRET_KEYS and try again.",
    )
