"""Ready-made mappings for files that telecom companies have."""

from __future__ import annotations

from steward_core.industry.declarations import Importer
from steward_telecom.classes import KINDS, TIERS, TRADES
from steward_telecom.keys import BILL, COMMERCIAL, MEMBERS, MINUTES, TENURE, TOTAL_CHARGES, TRAFFIC, VPN_GROUP
from steward_tenants.texts import Bilingual

_WORDS = {one.title.zh: one.key for one in TRADES} | {
    "党政机关": "government",
    "政府": "government",
    "银行": "finance",
    "保险": "finance",
    "宾馆": "hotel",
    "写字楼宇": "office_tower",
    "物业": "property_manager",
}
_TIER_WORDS = {one.title.zh: one.key for one in TIERS} | {"重点": "key", "A类": "A", "B类": "B", "C类": "C"}
_KIND_WORDS = {one.title.zh: one.key for one in KINDS} | {
    "行业": KINDS[0].key,
    "聚类": KINDS[1].key,
    "商客": COMMERCIAL,
}
_STATUS_WORDS = {
    "正常": "active",
    "在用": "active",
    "潜在": "prospect",
    "停机": "dormant",
    "沉默": "dormant",
    "拆机": "closed",
    "离网": "closed",
    "销户": "closed",
}

BOSS_CLIENTS = Importer(
    "boss_clients",
    Bilingual("BOSS 客户清单", "Client list of the BOSS"),
    "client",
    {
        "集团客户编号": "code",
        "集团客户名称": "name",
        "统一社会信用代码": "credit_code",
        "客户类型": "kind",
        "客户等级": "tier",
        "行业类别": "trade",
        "客户状态": "status",
        "上级集团编号": "parent",
        "归属机构": "unit",
        "客户经理工号": "owner",
        "归属区县": "region",
        "单位地址": "address",
        "联系人": "contact.name",
        "联系电话": "contact.phone",
    },
    {
        "match": "code",
        "constants": {"contact.roles": "contact", "source": "BOSS"},
        "value_map": {
            "客户类型": _KIND_WORDS,
            "客户等级": _TIER_WORDS,
            "行业类别": _WORDS,
            "客户状态": _STATUS_WORDS,
        },
    },
)
BOSS_BILLS = Importer(
    "boss_bills",
    Bilingual("BOSS 月度账单与用量", "Monthly bills and use of the BOSS"),
    "client",
    {
        "集团客户编号": "code",
        "集团客户名称": None,
        "出账金额": f"fact.{BILL}",
        "通话分钟数": f"fact.{MINUTES}",
        "数据流量MB": f"fact.{TRAFFIC}",
        "网群成员数": f"fact.{MEMBERS}",
    },
    {"match": "code", "mode": "update_only", "fact_source": "boss"},
)
"""Give `fact_period`, the month of the file, with the import."""
VPN_GROUPS = Importer(
    "vpn_groups",
    Bilingual("虚拟网群清单", "List of VPN groups"),
    f"form:{VPN_GROUP}",
    {
        "集团客户编号": "client",
        "网群编号": "group_number",
        "网群名称": "group_name",
        "短号起": "short_number_from",
        "短号止": "short_number_to",
        "现有成员数": "members_now",
        "计划成员数": "members_planned",
        "主套餐": "main_package",
        "套餐到期": "main_package_ends_on",
        "增值业务": "value_added_services",
        "关键人": "key_person",
        "月收入（元）": "monthly_revenue",
        "协议编号": "agreement_number",
        "协议开始日": "agreement_start",
        "协议到期日": "agreement_end",
        "续约状态": "renewal_state",
    },
)
TELCO_CHURN = Importer(
    "telco_churn",
    Bilingual("电信客户流失数据", "Telecom churn data"),
    "client",
    {
        "customerID": "code",
        "gender": None,
        "SeniorCitizen": None,
        "Partner": None,
        "Dependents": None,
        "tenure": f"fact.{TENURE}",
        "PhoneService": None,
        "MultipleLines": None,
        "InternetService": None,
        "OnlineSecurity": None,
        "OnlineBackup": None,
        "DeviceProtection": None,
        "TechSupport": None,
        "StreamingTV": None,
        "StreamingMovies": None,
        "Contract": None,
        "PaperlessBilling": None,
        "PaymentMethod": None,
        "MonthlyCharges": f"fact.{BILL}",
        "TotalCharges": f"fact.{TOTAL_CHARGES}",
        "Churn": "status",
    },
    {
        "match": "code",
        "constants": {"kind": COMMERCIAL, "source": "电信客户流失数据"},
        "formats": {"name": "客户 {customerID}"},
        "value_map": {"Churn": {"Yes": "closed", "No": "active"}},
        "fact_source": "telco_churn",
    },
)
"""Who churned is closed: the line is given up. Give `fact_period`, the month that the figures are of, with the import;
a blank total is no fact and is reported with its row."""
IMPORTERS = (BOSS_CLIENTS, BOSS_BILLS, VPN_GROUPS, TELCO_CHURN)
