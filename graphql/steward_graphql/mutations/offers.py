"""Which commands are offered under which names, and what each answers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from steward_core.clients.models import (
    Arrears,
    Attachment,
    Client,
    ClientKind,
    ClientNote,
    ClientProduct,
    ClientTier,
    Contact,
    Contract,
    DuplicatePair,
    HandOver,
    Metric,
    Product,
)
from steward_core.forms.models import FormRecord
from steward_core.gradings.models import Grading, GradingObjection
from steward_core.imports.models import ImportBatch, ImportMapping
from steward_core.runs.models import Run
from steward_graphql.declared.scalars import DECIMAL, FEN, ID, INT, JSON, STRING
from steward_graphql.declared.shapes import ListOf
from steward_graphql.mutations import inputs
from steward_graphql.mutations.derive import RUNS_WAIT, Offer, columns
from steward_graphql.mutations.offers_administration import administration, people
from steward_graphql.mutations.offers_approvals import approvals
from steward_graphql.mutations.offers_incentives import incentives
from steward_graphql.mutations.offers_jobs import jobs
from steward_graphql.mutations.offers_months import months
from steward_graphql.mutations.offers_notices import notices
from steward_graphql.mutations.offers_opportunities import opportunities
from steward_graphql.mutations.offers_performance import performance
from steward_graphql.mutations.offers_plans import plans
from steward_graphql.mutations.offers_promises import promises
from steward_graphql.mutations.offers_reports import reports
from steward_graphql.mutations.offers_schedules import schedules
from steward_graphql.mutations.offers_tenant import tenant
from steward_graphql.mutations.offers_visits import visits
from steward_graphql.mutations.offers_webhooks import webhooks
from steward_graphql.mutations.payloads import (
    Result,
    done,
    id_of,
    number,
    plain,
    row,
    row_of,
    text,
)
from steward_tenants.texts import Bilingual


def _client() -> Result:
    return row("client", Client, "客户", "The client")


def _contact() -> Result:
    return row("contact", Contact, "联系人", "The contact")


def _contract() -> Result:
    return row("contract", Contract, "合同", "The contract")


def _arrears() -> Result:
    return row("arrears", Arrears, "欠费", "The arrears")


def _note() -> Result:
    return row("note", ClientNote, "备注", "The note")


def _product_use() -> Result:
    return row("client_product", ClientProduct, "在用产品", "The product in use")


def _hand_over() -> Result:
    return row("hand_over", HandOver, "移交", "The hand-over")


def _run() -> Result:
    return row("run", Run, "任务", "The run")


def _grading() -> Result:
    return row("grading", Grading, "评级", "The grading")


def _objection() -> Result:
    return row("objection", GradingObjection, "异议", "The objection")


def _record() -> Result:
    return row("record", FormRecord, "表单记录", "The record")


def _facts_recorded() -> tuple[Result, ...]:
    return (
        plain("recorded", INT, "新写入条数", "How many went in"),
        plain("corrected", INT, "更正条数", "How many were corrected"),
        plain("unchanged", INT, "无变化条数", "How many were there already"),
        plain("batch_id", ID, "批次", "The batch that they carry"),
    )


def _graded() -> tuple[Result, ...]:
    return (
        row("grading", Grading, "评级", "The grading", lambda answer, _: answer[0]),
        row("run", Run, "计算任务", "The run that computes it", lambda answer, _: answer[1]),
    )


@cache
def offers() -> Mapping[str, Offer]:
    """Every command that stands alone and is offered, by its key."""
    return {
        **_clients(),
        **_holdings(),
        **_assigning(),
        **_records(),
        **administration(),
        **people(),
        **jobs(),
        **notices(),
        **tenant(),
        **schedules(),
        **webhooks(),
        **approvals(),
        **plans(),
        **visits(),
        **promises(),
        **opportunities(),
        **performance(),
        **incentives(),
        **reports(),
        **months(),
    }


def _clients() -> dict[str, Offer]:
    kept = Bilingual("未给的字段不变，空值清空", "fields left out stay, null empties one")
    return {
        "clients.client.create": Offer(
            "createClient",
            (_client(),),
            Bilingual("发现疑似重复时拒绝，除非确认", "refused when similar clients exist, unless that is accepted"),
            kinds=columns(inputs.new_client_fields()),
        ),
        "clients.client.update": Offer("updateClient", (_client(),), kept, kinds=columns(inputs.client_fields())),
        "clients.client.set_parent": Offer("setClientParent", (_client(),)),
        "clients.client.set_status": Offer("setClientStatus", (_client(),)),
        "clients.client.set_tier": Offer("setClientTier", (_client(),), withheld=("source", "source_id")),
        "clients.client.set_deputy": Offer("setClientDeputy", (_client(),)),
        "clients.client.confirm_profile": Offer("confirmClientProfile", (_client(),)),
        "clients.client.merge": Offer(
            "mergeClients",
            (
                row_of("client", Client, "survivor_id", "保留的客户", "The client that stays"),
                plain(
                    "moved",
                    JSON,
                    "各表移动的行数",
                    "How many rows of which table moved",
                    lambda answer, _: dict(answer.moved),
                ),
            ),
            Bilingual("不可撤销", "there is no way back"),
        ),
        "clients.duplicates.dismiss": Offer(
            "dismissDuplicatePair", (row("duplicate_pair", DuplicatePair, "疑似重复", "The pair"),)
        ),
        "clients.contact.add": Offer("addContact", (_contact(),), kinds=columns(inputs.new_contact_fields())),
        "clients.contact.update": Offer("updateContact", (_contact(),), kept, kinds=columns(inputs.contact_fields())),
        "clients.contact.remove": Offer("removeContact", (id_of("contact_id"),)),
        "clients.contact.erase": Offer(
            "eraseContact",
            (
                row("contact", Contact, "联系人", "The contact", lambda answer, _: answer.contact_id),
                plain("records", INT, "清空的表单记录数", "How many form records were emptied"),
                plain(
                    "attachments",
                    ListOf(ID),
                    "须人工查看的附件",
                    "Attachments that a person should look at",
                    lambda answer, _: list(answer.attachments),
                ),
            ),
            Bilingual("不可撤销", "there is no way back"),
        ),
        "clients.note.write": Offer("writeNote", (_note(),)),
        "clients.note.edit": Offer("editNote", (_note(),)),
        "clients.note.pin": Offer("pinNote", (_note(),)),
        "clients.note.remove": Offer("removeNote", (id_of("note_id"),)),
        "clients.attachment.add": Offer(
            "addAttachment",
            (row("attachment", Attachment, "附件", "The attachment"),),
            Bilingual("文件先经 REST 上传", "the file is uploaded over REST first"),
        ),
        "clients.attachment.remove": Offer("removeAttachment", (id_of("attachment_id"),)),
        "clients.kind.save": Offer("saveClientKind", (row("client_kind", ClientKind, "客户类型", "The kind"),)),
        "clients.tier.save": Offer("saveClientTier", (row("client_tier", ClientTier, "客户等级", "The tier"),)),
    }


def _holdings() -> dict[str, Offer]:
    return {
        "clients.contract.create": Offer("createContract", (_contract(),), kinds=columns(inputs.new_contract_fields())),
        "clients.contract.change": Offer("changeContract", (_contract(),), kinds=columns(inputs.contract_fields())),
        "clients.contract.renew": Offer(
            "renewContract",
            (row("contract", Contract, "新合同", "The contract that follows"),),
            kinds=columns(inputs.renewal_fields()),
        ),
        "clients.contract.terminate": Offer("terminateContract", (_contract(),)),
        "clients.contract.end_past": Offer("endPastContracts", (number("ended", "到期的合同数", "How many ended"),)),
        "clients.product.save": Offer(
            "saveProduct",
            (row("product", Product, "产品", "The product"),),
            kinds=columns(inputs.product_fields()),
            texts={
                "product_id": Bilingual("要修改的产品；不填为新产品", "The product to change; a new one when left out")
            },
        ),
        "clients.product.retire": Offer("retireProduct", (row("product", Product, "产品", "The product"),)),
        "clients.product_use.add": Offer(
            "addClientProduct", (_product_use(),), kinds=columns(inputs.product_use_fields())
        ),
        "clients.product_use.change": Offer(
            "changeClientProduct", (_product_use(),), kinds=columns(inputs.product_use_fields())
        ),
        "clients.product_use.end": Offer("endClientProduct", (_product_use(),)),
        "clients.arrears.record": Offer("recordArrears", (_arrears(),), kinds=columns(inputs.new_arrears_fields())),
        "clients.arrears.record_many": Offer(
            "recordManyArrears",
            (
                plain("added", INT, "新增条数", "How many are new"),
                plain("changed", INT, "更改条数", "How many were on record with other figures"),
                plain("same", INT, "无变化条数", "How many were on record with the same"),
            ),
            Bilingual("全部写入或全部不写", "all rows or none"),
            kinds={"rows": inputs.arrears_row()},
            cost=500,
        ),
        "clients.arrears.pay": Offer("payArrears", (_arrears(),), kinds={"amount": FEN}),
        "clients.arrears.settle": Offer("settleArrears", (_arrears(),)),
        "clients.arrears.correct": Offer("correctArrears", (_arrears(),), kinds=columns(inputs.arrears_fields())),
        "facts.record": Offer(
            "recordFacts",
            _facts_recorded(),
            Bilingual("全部写入或全部不写；重复写入不变", "all rows or none; a repetition changes nothing"),
            withheld=("batch_id",),
            kinds={"rows": inputs.fact_row()},
            cost=500,
        ),
        "facts.correct": Offer("correctFact", _facts_recorded(), kinds={"value": DECIMAL, "period": STRING}),
        "facts.withdraw": Offer(
            "withdrawFact", (done(),), texts={"period": Bilingual("期间的首日", "First day of the period")}
        ),
        "facts.withdraw_batch": Offer(
            "withdrawFactBatch",
            (
                plain("withdrawn", INT, "撤回条数", "How many are no longer on record"),
                plain("restored", INT, "恢复原值条数", "How many have their former value again"),
                plain("skipped", INT, "未动条数", "How many were changed since, or are out of reach"),
            ),
        ),
        "metrics.save": Offer(
            "saveMetric", (row("metric", Metric, "指标", "The metric"),), kinds={"values": inputs.metric_values()}
        ),
    }


def _assigning() -> dict[str, Offer]:
    return {
        "clients.pool.claim": Offer("claimClient", (_client(),)),
        "clients.pool.return": Offer("returnClientToPool", (_client(),)),
        "clients.pool.return_idle": Offer(
            "returnIdleClients", (number("returned", "退回的客户数", "How many went back"),), cost=500
        ),
        "clients.pool.assign": Offer(
            "assignPoolClients",
            (
                number("assigned", "分配的客户数", "How many were assigned"),
                Result(
                    "clients",
                    Client,
                    Bilingual("客户", "The clients"),
                    lambda _, given: list(given["client_ids"]),
                    listed=True,
                ),
            ),
            Bilingual("全部或全不", "all of them or none"),
            cost=200,
        ),
        "clients.hand_over.plan": Offer(
            "planHandOver",
            (_hand_over(),),
            Bilingual("当天生效的立即执行", "one that takes effect today is carried out at once"),
            kinds={"selection": inputs.hand_over_selection()},
            cost=200,
        ),
        "clients.hand_over.apply_due": Offer(
            "applyDueHandOvers", (number("applied", "执行的移交数", "How many were carried out"),), cost=500
        ),
        "clients.hand_over.reverse": Offer(
            "reverseHandOver",
            (_hand_over(),),
            Bilingual(
                "把已生效的移交移回原客户经理", "the clients of one that took effect go back to whom they came from"
            ),
            cost=200,
        ),
        "clients.hand_over.undo": Offer(
            "undoHandOver",
            (_hand_over(),),
            Bilingual(
                "仅限尚未生效的；已生效的用 reverseHandOver 移回",
                "only one that is still to come; reverseHandOver takes back one that took effect",
            ),
        ),
    }


def _batch_of_it() -> Result:
    return row_of("import_batch", ImportBatch, "batch_id", "导入", "The import")


def _records() -> dict[str, Offer]:
    document = Bilingual("表单内容：{字段: 值}，整份替换", "The form's values: {field: value}; they replace all of it")
    of_form = {"values": document}
    return {
        "forms.record.save": Offer(
            "saveRecord",
            (_record(),),
            Bilingual("各表单另有带类型的 save<表单>", "each form has a typed save<Form> beside it"),
            texts=of_form,
        ),
        "forms.draft.save": Offer("saveDraft", (_record(),), texts=of_form),
        "forms.record.move": Offer("moveRecord", (_record(),), texts={"record_id": Bilingual("记录", "The record")}),
        "forms.draft.discard": Offer(
            "discardDraft", (id_of("record_id"),), texts={"record_id": Bilingual("草稿", "The draft")}
        ),
        "gradings.request": Offer(
            "requestGrading",
            _graded(),
            RUNS_WAIT,
            texts={
                "period": Bilingual("期间内任意一天，默认最近一期", "A day of the period; the latest when left out")
            },
        ),
        "gradings.regrade": Offer("regrade", _graded(), RUNS_WAIT),
        "gradings.bind": Offer("bindGrading", (_grading(),)),
        "gradings.discard": Offer("discardGrading", (_grading(),)),
        "gradings.object": Offer("objectToGrading", (_objection(),)),
        "gradings.objection.decide": Offer(
            "decideObjection",
            (_objection(),),
            Bilingual("由提出人以外的人裁定", "decided by somebody else than who raised it"),
        ),
        "gradings.objection.withdraw": Offer("withdrawObjection", (_objection(),)),
        "imports.apply": Offer("applyImport", (_run(), _batch_of_it()), RUNS_WAIT),
        "imports.cancel": Offer("cancelImport", (row("import_batch", ImportBatch, "导入", "The import"),)),
        "imports.undo": Offer("undoImport", (_run(), _batch_of_it()), RUNS_WAIT),
        "imports.mapping.save": Offer("saveImportMapping", (row("mapping", ImportMapping, "列映射", "The mapping"),)),
        "imports.mapping.delete": Offer(
            "deleteImportMapping", (text("name", "列映射", "Its name", lambda _, given: given["name"]),)
        ),
        "imports.take": Offer(
            "takeRows",
            (
                plain("created", INT, "新增行数", "How many rows are new"),
                plain("updated", INT, "更改行数", "How many rows changed something"),
                plain("unchanged", INT, "无变化行数", "How many rows changed nothing"),
                plain(
                    "ids",
                    ListOf(ID),
                    "写入的行的编号，按顺序",
                    "Ids of the rows that were written, in order",
                    lambda answer, _: [one for one in answer.ids if one is not None],
                ),
            ),
            Bilingual("与文件导入同样的列和规则，无需文件", "the same columns and rules as a file, without one"),
            cost=500,
        ),
        "runs.cancel": Offer("cancelRun", (_run(),), Bilingual("已完成的部分保留", "what its chunks have done stays")),
        "runs.resume": Offer("resumeRun", (_run(),), RUNS_WAIT),
    }
