"""What hangs on clients: contracts, products in use, arrears, notes, attached files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, case, func, literal, literal_column, or_, select, type_coerce
from sqlalchemy.orm import aliased

from steward_core.clients.attachments import AttachedTo
from steward_core.clients.contracts import Standing
from steward_core.clients.models import (
    Arrears,
    Attachment,
    ClientNote,
    ClientProduct,
    Contract,
    ContractStatus,
    Product,
)
from steward_core.clients.row_kinds import ARREARS as ARREARS_ROWS
from steward_core.clients.row_kinds import ATTACHMENT as ATTACHMENT_ROWS
from steward_core.clients.row_kinds import CLIENT_PRODUCT as USE_ROWS
from steward_core.clients.row_kinds import CONTRACT as CONTRACT_ROWS
from steward_core.clients.row_kinds import NOTE as NOTE_ROWS
from steward_graphql.catalogue.client_names import client_name
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
from steward_graphql.declared.scalars import BOOLEAN, FEN, INT, LONG, STRING, enum_of
from steward_tenants.files.models import StoredFile
from steward_tenants.texts import Bilingual

CONTRACT_STATUS = enum_of(
    ContractStatus,
    "ContractStatus",
    "合同登记的状态",
    "State of a contract as it is entered",
    {
        "draft": ("草稿", "Draft"),
        "active": ("生效", "In force"),
        "ended": ("已到期", "Ended by its date"),
        "terminated": ("已终止", "Terminated before its end"),
    },
)
CONTRACT_STANDING = enum_of(
    Standing,
    "ContractStanding",
    "合同今日的状态",
    "What a contract is today",
    {
        "draft": ("草稿", "Draft"),
        "upcoming": ("未开始", "Not begun yet"),
        "active": ("生效", "In force"),
        "ended": ("已到期", "Ended by its date"),
        "terminated": ("已终止", "Terminated before its end"),
    },
)
ATTACHED_TO = enum_of(
    AttachedTo,
    "AttachedTo",
    "附件所在的对象",
    "What a file hangs on",
    {
        "client": ("客户", "A client"),
        "contract": ("合同", "A contract"),
        "note": ("备注", "A note"),
        "record": ("表单记录", "A form record"),
        "proposal": ("方案", "A proposal"),
    },
)


def _standing(row: Row) -> ColumnElement[Any]:
    contract = row.table
    active = contract.status == ContractStatus.ACTIVE.value
    return case(
        (and_(active, contract.start_on > row.today), literal(Standing.UPCOMING.value)),
        (and_(active, contract.end_on < row.today), literal(Standing.ENDED.value)),
        else_=contract.status,
    )


def _files_of(kind: AttachedTo) -> Callable[[Row, Row], ColumnElement[bool]]:
    """The files on something of a client; they hang on that client too."""

    def link(row: Row, file: Row) -> ColumnElement[bool]:
        return and_(
            file.table.subject_kind == literal(kind.value),
            file.table.subject_id == row.table.id,
            file.table.client_id == row.table.client_id,
        )

    return link


CONTRACT = Entity(
    "Contract",
    Contract,
    Bilingual("合同：与客户的协议，起止日期均含", "A contract with a client; its first and last day both belong to it"),
    kind=CONTRACT_ROWS,
    order=(("endOn", False),),
    fields=(
        column(Contract.id, "编号", "Identifier", filter=True),
        column(Contract.client_id, "客户编号", "Id of the client", filter=True),
        computed("clientName", STRING, client_name(), "客户名称", "Name of the client"),
        column(Contract.number, "合同编号", "Number of the contract", filter=True, order=True),
        column(Contract.title, "合同名称", "Its title", filter=True),
        column(Contract.kind, "合同类型", "What sort of contract", filter=True, group=True),
        column(Contract.status, "登记的状态", "Its state as entered", kind=CONTRACT_STATUS, filter=True, group=True),
        computed(
            "standing",
            CONTRACT_STANDING,
            _standing,
            "今日的状态",
            "What it is today",
            nullable=False,
            filter=True,
            group=True,
        ),
        column(Contract.signed_on, "签订日期", "The day of signing", filter=True, order=True, group=True),
        column(Contract.start_on, "开始日期（含）", "Its first day", filter=True, order=True, group=True),
        column(
            Contract.end_on,
            "结束日期（含）；空为长期",
            "Its last day; none: open-ended",
            filter=True,
            order=True,
            group=True,
        ),
        column(
            Contract.amount, "合同金额（分）", "Its amount in fen", kind=FEN, filter=True, order=True, aggregate=True
        ),
        column(Contract.note, "备注", "A note"),
        column(Contract.renews_id, "续签的原合同编号", "Id of the contract that it renews", filter=True),
        column(Contract.created_at, "录入时间", "When it was entered", filter=True, order=True),
        column(Contract.updated_at, "修改时间", "When it was last changed", filter=True, order=True),
        column(Contract.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("client", "Client", Contract.client_id, "客户", "The client", granted=True),
        one("renews", "Contract", Contract.renews_id, "续签的原合同", "The contract that it renews"),
        many("renewedBy", "Contract", "renews_id", "续签它的合同", "The contracts that renew it"),
        Many(
            "attachments", "Attachment", Bilingual("附件", "Files on it"), _files_of(AttachedTo.CONTRACT), granted=True
        ),
    ),
)

PRODUCT = Entity(
    "Product",
    Product,
    Bilingual("产品目录中的产品或服务", "A product or service of the catalogue"),
    order=(("code", False),),
    fields=(
        column(Product.id, "编号", "Identifier", filter=True),
        column(Product.code, "产品编码", "Its code", filter=True, order=True),
        column(Product.name, "产品名称", "Its name", filter=True, order=True),
        column(Product.category, "类别", "Its category", filter=True, order=True, group=True),
        column(Product.measure, "计量单位", "The unit that it is counted in", filter=True),
        column(Product.retired, "是否停售", "Whether it is offered no more", filter=True),
        column(Product.version, "版本", "Counts its changes"),
        many("uses", "ClientProduct", "product_id", "在用该产品的客户", "Where it is in use", filter=True),
    ),
)


def _of_product(shown: str) -> Callable[[Row], ColumnElement[Any]]:
    def expression(row: Row) -> ColumnElement[Any]:
        product: Any = aliased(Product)
        return (
            select(getattr(product, shown))
            .where(row.within(product), product.id == row.table.product_id)
            .correlate(row.table)
            .scalar_subquery()
        )

    return expression


def _in_use(row: Row) -> ColumnElement[bool]:
    use = row.table
    return and_(
        or_(use.started_on.is_(None), use.started_on <= row.today),
        or_(use.ended_on.is_(None), use.ended_on > row.today),
    )


CLIENT_PRODUCT = Entity(
    "ClientProduct",
    ClientProduct,
    Bilingual("客户使用的产品", "A product in use at a client"),
    kind=USE_ROWS,
    order=(("productCode", False), ("clientName", False)),
    fields=(
        column(ClientProduct.id, "编号", "Identifier", filter=True),
        column(ClientProduct.client_id, "客户编号", "Id of the client", filter=True),
        computed("clientName", STRING, client_name(), "客户名称", "Name of the client", order=True),
        column(ClientProduct.product_id, "产品编号", "Id of the product", filter=True, group=True),
        computed("productCode", STRING, _of_product("code"), "产品编码", "Code of the product", order=True, group=True),
        computed("productName", STRING, _of_product("name"), "产品名称", "Name of the product"),
        column(
            ClientProduct.quantity,
            "数量（产品的计量单位）",
            "How many, in the product's unit",
            filter=True,
            aggregate=True,
        ),
        column(
            ClientProduct.monthly_amount,
            "月金额（分）",
            "Amount a month, in fen",
            kind=FEN,
            filter=True,
            order=True,
            aggregate=True,
        ),
        computed("inUse", BOOLEAN, _in_use, "今日是否在用", "Whether it is in use today", nullable=False, filter=True),
        column(ClientProduct.started_on, "开始使用日期", "In use from this day", filter=True, order=True),
        column(
            ClientProduct.ended_on, "停用日期（当日起不再使用）", "No longer from this day", filter=True, order=True
        ),
        column(ClientProduct.note, "备注", "A note"),
        column(ClientProduct.created_at, "录入时间", "When it was entered", filter=True, order=True),
        column(ClientProduct.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("client", "Client", ClientProduct.client_id, "客户", "The client", granted=True),
        one("product", "Product", ClientProduct.product_id, "产品", "The product", granted=True),
    ),
)


def _open(row: Row) -> ColumnElement[Any]:
    left: ColumnElement[Any] = row.table.amount - row.table.paid
    return left


def _overdue_days(row: Row) -> ColumnElement[Any]:
    days = type_coerce(row.today - row.table.due_on, Integer)
    return case((row.table.paid < row.table.amount, func.greatest(days, 0)), else_=literal_column("0", Integer))


ARREARS = Entity(
    "Arrears",
    Arrears,
    Bilingual("客户某一期间的欠费；付清后为已结清", "What a client owes for a period; settled once it is paid"),
    kind=ARREARS_ROWS,
    order=(("dueOn", False),),
    plural="arrears",
    fields=(
        column(Arrears.id, "编号", "Identifier", filter=True),
        column(Arrears.client_id, "客户编号", "Id of the client", filter=True),
        computed("clientName", STRING, client_name(), "客户名称", "Name of the client"),
        column(Arrears.period, "期间，如 2026-11", "The period, such as 2026-11", filter=True, order=True, group=True),
        column(Arrears.source, "来源", "Where it comes from", filter=True, group=True),
        column(
            Arrears.amount, "欠费金额（分）", "What was owed, in fen", kind=FEN, filter=True, order=True, aggregate=True
        ),
        column(Arrears.paid, "已付金额（分）", "What was paid, in fen", kind=FEN, filter=True, aggregate=True),
        computed(
            "open",
            FEN,
            _open,
            "未付金额（分）",
            "What is unpaid, in fen",
            nullable=False,
            filter=True,
            order=True,
            aggregate=True,
        ),
        column(Arrears.due_on, "到期日", "The day by which it was due", filter=True, order=True, group=True),
        computed(
            "overdueDays",
            INT,
            _overdue_days,
            "逾期天数，未逾期或已付清为 0",
            "Days past the due day; 0 when not overdue or paid",
            nullable=False,
            filter=True,
            order=True,
        ),
        column(
            Arrears.settled_on,
            "结清日期；空为未结清",
            "The day on which it was settled; none: open",
            filter=True,
            order=True,
        ),
        column(Arrears.note, "备注", "A note"),
        column(Arrears.created_at, "录入时间", "When it was entered", filter=True),
        column(Arrears.updated_at, "修改时间", "When it was last changed", filter=True),
        column(Arrears.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("client", "Client", Arrears.client_id, "客户", "The client", granted=True),
    ),
)


def _kept(row: Row) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = row.table.removed_at.is_(None)
    return condition


NOTE = Entity(
    "ClientNote",
    ClientNote,
    Bilingual("客户备注", "A note on a client"),
    kind=NOTE_ROWS,
    belongs=_kept,
    order=(("pinned", True), ("createdAt", True)),
    fields=(
        column(ClientNote.id, "编号", "Identifier", filter=True),
        column(ClientNote.client_id, "客户编号", "Id of the client", filter=True),
        column(ClientNote.body, "正文", "Its text"),
        column(ClientNote.pinned, "是否置顶", "Whether it is on top", filter=True, order=True),
        column(ClientNote.created_at, "填写时间", "When it was written", filter=True, order=True),
        column(ClientNote.edited_at, "修改时间", "When it was last edited", filter=True),
        column(ClientNote.author_id, "填写人编号", "Id of who wrote it", filter=True),
        computed("authorName", STRING, name_of("author_id"), "填写人姓名", "Name of who wrote it"),
        column(ClientNote.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("client", "Client", ClientNote.client_id, "客户", "The client", granted=True),
        one("author", "Person", ClientNote.author_id, "填写人", "Who wrote it"),
        Many("attachments", "Attachment", Bilingual("附件", "Files on it"), _files_of(AttachedTo.NOTE), granted=True),
    ),
)


def _of_file(shown: str) -> Callable[[Row], ColumnElement[Any]]:
    def expression(row: Row) -> ColumnElement[Any]:
        file: Any = aliased(StoredFile)
        return (
            select(getattr(file, shown))
            .where(row.within(file), file.id == row.table.file_id)
            .correlate(row.table)
            .scalar_subquery()
        )

    return expression


ATTACHMENT = Entity(
    "Attachment",
    Attachment,
    Bilingual(
        "附件：客户或其合同、备注、表单记录上的文件", "A file on a client, or on a contract, note or record of it"
    ),
    kind=ATTACHMENT_ROWS,
    order=(("createdAt", True),),
    fields=(
        column(Attachment.id, "编号；用于下载", "Identifier, by which it is downloaded", filter=True),
        column(Attachment.client_id, "客户编号", "Id of the client", filter=True),
        column(
            Attachment.subject_kind, "所在对象的种类", "What it hangs on", kind=ATTACHED_TO, filter=True, group=True
        ),
        column(Attachment.subject_id, "所在对象的编号", "Id of what it hangs on", filter=True),
        column(Attachment.title, "标题", "Its title", filter=True, order=True),
        column(Attachment.file_id, "文件编号", "Id of the stored file"),
        computed("fileName", STRING, _of_file("name"), "文件名", "Name of the file"),
        computed("mediaType", STRING, _of_file("media_type"), "媒体类型", "Media type of the file"),
        computed("size", LONG, _of_file("size"), "文件大小（字节）", "Size of the file in bytes"),
        column(Attachment.created_at, "添加时间", "When it was attached", filter=True, order=True),
        column(Attachment.created_by, "添加人编号", "Id of who attached it", name="createdById", filter=True),
        computed("createdByName", STRING, name_of("created_by"), "添加人姓名", "Name of who attached it"),
        one("client", "Client", Attachment.client_id, "客户", "The client", granted=True),
        one("createdBy", "Person", Attachment.created_by, "添加人", "Who attached it"),
    ),
)

CATALOGUE = Catalogue(
    entities=(CONTRACT, PRODUCT, CLIENT_PRODUCT, ARREARS, NOTE, ATTACHMENT),
    roots=(
        ListRoot("contracts", "Contract", Bilingual("数据范围内客户的合同", "The contracts of clients within reach")),
        OneRoot("contract", "Contract", Bilingual("一份合同", "One contract")),
        ListRoot("products", "Product", Bilingual("产品目录", "The catalogue of products")),
        OneRoot("product", "Product", Bilingual("一个产品", "One product")),
        ListRoot(
            "clientProducts", "ClientProduct", Bilingual("数据范围内客户使用的产品", "Products in use within reach")
        ),
        OneRoot("clientProduct", "ClientProduct", Bilingual("一项在用产品", "One product in use")),
        ListRoot("arrears", "Arrears", Bilingual("数据范围内客户的欠费", "What clients within reach owe")),
        OneRoot("arrearsItem", "Arrears", Bilingual("一笔欠费", "One amount owed")),
        ListRoot("clientNotes", "ClientNote", Bilingual("数据范围内的客户备注", "Notes on clients within reach")),
        OneRoot("clientNote", "ClientNote", Bilingual("一条客户备注", "One note")),
        ListRoot("attachments", "Attachment", Bilingual("数据范围内的客户附件", "Files on clients within reach")),
        OneRoot("attachment", "Attachment", Bilingual("一个附件", "One file")),
    ),
)
