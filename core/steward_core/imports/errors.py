"""Errors of imports and exports as a whole. What is wrong with one row is a `FieldProblem` of that row."""

from __future__ import annotations

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual


class ImportNotFound(NotFound):
    """No such import, or the actor may not know of it."""

    code = "import_not_found"
    message = Bilingual("找不到该导入批次。", "No such import.")
    remedy = Bilingual("请检查批次编号。", "Check its id.")


class MappingNotFound(NotFound):
    """Neither a saved mapping nor one of an enabled plugin has this name."""

    code = "import_mapping_not_found"
    message = Bilingual("没有名为“{name}”的列映射。", "There is no mapping named “{name}”.")
    remedy = Bilingual("请查看已保存的列映射，或直接指定各列。", "See the saved mappings, or name the columns.")


class MappingChanged(Conflict):
    """The mapping was changed since the caller read it."""

    code = "import_mapping_changed"
    message = Bilingual("列映射“{name}”已被他人修改。", "The mapping “{name}” was changed by someone else.")


class TargetUnknown(NotFound):
    """Nothing of this name can be imported or exported here."""

    code = "import_target_unknown"
    message = Bilingual("没有名为“{target}”的导入对象。", "“{target}” cannot be imported.")
    remedy = Bilingual(
        "可用：client、contact、contract、product、client_product、arrears、fact、form:<插件>.<表单>。",
        "Use client, contact, contract, product, client_product, arrears, fact or form:<plugin>.<form>.",
    )


class ImportNotReady(Conflict):
    """The import is not in a state in which this can be done."""

    code = "import_not_ready"
    message = Bilingual(
        "该导入当前状态为 {status}，不能执行此操作。", "The import is {status}: this cannot be done now."
    )
    remedy = Bilingual("请先完成检查或等待当前任务结束。", "Check it first, or wait for the run under way.")


class RowsRefused(StewardError):
    """Some rows are refused and the import was asked for as a whole; nothing was written by this step."""

    code = "import_rows_refused"
    status = 422
    message = Bilingual(
        "有 {count} 行不能导入，整个文件未导入。", "{count} rows are refused; the file was not imported."
    )
    remedy = Bilingual(
        "请下载错误表，改正后重新上传；或选择跳过有误的行。",
        "Correct them in the error workbook and send it again, or choose to skip refused rows.",
    )


class SpoolUnsafe(StewardError):
    """The folder for copies of files belongs to somebody else, or others may open it."""

    code = "import_spool_unsafe"
    status = 500
    message = Bilingual(
        "临时目录“{folder}”不属于本服务账号或可被他人访问。",
        "The temporary folder “{folder}” is not this service's own, or open to others.",
    )
    remedy = Bilingual("请管理员删除该目录后重试。", "Have the folder removed, then try again.")


class WrittenMeanwhile(Conflict):
    """Somebody else wrote one of the rows while this chunk was written. The chunk was not written."""

    code = "import_written_meanwhile"
    message = Bilingual(
        "写入时有人同时新增或修改了相同的数据，本批行未写入。",
        "Somebody else wrote some of these rows at the same moment: this chunk was not written.",
    )
    remedy = Bilingual("请继续该导入：从未写入的行开始。", "Resume the import: it goes on where it stopped.")


class ChangedSinceCheck(Conflict):
    """Rows that the check had found good are refused now: the data changed in between. This chunk was not written."""

    code = "import_changed_since_check"
    message = Bilingual(
        "检查之后数据有变化，第 {row} 行等 {count} 行不能再导入。",
        "The data changed since the check: row {row} and others ({count} in all) are refused now.",
    )
    remedy = Bilingual(
        "请撤销本次导入，重新检查后再导入；或选择跳过有误的行。",
        "Undo this import and check it again, or choose to skip refused rows.",
    )
