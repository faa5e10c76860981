"""Kinds, tiers and trades of telecom clients, their figures, and how often they are visited and confirmed."""

from __future__ import annotations

from steward_core.industry.declarations import (
    Cadence,
    Freshness,
    Kind,
    MetricDeclaration,
    PromiseDeclaration,
    Tier,
    Trade,
)
from steward_telecom.keys import (
    BILL,
    CLUSTER_CLIENT,
    COMMERCIAL,
    INDUSTRY_CLIENT,
    MEMBERS,
    MINUTES,
    TENURE,
    TOTAL_CHARGES,
    TRAFFIC,
)
from steward_tenants.texts import Bilingual

KINDS = (
    Kind(INDUSTRY_CLIENT, Bilingual("行业客户", "Industry client")),
    Kind(CLUSTER_CLIENT, Bilingual("聚类客户", "Cluster client")),
    Kind(COMMERCIAL, Bilingual("商业客户", "Commercial client")),
)
TIERS = (
    Tier("key", Bilingual("重点客户", "Key client"), 1),
    Tier("A", Bilingual("A 类客户", "Tier A"), 2),
    Tier("B", Bilingual("B 类客户", "Tier B"), 3),
    Tier("C", Bilingual("C 类客户", "Tier C"), 4),
)
TRADES = (
    Trade("government", Bilingual("党政军", "Party, government and military")),
    Trade("finance", Bilingual("金融", "Finance")),
    Trade("large_enterprise", Bilingual("大型企业", "Large enterprise")),
    Trade("public_service", Bilingual("公共服务", "Public service")),
    Trade("education", Bilingual("教育", "Education")),
    Trade("healthcare", Bilingual("医疗卫生", "Health care")),
    Trade("manufacturing", Bilingual("生产制造", "Manufacturing")),
    Trade("logistics", Bilingual("交通物流", "Transport and logistics")),
    Trade("retail", Bilingual("商贸零售", "Trade and retail")),
    Trade("internet_cafe", Bilingual("网吧", "Internet café")),
    Trade("hotel", Bilingual("酒店", "Hotel")),
    Trade("office_tower", Bilingual("写字楼", "Office tower")),
    Trade("property_manager", Bilingual("物业公司", "Property manager")),
    Trade("other", Bilingual("其他", "Other")),
)
METRICS = (
    MetricDeclaration(BILL, Bilingual("月出账金额", "Monthly bill"), "fen", revenue=True),
    MetricDeclaration(MINUTES, Bilingual("通话分钟数", "Call minutes"), "minutes"),
    MetricDeclaration(TRAFFIC, Bilingual("数据流量", "Data traffic"), "MB"),
    MetricDeclaration(MEMBERS, Bilingual("网群成员数", "VPN members"), "members", additive=False),
    MetricDeclaration(TOTAL_CHARGES, Bilingual("累计消费", "Total charges"), "fen", additive=False),
    MetricDeclaration(TENURE, Bilingual("在网月数", "Months with us"), "months", additive=False),
)
FRESHNESS = (
    Freshness(("key", "A", "B"), basic_months=1, personal_months=2),
    Freshness(("C",), basic_months=3, personal_months=4),
)
"""[003]"""
CADENCES = (Cadence("monthly", Bilingual("每月至少走访一次", "A visit a month at least"), 1, "month"),)
"""[000#5]; the first visit one week after installation is a promise."""
FAULT_RESTORED = ("restored", "answered", "form:fault_report:restored")
FAULT_REACHED = ("arrived", "form:fault_report:arrived", *FAULT_RESTORED)
"""What says how far a fault is: the request's milestones, or the moments of the form."""
INSTALLED = ("installed", "order_completed", "form:order_acceptance:done")
"""What says that a line is there: the order, or the form of its acceptance."""
PROMISES = (
    PromiseDeclaration(
        "fault_response",
        Bilingual("故障响应", "Response to a fault"),
        "fault_reported",
        "calendar_minutes",
        30,
        20,
        kept_by=("responded", *FAULT_REACHED),
    ),
    PromiseDeclaration(
        "fault_solved",
        Bilingual("故障修复", "Fault solved"),
        "fault_reported",
        "calendar_minutes",
        120,
        90,
        kept_by=FAULT_RESTORED,
    ),
    PromiseDeclaration(
        "fault_solved_internet_cafe",
        Bilingual("网吧故障修复", "Fault of an internet café solved"),
        "fault_reported:internet_cafe",
        "calendar_minutes",
        240,
        180,
        kept_by=FAULT_RESTORED,
    ),
    PromiseDeclaration(
        "fault_engineering",
        Bilingual("故障联系工程部门", "Engineering contacted about a fault"),
        "fault_reported",
        "calendar_minutes",
        10,
        5,
        kept_by=("engineering_contacted", "form:fault_report:engineering_contacted", *FAULT_REACHED),
    ),
    PromiseDeclaration(
        "installation",
        Bilingual("有资源装机", "Installation where there are resources"),
        "contract_signed:resource_available",
        "calendar_days",
        3,
        2,
        kept_by=INSTALLED,
        setting="installation_days",
    ),
    PromiseDeclaration(
        "installation_without_resource",
        Bilingual("无资源装机", "Installation where there are none"),
        "contract_signed:resource_missing",
        "calendar_days",
        7,
        5,
        kept_by=INSTALLED,
        setting="installation_days_without_resource",
    ),
    PromiseDeclaration(
        "contract_flow",
        Bilingual("合同流转（用印、工程、装机）", "Contract flow: seal, engineering, installation"),
        "contract_signed",
        "calendar_days",
        7,
        5,
        kept_by=("contract_flow_done", *INSTALLED),
    ),
    PromiseDeclaration(
        "first_visit",
        Bilingual("装机后首访", "First visit after installation"),
        "form:order_acceptance:done",
        "calendar_days",
        7,
        5,
        kept_by=("client:visit_ended",),
        setting="first_visit_days",
    ),
    PromiseDeclaration(
        "urgent_competitor_report",
        Bilingual("紧急竞争信息上报", "Urgent competitor report"),
        "form:competitor_report:urgent",
        "working_days",
        1,
        kept_by=("form:competitor_report:told",),
        since="reported",
    ),
    PromiseDeclaration(
        "urgent_area_competitor_report",
        Bilingual("紧急竞争信息上报（区域）", "Urgent competitor report (area)"),
        "form:area_competitor_report:urgent",
        "working_days",
        1,
        kept_by=("form:area_competitor_report:told",),
        since="reported",
    ),
)
"""[000#4], [000#5], [003]. Dial-up and dedicated lines have the same clocks; what follows the last colon narrows the
trigger."""
