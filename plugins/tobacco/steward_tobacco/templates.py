"""Ready-made documents: the managers' ladder, the visit's checklist."""

from __future__ import annotations

from steward_core.industry.declarations import Template
from steward_tenants.texts import Bilingual


def _both(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


LADDER = Template(
    "ladder",
    "dual_channel",
    Bilingual("客户经理双通道职级", "Account managers' dual-channel ladder"),
    {
        "channels": [_both("专业通道", "Professional channel"), _both("管理通道", "Management channel")],
        "levels": [
            {"key": "senior", "title": _both("高级客户经理", "Senior manager"), "grades": 3, "quota_percent": 10},
            {"key": "middle", "title": _both("中级客户经理", "Middle manager"), "grades": 3, "quota_percent": 60},
            {"key": "junior", "title": _both("初级客户经理", "Junior manager"), "grades": 3, "quota_percent": 30},
        ],
        "assessments": ["month", "year"],
        "committee": True,
    },
)
VISIT_CHECKLIST = Template(
    "checklist",
    "retailer_visit",
    Bilingual("零售户走访清单", "Retailer visit checklist"),
    {
        "before": [
            _both("查看星级、供货档位和上次走访诉求", "Look up star, supply grade and the last wish"),
            _both("查看近三个月订货与结算情况", "Look up three months' orders and settlements"),
            _both("准备新品与促销资料", "Bring material on new brands and promotions"),
        ],
        "during": [
            _both("盘点库存，记录断货品牌", "Count the stock, note brands out of stock"),
            _both("检查明码标价与陈列", "Check price tags and display"),
            _both("了解重点品牌上柜与消费者反映", "Ask after target brands and consumers' reaction"),
            _both("核对许可证有效期", "Check the licence's expiry"),
        ],
        "after": [
            _both("填写走访记录与指导卡", "Fill in the visit and the guidance card"),
            _both("登记诉求并跟进答复", "Take down wishes and follow them up"),
        ],
    },
)
TEMPLATES = (LADDER, VISIT_CHECKLIST)
