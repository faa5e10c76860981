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

ANSWERS = ("已请技术同事处理，恢复正常", "已与相关部门落实，下月起执行", "已上门说明，客户表示理解", "已补送资料并讲解")
"""What becomes of a request."""
JUDGEMENTS = (
    "本月走访基本按计划完成，重点客户关系稳定。",
    "月中临时任务较多，个别走访顺延到下月。",
    "客户需求较上月明显增加，需提前备料。",
)
OPINIONS = ("注意顺延客户的走访安排。", "重点客户的需求请持续跟进。", "总结到位，下月继续保持。")
CASES = {
    True: (
        "提前了解到客户搬迁计划，协助办理移机，未影响使用。",
        "回访时发现账单疑问，当场解释清楚，客户表示满意。",
        "根据客户旺季安排提前备货，客户如期开业。",
        "联合技术同事上门巡检，消除了一处隐患。",
    ),
    False: (
        "约访时间未与负责人确认，到访时负责人外出。",
        "答复客户的资料晚到一天，客户已提醒。",
        "竞争对手先一步报价，未能及时获知。",
        "客户联系人更换后档案未及时更新。",
    ),
}
"""Cases that a month summary tells: those that went well, and those that did not."""


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
