"""Invented retailers for the demo company: clients, contacts, profiles, facts of nine months, brands, visits.

The same day, units and managers give the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from random import Random
from typing import Any

from steward_core.clients.credit_code import check_character
from steward_core.industry.declarations import DemoData, DemoWorld
from steward_tobacco import keys
from steward_tobacco.choices import (
    BusinessDistrict,
    Judgement,
    MarketType,
    OrderingDay,
    OrderingWay,
    Reaction,
    ServiceKind,
    ServiceTopic,
    TradeForm,
)

RETAILERS = 300
MONTHS = 9
SEED = 20_260_101
FAMILY = "赵钱孙李周吴郑王冯陈蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜"
GIVEN = (
    "建国",
    "秀英",
    "志强",
    "丽华",
    "伟",
    "芳",
    "永康",
    "桂兰",
    "海燕",
    "文斌",
    "小梅",
    "国平",
    "玉珍",
    "立新",
    "春生",
    "晓东",
)
NAMES = (
    "福满",
    "兴隆",
    "聚源",
    "和顺",
    "东升",
    "惠民",
    "天天",
    "祥云",
    "万家",
    "金穗",
    "美好",
    "四季",
    "宏达",
    "友谊",
    "平安",
    "长兴",
)
TOWNS = ("城关", "青溪", "石桥", "白马", "双河", "柳林", "大岭", "新安")
STREETS = ("人民路", "建设街", "学府路", "中山路", "河滨街", "站前路", "东风路", "集贸巷")
SUFFIX = {
    TradeForm.GROCERY: "食杂店",
    TradeForm.CONVENIENCE: "便利店",
    TradeForm.SUPERMARKET: "超市",
    TradeForm.DEPARTMENT_STORE: "百货商场",
    TradeForm.TOBACCO_LIQUOR: "烟酒店",
    TradeForm.ENTERTAINMENT: "娱乐会所",
    TradeForm.OTHER: "商行",
}
TRADES = (
    *[TradeForm.GROCERY] * 9,
    *[TradeForm.CONVENIENCE] * 5,
    *[TradeForm.SUPERMARKET] * 2,
    *[TradeForm.TOBACCO_LIQUOR] * 3,
    TradeForm.DEPARTMENT_STORE,
    TradeForm.ENTERTAINMENT,
    TradeForm.OTHER,
)
BRANDS = ("云岭（软）", "江月（细支）", "松涛（硬金）", "锦程（中支）")
"""Invented brands that the company aims at."""


class _Retailer:
    """One invented retailer; `size` is its monthly cartons, `care` (0 to 1) how well it is run."""

    def __init__(self, place: int, random: Random, world: DemoWorld) -> None:
        self.trade = random.choice(TRADES)
        self.code = f"3699{place + 1:08}"
        self.town = random.choice(TOWNS)
        self.name = f"{self.town}{random.choice(NAMES)}{random.choice(NAMES)}{SUFFIX[self.trade]}"
        self.size = max(2, round(random.lognormvariate(3.2, 0.8)))
        self.price = random.randrange(95, 320)
        self.care = min(1.0, max(0.2, random.betavariate(6, 1.6)))
        self.signed = random.random() < 0.93
        self.manager = world.managers[place % len(world.managers)] if world.managers else None
        self.unit = world.units[place % len(world.units)] if world.units else None
        self.issued = world.today - timedelta(days=random.randrange(120, 1700))
        self.expires = self.issued + timedelta(days=5 * 365)
        self.owner = random.choice(FAMILY) + random.choice(GIVEN)
        self.phone = f"1390000{place:04}"
        self.address = f"{self.town}镇{random.choice(STREETS)}{random.randrange(1, 300)}号"
        first = f"9236990{place % 10}MA{place:07}"[:17]
        self.credit_code = first + check_character(first)


def demo(world: DemoWorld) -> DemoData:
    """About 300 retailers by import target, in the order in which they are to be taken in."""
    random = Random(SEED)  # noqa: S311 - invented data, the same each time
    retailers = [_Retailer(place, random, world) for place in range(RETAILERS)]
    months = list(reversed(list(_months_before(world.today))))
    return {
        "client": [_client(one) for one in retailers],
        "contact": [row for one in retailers for row in _contacts(one, random)],
        f"form:{keys.PROFILE}": [_profile(one, random) for one in retailers],
        "fact": [row for one in retailers for row in _facts(one, months, random)],
        f"form:{keys.BRAND}": [row for one in retailers for row in _brands(one, random, world.today)],
        f"form:{keys.VISIT}": [row for one in retailers for row in _visits(one, random, world.today)],
        f"form:{keys.SERVICE}": [row for one in retailers[::15] for row in _requests(one, random, world.today)],
    }


def _months_before(today: date) -> Iterator[date]:
    """The first days of the complete months before a day, the latest first."""
    month = today.replace(day=1)
    for _ in range(MONTHS):
        month = (month - timedelta(days=1)).replace(day=1)
        yield month


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _client(one: _Retailer) -> Mapping[str, Any]:
    return _given(
        code=one.code,
        name=one.name,
        credit_code=one.credit_code,
        kind=keys.RETAILER,
        trade=one.trade.value,
        status="active",
        unit=one.unit,
        owner=one.manager,
        region=one.town,
        address=one.address,
        phone=one.phone,
    )


def _contacts(one: _Retailer, random: Random) -> Iterator[Mapping[str, Any]]:
    yield {
        "client": one.code,
        "name": one.owner,
        "roles": "decision_maker",
        "main": True,
        "position": "店主",
        "phone": one.phone,
        "birthday": date(1960 + random.randrange(40), random.randrange(1, 13), random.randrange(1, 29)),
    }
    if random.random() < 0.3:
        yield {
            "client": one.code,
            "name": random.choice(FAMILY) + random.choice(GIVEN),
            "roles": "clerk",
            "position": "店员",
            "phone": f"1380000{random.randrange(10_000):04}",
        }


def _profile(one: _Retailer, random: Random) -> Mapping[str, Any]:
    urban = one.town in ("城关", "新安")
    return {
        "client": one.code,
        "licence_number": one.code,
        "licence_issued_on": one.issued,
        "licence_expires_on": one.expires,
        "trade_form": one.trade.value,
        "market_type": (MarketType.URBAN if urban else random.choice((MarketType.TOWN, MarketType.VILLAGE))).value,
        "business_district": random.choice(list(BusinessDistrict)).value,
        "ordering_day": random.choice(list(OrderingDay)).value,
        "ordering_way": (OrderingWay.WEB if random.random() < 0.9 else OrderingWay.PHONE).value,
        "settlement_signed": one.signed,
        "settlement_balance_ok": random.random() < one.care,
        "reasonable_volume": max(1, one.size // 3),
        "delivery_route": f"R{random.randrange(1, 13):02}",
        "floor_area": random.randrange(12, 400),
    }


def _facts(one: _Retailer, months: list[date], random: Random) -> Iterator[Mapping[str, Any]]:
    """Nine months; a few retailers fall off in the last one, miss orders, or break the rules."""
    falls = random.random() < 0.07
    for place, month in enumerate(months):
        last = place == len(months) - 1
        due = 4 if month.month % 3 else 5
        placed = sum(random.random() < 0.5 + one.care / 2 for _ in range(due))
        fulfilled = sum(random.random() < 0.9 for _ in range(placed))
        cartons = max(0, round(one.size * random.uniform(0.85, 1.15) * placed / due * (0.5 if last and falls else 1)))
        figures = {
            keys.VOLUME: cartons,
            keys.AMOUNT: cartons * one.price,
            keys.TARGET: max(1, round(one.size * 0.95)),
            keys.DUE: due,
            keys.PLACED: placed,
            keys.FULFILLED: fulfilled,
        }
        if one.signed:
            figures[keys.ATTEMPTS] = placed
            figures[keys.SUCCESSES] = sum(random.random() < 0.7 + one.care * 0.3 for _ in range(placed))
        if random.random() < 0.004:
            figures[keys.MINOR] = 1
        if random.random() < 0.001:
            figures[keys.MAJOR] = 1
        for metric, value in figures.items():
            yield {"client": one.code, "metric": metric, "period": f"{month:%Y-%m}", "value": value}


def _brands(one: _Retailer, random: Random, today: date) -> Iterator[Mapping[str, Any]]:
    for brand in BRANDS:
        shelved = random.random() < one.care
        ordered = today - timedelta(days=random.randrange(60, 240)) if shelved else None
        again = ordered + timedelta(days=random.randrange(14, 50)) if ordered and random.random() < 0.6 else None
        yield _given(
            client=one.code,
            brand=brand,
            target=True,
            on_shelf=shelved,
            first_ordered_on=ordered,
            reordered_on=again,
            shelf_share=random.randrange(2, 25) if shelved else None,
            reaction=random.choice(list(Reaction)).value,
        )


def _judged(one: _Retailer, random: Random) -> str:
    if random.random() < one.care:
        return Judgement.MET.value
    return random.choice((Judgement.PARTLY, Judgement.NOT_MET)).value


def _visits(one: _Retailer, random: Random, today: date) -> Iterator[Mapping[str, Any]]:
    for back in (150, 95, 60, 20):
        out = random.random() < 0.12
        yield _given(
            client=one.code,
            visited_on=today - timedelta(days=back + random.randrange(10)),
            out_of_stock=out,
            missing_brands=random.choice(BRANDS) if out else None,
            price_tags=_judged(one, random),
            display=_judged(one, random),
            promotions_explained=random.random() < 0.7,
            cooperation=min(5, 2 + round(one.care * 3)),
            wish="希望增加畅销规格的货源。" if random.random() < 0.1 else None,
        )


def _requests(one: _Retailer, random: Random, today: date) -> Iterator[Mapping[str, Any]]:
    received = today - timedelta(days=random.randrange(8, 80))
    yield {
        "client": one.code,
        "received_on": received,
        "kind": random.choice((ServiceKind.COMPLAINT, ServiceKind.WISH)).value,
        "topic": random.choice(list(ServiceTopic)).value,
        "content": "送货时间经常变动，希望提前通知。",
        "contacted_on": received + timedelta(days=1),
        "answered_on": received + timedelta(days=4),
        "answer": "已与配送中心协调，固定送货时段并提前一天短信通知。",
        "handled_by": "客户服务部",
        "satisfaction": random.randrange(3, 6),
    }
