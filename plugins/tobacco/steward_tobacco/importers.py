"""Ready-made mappings for files that tobacco companies have."""

from __future__ import annotations

from steward_core.industry.declarations import Importer
from steward_tenants.texts import Bilingual
from steward_tobacco.keys import (
    AMOUNT,
    ATTEMPTS,
    BRAND,
    DUE,
    FULFILLED,
    MAJOR,
    MINOR,
    PLACED,
    PROFILE,
    RETAILER,
    SUCCESSES,
    TARGET,
    VOLUME,
)

LICENCES = Importer(
    "licence_system",
    Bilingual("专卖许可证系统导出（客户）", "Licence system export (clients)"),
    "client",
    {
        "许可证号": "code",
        "企业（字号）名称": "name",
        "统一社会信用代码": "credit_code",
        "经营业态": "trade",
        "经营地址": "address",
        "行政区划": "region",
        "负责人姓名": "contact.name",
        "负责人电话": "contact.phone",
        "客户经理": "owner",
        "所属单位": "unit",
        "发证日期": None,
        "有效期止": None,
    },
    {"match": "code", "constants": {"kind": RETAILER, "status": "active"}},
)
PROFILES = Importer(
    "licence_profiles",
    Bilingual("专卖许可证系统导出（档案）", "Licence system export (profiles)"),
    f"form:{PROFILE}",
    {
        "客户编码": "client",
        "许可证号": "licence_number",
        "发证日期": "licence_issued_on",
        "有效期止": "licence_expires_on",
        "经营业态": "trade_form",
        "市场类型": "market_type",
        "商圈类型": "business_district",
        "订货日": "ordering_day",
        "订货方式": "ordering_way",
        "是否电子结算": "settlement_signed",
        "合理定量": "reasonable_volume",
        "送货线路": "delivery_route",
        "经营面积": "floor_area",
    },
)
SALES = Importer(
    "sales_export",
    Bilingual("卷烟营销系统月度销售导出", "Monthly sales export"),
    "client",
    {
        "客户编码": "code",
        "客户名称": None,
        "购进量（条）": f"fact.{VOLUME}",
        "购进金额（元）": f"fact.{AMOUNT}",
        "目标销量（条）": f"fact.{TARGET}",
        "应订货次数": f"fact.{DUE}",
        "实际订货次数": f"fact.{PLACED}",
        "满足订单数": f"fact.{FULFILLED}",
        "电子结算次数": f"fact.{ATTEMPTS}",
        "电子结算成功次数": f"fact.{SUCCESSES}",
        "轻微违规次数": f"fact.{MINOR}",
        "严重违规次数": f"fact.{MAJOR}",
    },
    {"match": "code", "mode": "update_only", "fact_source": "sales"},
)
BRANDS = Importer(
    "brand_shelf_export",
    Bilingual("重点品牌上柜情况", "Target brands on shelf"),
    f"form:{BRAND}",
    {
        "客户编码": "client",
        "品牌规格": "brand",
        "是否重点": "target",
        "是否上柜": "on_shelf",
        "首次订货日期": "first_ordered_on",
        "再次订货日期": "reordered_on",
        "陈列占比": "shelf_share",
        "消费者反映": "reaction",
    },
)
IMPORTERS = (LICENCES, PROFILES, SALES, BRANDS)
