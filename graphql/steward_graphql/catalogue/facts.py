"""Client facts: figures that other systems know of clients, in force and with every revision; and their metrics."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Numeric, Text, and_, case, exists, func, literal, not_, select
from sqlalchemy.orm import aliased

from steward_core.clients.models import ClientFact, Metric
from steward_core.clients.row_kinds import CLIENT as CLIENT_ROWS
from steward_core.permissions import FACTS_VIEW
from steward_graphql.catalogue.client_names import client_name
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import (
    Catalogue,
    Entity,
    Field,
    ListRoot,
    OneRoot,
    Row,
    column,
    computed,
    many,
    one,
)
from steward_graphql.declared.scalars import DECIMAL, STRING, EnumKind
from steward_tenants.access.row_kinds import RowKind
from steward_tenants.texts import Bilingual

GRAIN = EnumKind(
    "Grain",
    Bilingual("期间的长度", "Length of a period"),
    (
        ("day", Bilingual("日", "Day")),
        ("month", Bilingual("月", "Month")),
        ("quarter", Bilingual("季", "Quarter")),
        ("year", Bilingual("年", "Year")),
    ),
)
FACT_ROWS = RowKind(
    "client_fact",
    Bilingual("客户数据指标", "client fact"),
    ClientFact,
    FACTS_VIEW,
    parent=CLIENT_ROWS,
    parent_id=ClientFact.client_id,
)


def _in_force(row: Row) -> ColumnElement[bool]:
    """That no later revision follows, and it was not withdrawn."""
    fact, later = row.table, aliased(ClientFact)
    followed = exists(
        select(later.revision)
        .where(
            row.within(later),
            later.metric == fact.metric,
            later.period == fact.period,
            later.client_id == fact.client_id,
            later.source == fact.source,
            later.revision > fact.revision,
        )
        .correlate(fact)
    )
    return and_(fact.withdrawn.is_(False), not_(followed))


def _value(row: Row) -> ColumnElement[Any]:
    return func.trim_scale(row.table.value, type_=Numeric())


def _period_name(row: Row) -> ColumnElement[Any]:
    """`2026-11-03`, `2026-11`, `2026Q4` or `2026`, by the grain."""
    shapes = {"day": "YYYY-MM-DD", "month": "YYYY-MM", "quarter": 'YYYY"Q"Q', "year": "YYYY"}
    names = {grain: func.to_char(row.table.period, literal(shape, Text)) for grain, shape in shapes.items()}
    return case(names, value=row.table.grain)


def _fields() -> tuple[Field, ...]:
    return (
        column(ClientFact.client_id, "客户编号", "Id of the client", filter=True, group=True),
        computed("clientName", STRING, client_name(), "客户名称", "Name of the client"),
        computed("clientCode", STRING, client_name(shown="code"), "客户编码", "Code of the client"),
        column(ClientFact.metric, "指标的标识", "Key of the metric", filter=True, order=True, group=True),
        column(ClientFact.period, "期间的第一天", "First day of the period", filter=True, order=True, group=True),
        column(ClientFact.grain, "期间的长度", "Length of the period", kind=GRAIN, filter=True, group=True),
        computed("periodName", STRING, _period_name, "期间，如 2026-11 或 2026Q4", "The period, such as 2026-11"),
        computed(
            "value",
            DECIMAL,
            _value,
            "数值，单位见指标；金额以分为单位。汇总前请限定一个可加总的指标",
            "The figure in the metric's unit, money in fen. Sum over one additive metric only",
            nullable=False,
            filter=True,
            order=True,
            aggregate=True,
        ),
        column(
            ClientFact.booked_on,
            "入账日期，决定业绩归属",
            "Booking date, which decides whose it is",
            filter=True,
            order=True,
        ),
        column(ClientFact.source, "来源系统", "The system that it came from", filter=True, group=True),
        column(ClientFact.revision, "修订序号，从 1 开始", "Which revision it is, from 1", filter=True, order=True),
        column(ClientFact.reason, "修订原因", "Why it was corrected"),
        column(ClientFact.batch_id, "导入批次编号", "Id of the import that brought it", filter=True),
        column(ClientFact.recorded_at, "记录时间", "When it was recorded", filter=True, order=True),
        column(ClientFact.recorded_by, "记录人编号", "Id of who recorded it", name="recordedById", filter=True),
        computed("recordedByName", STRING, name_of("recorded_by"), "记录人姓名", "Name of who recorded it"),
        one("client", "Client", ClientFact.client_id, "客户", "The client"),
        one("metricDefinition", "Metric", ClientFact.metric, "指标的定义", "The metric", key="key", granted=True),
        one("batch", "ImportBatch", ClientFact.batch_id, "导入批次", "The import that brought it"),
        one("recordedBy", "Person", ClientFact.recorded_by, "记录人", "Who recorded it"),
    )


_KEY = ("metric", "period", "client_id", "source", "revision")
_ORDER = (("metric", True), ("period", True))

CLIENT_FACT = Entity(
    "ClientFact",
    ClientFact,
    Bilingual("客户在某一期间的指标现行值", "A client's figure of a metric for a period, as it is in force"),
    _fields(),
    kind=FACT_ROWS,
    belongs=_in_force,
    key=_KEY,
    order=_ORDER,
    node=False,
)
FACT_REVISION = Entity(
    "FactRevision",
    ClientFact,
    Bilingual(
        "客户指标的一次修订，含已被替代或撤回的", "One revision of a client's figure, corrected or withdrawn ones too"
    ),
    (
        *_fields(),
        column(ClientFact.withdrawn, "是否为撤回", "Whether it says that there is no such figure", filter=True),
    ),
    kind=FACT_ROWS,
    key=_KEY,
    order=_ORDER,
    node=False,
)
METRIC = Entity(
    "Metric",
    Metric,
    Bilingual("本租户接收的客户数据指标", "A kind of client fact that the tenant takes"),
    key=("key",),
    order=(("key", False),),
    node=False,
    fields=(
        column(Metric.key, "标识", "Key", filter=True, order=True),
        column(Metric.title_zh, "中文名称", "Title in Chinese", filter=True),
        column(Metric.title_en, "英文名称", "Title in English", filter=True),
        column(Metric.measure, "计量单位，fen 为分", "Its unit; fen for money", filter=True, group=True),
        column(Metric.grain, "期间的长度", "Length of its periods", kind=GRAIN, filter=True, group=True),
        column(
            Metric.additive, "是否可按客户和期间加总", "Whether it may be summed over clients and periods", filter=True
        ),
        column(
            Metric.plugin, "来自的行业插件；空为自建", "The plugin that brought it; empty: own", filter=True, group=True
        ),
        column(Metric.retired, "是否停用", "Whether it takes no more figures", filter=True),
        column(Metric.version, "版本", "Counts its changes"),
        many("facts", "ClientFact", "metric", "现行值", "Its figures in force", key="key"),
    ),
)

CATALOGUE = Catalogue(
    entities=(CLIENT_FACT, FACT_REVISION, METRIC),
    roots=(
        ListRoot(
            "facts", "ClientFact", Bilingual("数据范围内客户的指标现行值", "Figures in force of clients within reach")
        ),
        ListRoot(
            "factRevisions",
            "FactRevision",
            Bilingual("数据范围内客户指标的全部修订", "Every revision of figures within reach"),
        ),
        ListRoot("metrics", "Metric", Bilingual("客户数据指标", "The metrics of client facts")),
        OneRoot("metric", "Metric", Bilingual("一个指标", "One metric"), (("key", STRING, "key"),)),
    ),
)
