"""What simulated visits are about. Invented."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

_AIMS = ("月度例行走访", "了解近期业务需求", "回访上次反映的问题", "核对客户档案", "介绍新业务")
_TOPICS = (
    "线路使用情况良好，咨询扩容",
    "谈到下季度预算",
    "介绍了新联系人",
    "对账单有疑问，已当面解释",
    "了解到对方正在装修新址",
)
_SUMMARIES = (
    "客户总体满意，约定下月再访",
    "需求明确，待内部准备材料",
    "负责人外出，与经办人沟通",
    "客户比较忙，时间较短",
)
_WISHES = ("希望提供线路巡检报告", "希望安排一次使用培训", "希望调整账单寄送地址")
_COMPLAINTS = ("反映周末网速偏慢", "反映客服电话难打通")
_NEXT = ("准备资料后电话联系", "下月例行走访", "约技术同事一同上门")


def story(random: Random, day: date) -> dict[str, Any]:
    """What is written down about one visit: now and then a wish, rarely a complaint."""
    told: dict[str, Any] = {
        "aim": random.choice(_AIMS),
        "topics": random.choice(_TOPICS),
        "summary": random.choice(_SUMMARIES),
        "next_step": random.choice(_NEXT),
        "next_due_on": day + timedelta(days=random.randrange(3, 25)),
        "intention": random.choice((3, 3, 4, 4, 5, 2)),
    }
    if random.random() < 0.06:
        told["wishes"] = [random.choice(_WISHES)]
    if random.random() < 0.02:
        told["complaints"] = [random.choice(_COMPLAINTS)]
    return told
