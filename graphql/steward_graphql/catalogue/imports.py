"""Imports of files, what became of each row, and saved mappings of columns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, cast, exists, literal, or_, select
from sqlalchemy.orm import aliased

from steward_core.imports.models import ImportBatch, ImportEffect, ImportMapping, ImportStatus
from steward_core.imports.queries import OUTCOMES
from steward_core.permissions import RECORDS_IMPORT
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import (
    Catalogue,
    Entity,
    ListRoot,
    Many,
    OneRoot,
    Row,
    column,
    computed,
    many,
    one,
)
from steward_graphql.declared.scalars import STRING, EnumKind, enum_of
from steward_tenants.access.queries import in_scope
from steward_tenants.texts import Bilingual

IMPORT_STATUS = enum_of(
    ImportStatus,
    "ImportStatus",
    "导入的状态",
    "State of an import",
    {
        "uploaded": ("已上传", "Uploaded"),
        "checking": ("检查中", "Being checked"),
        "checked": ("已检查，尚未执行", "Checked, not applied yet"),
        "applying": ("执行中", "Being applied"),
        "applied": ("已执行", "Applied"),
        "undoing": ("撤销中", "Being undone"),
        "undone": ("已撤销", "Undone"),
        "failed": ("失败", "Failed"),
    },
)
_OUTCOME_TITLES = {
    "created": Bilingual("新建", "Created"),
    "updated": Bilingual("更新", "Updated"),
    "unchanged": Bilingual("无变化", "Unchanged"),
    "refused": Bilingual("拒绝", "Refused"),
    "warned": Bilingual("有提示", "Taken, with a warning"),
    "undone": Bilingual("已撤销", "Undone"),
    "kept": Bilingual("撤销时保留（之后已被修改）", "Left alone by the undo, changed since"),
}
IMPORT_OUTCOME = EnumKind(
    "ImportOutcome",
    Bilingual("文件中一行的处理结果", "What became of one row of a file"),
    tuple((key, _OUTCOME_TITLES[key]) for key in OUTCOMES),
)


def _batch_seen(row: Row) -> ColumnElement[bool]:
    """That an import is the actor's own, or that the actor's right to import is for everybody's."""
    session, owner = row.planning.session, row.table.created_by
    return or_(owner == session.actor.id, in_scope(session, RECORDS_IMPORT, owner=owner))


def _effect_seen(row: Row) -> ColumnElement[bool]:
    batch: Any = aliased(ImportBatch)
    return exists(
        select(batch.id)
        .where(row.within(batch), batch.id == row.table.batch_id, _batch_seen(Row(batch, row.planning)))
        .correlate(row.table)
    )


def _told(row: Row) -> ColumnElement[bool]:
    """That it is an outcome: findings of a dry run are kept beside them."""
    condition: ColumnElement[bool] = row.table.outcome.in_([literal(key, Text) for key in OUTCOMES])
    return condition


def _runs_of(row: Row, run: Row) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = run.table.kind.in_(
        [literal(key, Text) for key in ("import.check", "import.apply", "import.undo")]
    ) & (run.table.subject == cast(row.table.id, Text))
    return condition


IMPORT_BATCH = Entity(
    "ImportBatch",
    ImportBatch,
    Bilingual("一次文件导入", "One import of one file"),
    view=RECORDS_IMPORT,
    reach=_batch_seen,
    order=(("createdAt", True),),
    plural="importBatches",
    fields=(
        column(ImportBatch.id, "编号", "Identifier", filter=True),
        column(
            ImportBatch.target,
            "导入的对象：client、contact、contract、product、arrears、fact 或 form:表单标识",
            "What is imported: client, contact, contract, product, arrears, fact or form:key",
            filter=True,
            group=True,
        ),
        column(ImportBatch.status, "状态", "Its state", kind=IMPORT_STATUS, filter=True, group=True),
        column(ImportBatch.file_id, "文件编号", "Id of the file"),
        column(ImportBatch.file_name, "文件名", "Name of the file", filter=True),
        column(ImportBatch.sheet, "工作表", "The sheet that was read"),
        column(ImportBatch.encoding, "文字编码", "Encoding of a text file"),
        column(ImportBatch.columns, "列与字段的对应", "Column headings with their fields"),
        column(ImportBatch.options, "读取选项", "How the file is read"),
        column(ImportBatch.counts, "各种结果的行数", "Rows by what became of them"),
        column(ImportBatch.error_file_id, "错误文件编号", "Id of the workbook of refused rows"),
        column(ImportBatch.created_at, "上传时间", "When it was begun", filter=True, order=True, group=True),
        column(ImportBatch.created_by, "导入人编号", "Id of who imports", name="createdById", filter=True),
        computed("createdByName", STRING, name_of("created_by"), "导入人姓名", "Name of who imports"),
        column(ImportBatch.finished_at, "完成时间", "When it was done", filter=True, order=True),
        column(ImportBatch.undone_at, "撤销时间", "When it was undone", filter=True),
        column(ImportBatch.version, "版本", "Counts its changes"),
        one("createdBy", "Person", ImportBatch.created_by, "导入人", "Who imports"),
        many("effects", "ImportEffect", "batch_id", "各行的结果", "What became of its rows", filter=True, granted=True),
        Many("runs", "Run", Bilingual("处理它的任务", "The runs that work on it"), _runs_of),
    ),
)

IMPORT_EFFECT = Entity(
    "ImportEffect",
    ImportEffect,
    Bilingual("文件中一行的处理结果", "What became of one row of a file"),
    view=RECORDS_IMPORT,
    reach=_effect_seen,
    belongs=_told,
    key=("batch_id", "row_number"),
    order=(("rowNumber", False),),
    node=False,
    fields=(
        column(ImportEffect.row_number, "行号", "Number of the row", filter=True, order=True),
        column(ImportEffect.outcome, "处理结果", "What became of it", kind=IMPORT_OUTCOME, filter=True, group=True),
        column(ImportEffect.row_id, "对应记录的编号", "Id of the row that it made or changed", filter=True),
        column(ImportEffect.problems, "问题：[{path, code, zh-CN, en}]", "What is wrong: [{path, code, zh-CN, en}]"),
        one("batch", "ImportBatch", ImportEffect.batch_id, "导入", "The import", granted=True),
    ),
)

IMPORT_MAPPING = Entity(
    "ImportMapping",
    ImportMapping,
    Bilingual("保存的列对应关系", "A saved mapping of a file's columns"),
    view=RECORDS_IMPORT,
    order=(("target", False), ("name", False)),
    fields=(
        column(ImportMapping.id, "编号", "Identifier", filter=True),
        column(ImportMapping.target, "导入的对象", "What is imported by it", filter=True, order=True, group=True),
        column(ImportMapping.name, "名称", "Its name", filter=True, order=True),
        column(ImportMapping.columns, "列与字段的对应", "Column headings with their fields"),
        column(ImportMapping.options, "读取选项", "How files are read"),
        column(ImportMapping.created_by, "创建人编号", "Id of who saved it", name="createdById", filter=True),
        column(ImportMapping.updated_at, "修改时间", "When it was last changed", filter=True, order=True),
        column(ImportMapping.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("createdBy", "Person", ImportMapping.created_by, "创建人", "Who saved it"),
    ),
)

CATALOGUE = Catalogue(
    entities=(IMPORT_BATCH, IMPORT_EFFECT, IMPORT_MAPPING),
    roots=(
        ListRoot("imports", "ImportBatch", Bilingual("可见的导入", "The imports that the caller may see")),
        OneRoot("import", "ImportBatch", Bilingual("一次导入", "One import")),
        ListRoot("importMappings", "ImportMapping", Bilingual("保存的列对应关系", "The saved mappings")),
        OneRoot("importMapping", "ImportMapping", Bilingual("一个列对应关系", "One saved mapping")),
    ),
)
