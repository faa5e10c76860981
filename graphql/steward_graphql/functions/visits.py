"""Questions about visits that are no table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from steward_core.permissions import VISITS_VIEW
from steward_core.visits.actions import Symbol, month_of
from steward_core.visits.checklists import CHECKLISTS, Checklists
from steward_core.visits.day_sheet import DaySheet, day_sheet
from steward_core.visits.preparation import Preparation, visit_preparation
from steward_core.visits.quota_queries import MonthQuota, visit_quotas
from steward_graphql.catalogue.visits import STATUS
from steward_graphql.declared.scalars import BOOLEAN, DATE, DATETIME, DECIMAL, FEN, ID, INT, STRING, EnumKind
from steward_graphql.declared.shapes import Asked, EntityRef, Function, ListOf
from steward_graphql.functions.parts import TEXT, argument, few, part, several, shape, texts
from steward_tenants.access.rules import require
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual

SYMBOL = EnumKind(
    "DaySheetSymbol",
    Bilingual("日程单的符号", "Sign on the day sheet"),
    (
        ("planned", Bilingual("☆ 计划内，未完成", "☆ planned and open")),
        ("temporary", Bilingual("● 临时，未完成", "● temporary and open")),
        ("done", Bilingual("★ 已完成", "★ done")),
    ),
)
_SYMBOLS = {Symbol.PLANNED: "planned", Symbol.TEMPORARY: "temporary", Symbol.DONE: "done"}
TASK = shape(
    "DaySheetTask",
    "在该客户处要做的一件事",
    "One thing to do at a client",
    part("symbol", SYMBOL, "符号", "Its sign", read=lambda one: _SYMBOLS[one.symbol]),
    texts("title", "标题", "What it is"),
    part("dueOn", DATE, "到期日", "Day by which it is due", nullable=True),
    part("carried", INT, "结转次数", "How often it was carried over"),
)
STOP = shape(
    "DaySheetStop",
    "日程单上的一户",
    "One client on the day sheet",
    part("number", INT, "序号", "Its place in the route"),
    part("symbol", SYMBOL, "符号", "Its sign", read=lambda one: _SYMBOLS[one.symbol]),
    part("clientId", ID, "客户编号", "Identifier of the client"),
    part("client", EntityRef("Client"), "客户", "The client", nullable=True, read=lambda one: one.client_id),
    part("clientName", STRING, "客户名称", "Name of the client"),
    part("code", STRING, "客户编码", "The company's own code", nullable=True),
    part("tier", STRING, "等级", "Its tier", nullable=True),
    part("address", STRING, "地址", "Address", nullable=True),
    part("contact", STRING, "联系人", "Whom to see", nullable=True),
    part("position", STRING, "职务", "The contact's position", nullable=True),
    part("phone", STRING, "电话，脱敏显示", "The contact's phone, masked", nullable=True),
    several("products", STRING, "在用产品", "Products in use", read=lambda one: list(one.products)),
    part("potentialNeeds", STRING, "潜在需求", "Potential needs", nullable=True),
    several("tasks", TASK, "事项", "What is to be done", read=lambda one: list(one.tasks)),
    part("visitId", ID, "当日走访的编号", "Identifier of the visit of the day", nullable=True),
    part("visitStatus", STATUS, "当日走访的状态", "State of the visit of the day", nullable=True),
    part("metres", INT, "距上一户（米）", "Metres from the one before", nullable=True),
)
SHEET = shape(
    "DaySheet",
    "客户经理一天的日程单",
    "A manager's day",
    part("ownerId", ID, "客户经理编号", "Identifier of the manager"),
    part("ownerName", STRING, "客户经理姓名", "Name of the manager"),
    part("day", DATE, "日期", "The day"),
    part("morningMeeting", STRING, "晨会时间", "Morning meeting", read=lambda one: f"{one.morning_meeting:%H:%M}"),
    part("visitsFrom", STRING, "开始走访时间", "When visits begin", read=lambda one: f"{one.visits_from:%H:%M}"),
    part("eveningMeeting", STRING, "夕会时间", "Evening meeting", read=lambda one: f"{one.evening_meeting:%H:%M}"),
    part("metres", INT, "路程合计（米）", "Metres in all"),
    several("stops", STOP, "客户，按路线顺序", "The clients in route order", read=lambda one: list(one.stops)),
)


async def _sheet(
    session: ReadSession, asked: Asked, *, day: date | None = None, owner_id: UUID | None = None
) -> DaySheet:
    """Raises Forbidden, VisitorNotFound."""
    return await day_sheet(session, day or asked.today, today=asked.today, owner_id=owner_id)


PREPARATION = shape(
    "VisitPreparation",
    "走访准备：平台已知的客户情况",
    "What to know before visiting a client",
    part("clientId", ID, "客户编号", "Identifier of the client"),
    part("client", EntityRef("Client"), "客户", "The client", nullable=True, read=lambda one: one.client_id),
    part("clientName", STRING, "客户名称", "Its name"),
    part("address", STRING, "地址", "Address", nullable=True),
    part("potentialNeeds", STRING, "潜在需求", "Potential needs", nullable=True),
    part("competitorPresence", STRING, "竞争情况", "Competitors' presence", nullable=True),
    several(
        "visits",
        shape(
            "PreparedVisit",
            "以往走访",
            "An earlier visit",
            part("id", ID, "编号", "Identifier"),
            part("day", DATE, "日期", "The day"),
            part("ownerName", STRING, "走访人", "Who visited", nullable=True),
            part("summary", STRING, "小结", "Summary", nullable=True),
            part("topics", STRING, "话题", "What was talked of", nullable=True),
            part("nextStep", STRING, "下一步", "Next step", nullable=True),
            part("nextDueOn", DATE, "下一步期限", "When it is due", nullable=True),
            part("intention", INT, "意向", "Grade of intention", nullable=True),
            several("needs", STRING, "需求类别", "Areas of needs"),
        ),
        "最近的走访，不论由谁进行",
        "The latest visits, whoever made them",
    ),
    several(
        "notes",
        shape(
            "PreparedNote",
            "备注",
            "A note",
            part("id", ID, "编号", "Identifier"),
            part("body", STRING, "内容", "Its text"),
            part("createdAt", DATETIME, "时间", "When it was written"),
        ),
        "备注，置顶在前",
        "Notes, pinned ones first",
    ),
    several(
        "products",
        shape(
            "PreparedProduct",
            "在用产品",
            "A product in use",
            part("id", ID, "编号", "Identifier"),
            part("name", STRING, "名称", "Name"),
            part("monthlyAmount", FEN, "月费（分）", "Monthly amount in fen", nullable=True),
            part("startedOn", DATE, "开始日", "Since when", nullable=True),
        ),
        "在用产品",
        "Products in use",
    ),
    several(
        "contracts",
        shape(
            "PreparedContract",
            "生效的合同",
            "An active contract",
            part("id", ID, "编号", "Identifier"),
            part("number", STRING, "合同编号", "Number"),
            part("title", STRING, "名称", "Title"),
            part("endOn", DATE, "到期日", "Its last day", nullable=True),
            part("amount", FEN, "金额（分）", "Amount in fen", nullable=True),
            part("endsSoon", BOOLEAN, "是否即将到期", "Whether it ends soon"),
        ),
        "生效的合同，先到期在前",
        "Active contracts, the first to end first",
    ),
    several(
        "arrears",
        shape(
            "PreparedArrears",
            "欠费",
            "Arrears",
            part("id", ID, "编号", "Identifier"),
            part("period", STRING, "账期", "Period"),
            part("openAmount", FEN, "未付金额（分）", "What is open, in fen"),
            part("dueOn", DATE, "应付日", "When it was due"),
        ),
        "欠费，早到期在前",
        "Arrears, the earliest due first",
    ),
    part("owed", FEN, "欠费合计（分）", "Arrears in all, in fen"),
    several(
        "requests",
        shape(
            "PreparedRequest",
            "未办结的服务请求",
            "An open service request",
            part("id", ID, "编号", "Identifier"),
            part("kind", STRING, "类型", "Its kind"),
            part("title", STRING, "标题", "Title"),
            part("status", STRING, "状态", "Its state"),
            part("openedAt", DATETIME, "受理时间", "Since when"),
        ),
        "未办结的服务请求；无权限时为空",
        "Open service requests; none without the right to see such",
    ),
    several(
        "actions",
        shape(
            "PreparedAction",
            "未完成的计划事项",
            "An open action of a plan",
            part("id", ID, "编号", "Identifier"),
            part("source", STRING, "来源", "What asked for it"),
            part("title", STRING, "标题", "Title", nullable=True),
            part("dueOn", DATE, "到期日", "When it is due"),
            part("plannedOn", DATE, "安排在", "When it is planned", nullable=True),
        ),
        "未完成的计划事项；无权限时为空",
        "Open actions of plans; none without the right to see such",
    ),
)


async def _preparation(session: ReadSession, asked: Asked, *, client_id: UUID) -> Preparation:
    """Raises Forbidden, ClientNotFound."""
    return await visit_preparation(session, client_id, today=asked.today)


QUOTA = shape(
    "VisitQuota",
    "一项指标的完成情况",
    "Whether a quota is met",
    part("met", BOOLEAN, "是否达到", "Whether it is met"),
    part("figure", DECIMAL, "数值", "The figure"),
    part("wanted", INT, "要求", "What is asked"),
    part("missing", INT, "尚缺", "How much is missing"),
    several("lines", TEXT, "说明", "Why", read=lambda one: list(one.lines)),
)
MONTH_QUOTA = shape(
    "VisitMonthQuota",
    "某客户经理当月的走访指标",
    "A manager's visits of a month",
    part("ownerId", ID, "客户经理编号", "Identifier of the manager"),
    part("owner", EntityRef("Person"), "客户经理", "The manager", nullable=True, read=lambda one: one.owner_id),
    part("ownerName", STRING, "姓名", "Name"),
    part("visits", INT, "走访次数", "How many visits were done"),
    part("clients", QUOTA, "不同客户数", "Distinct clients"),
    part("daily", QUOTA, "每个工作日走访次数", "Visits a working day"),
)


async def _quotas(
    session: ReadSession, asked: Asked, *, day: date | None = None, owner_ids: list[UUID] | None = None
) -> Sequence[MonthQuota]:
    """Raises Forbidden, InvalidInput."""
    chosen = None if owner_ids is None else few("ownerIds", owner_ids)
    return await visit_quotas(session, month_of(day or asked.today), today=asked.today, owner_ids=chosen)


_ITEM = shape(
    "VisitChecklistItem",
    "清单的一项",
    "One thing to see to",
    part("key", STRING, "键", "Key"),
    texts("title", "名称", "What it is", read=lambda one: Bilingual(one.zh, one.en)),
)
CHECKLIST = shape(
    "VisitChecklists",
    "走访前、中、后的清单（设置 visits.checklists）",
    "Checklists before, during and after a visit (setting visits.checklists)",
    several("before", _ITEM, "走访前", "Before", read=lambda one: list(one.before)),
    several("during", _ITEM, "走访中", "During", read=lambda one: list(one.during)),
    several("after", _ITEM, "走访后", "After", read=lambda one: list(one.after)),
)


async def _checklists(session: ReadSession, asked: Asked) -> Checklists:  # noqa: ARG001 - how functions are called
    require(session.actor, VISITS_VIEW)
    return await get_setting(session, CHECKLISTS)


FUNCTIONS: tuple[Function, ...] = (
    Function(
        "daySheet",
        Bilingual("客户经理一天的日程单", "A manager's day sheet"),
        SHEET,
        _sheet,
        (
            argument("day", DATE, "日期，默认今天", "The day; today when left out"),
            argument("ownerId", ID, "客户经理，默认本人", "The manager; oneself when left out"),
        ),
        cost=60,
    ),
    Function(
        "visitPreparation",
        Bilingual("走访准备：客户近况汇总", "What to know before visiting a client"),
        PREPARATION,
        _preparation,
        (argument("clientId", ID, "客户编号", "Identifier of the client", required=True),),
        cost=60,
    ),
    Function(
        "visitQuotas",
        Bilingual("月度走访指标：客户数与日均次数", "A month's visits against what is asked of each manager"),
        ListOf(MONTH_QUOTA),
        _quotas,
        (
            argument("day", DATE, "当月任意一天，默认本月", "Any day of the month; this month when left out"),
            argument(
                "ownerIds", ID, "客户经理，默认当月有走访的", "Managers; those with visits by default", listed=True
            ),
        ),
        cost=100,
    ),
    Function("visitChecklists", Bilingual("走访清单模板", "The checklists of visits"), CHECKLIST, _checklists),
)
