"""Invented enterprise clients for the demo company: who they are, how large, whose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random

from steward_core.clients.credit_code import check_character
from steward_core.industry.declarations import DemoWorld
from steward_telecom.keys import CLUSTER_CLIENT, COMMERCIAL, INDUSTRY_CLIENT

REGIONS = ("东湾区", "西岭区", "南浦区", "北桥区", "云溪县", "白沙县", "新港区", "石岭县")
STREETS = ("文昌路", "解放大道", "滨河路", "创业街", "学府路", "工业大道", "迎宾路", "和平街")
BRANDS = (
    "华信",
    "恒远",
    "金阳",
    "瑞丰",
    "博雅",
    "天成",
    "鼎盛",
    "宏图",
    "永泰",
    "新源",
    "中禾",
    "立诚",
    "万通",
    "嘉禾",
)
BUREAUS = (
    "教育局",
    "卫生健康局",
    "交通运输局",
    "水利局",
    "农业农村局",
    "文化和旅游局",
    "住房和城乡建设局",
    "应急管理局",
)
SUFFIXES: dict[str, tuple[str, ...]] = {
    "public_service": ("供水有限公司", "公交集团", "燃气有限公司", "供热有限公司"),
    "education": ("实验中学", "外国语学校", "职业技术学院"),
    "healthcare": ("人民医院", "妇幼保健院", "康复医院"),
    "manufacturing": ("机械制造有限公司", "电子科技有限公司", "食品有限公司", "纺织有限公司", "建材有限公司"),
    "large_enterprise": ("集团股份有限公司", "控股集团有限公司"),
    "logistics": ("物流有限公司", "客运有限公司"),
    "retail": ("百货有限公司", "商贸有限公司"),
    "internet_cafe": ("网吧", "网络会所", "电竞馆"),
    "hotel": ("大酒店", "商务酒店", "宾馆"),
    "office_tower": ("大厦", "国际广场"),
    "property_manager": ("物业服务有限公司",),
    "other": ("咨询有限公司", "广告有限公司"),
}
PLAN: tuple[tuple[str, str, int], ...] = (
    ("government", INDUSTRY_CLIENT, 30),
    ("public_service", INDUSTRY_CLIENT, 20),
    ("education", INDUSTRY_CLIENT, 20),
    ("healthcare", INDUSTRY_CLIENT, 15),
    ("manufacturing", INDUSTRY_CLIENT, 50),
    ("large_enterprise", INDUSTRY_CLIENT, 15),
    ("logistics", INDUSTRY_CLIENT, 15),
    ("internet_cafe", CLUSTER_CLIENT, 30),
    ("hotel", CLUSTER_CLIENT, 30),
    ("office_tower", CLUSTER_CLIENT, 20),
    ("property_manager", CLUSTER_CLIENT, 15),
    ("retail", COMMERCIAL, 15),
    ("other", COMMERCIAL, 10),
)
"""How many of which trade and kind; a bank with its branches comes first."""
BANK = "江城商业银行"
BRANCHES = 19
HEADQUARTERS_BILL = 86_000
PROSPECTS = 4
Wanted = tuple[str, str, str, str | None]
"""Name, trade, kind, and the code of the parent."""
TIER_BOUNDS = ((20_000, "key"), (8_000, "A"), (2_500, "B"), (0, "C"))


@dataclass(frozen=True)
class Company:
    """One invented client. `size` is its usual monthly bill in yuan; `staff` how many work there."""

    place: int
    code: str
    name: str
    kind: str
    tier: str
    trade: str
    region: str
    address: str
    credit_code: str
    size: int
    staff: int
    unit: str | None
    owner: str | None
    parent: str | None = None
    status: str = "active"


def companies(random: Random, world: DemoWorld) -> list[Company]:
    """About 300: a bank's headquarters with its branches, then one trade after the other; the last are prospects."""
    found: list[Company] = []
    for wanted in _wanted(random):
        found.append(_company(len(found), wanted, random, world))
    return [
        Company(**{**one.__dict__, "status": "prospect"}) if one.place >= len(found) - PROSPECTS else one
        for one in found
    ]


def _code(place: int) -> str:
    return f"JT{place + 1:06}"


def _wanted(random: Random) -> Iterator[Wanted]:
    yield f"{BANK}总行", "finance", INDUSTRY_CLIENT, None
    branches = [f"{BANK}{region}{side}支行" for region, side in product(REGIONS, ("中心", "城东", "开发区"))]
    for name in branches[:BRANCHES]:
        yield name, "finance", INDUSTRY_CLIENT, _code(0)
    for trade, kind, count in PLAN:
        for name in random.sample(_names(trade), count):
            yield name, trade, kind, None


def _names(trade: str) -> list[str]:
    if trade == "government":
        return [region + bureau for region, bureau in product(REGIONS, BUREAUS)]
    if trade in ("education", "healthcare", "public_service"):
        return [region + suffix for region, suffix in product(REGIONS, SUFFIXES[trade])]
    middles = BRANDS if trade in ("manufacturing", "large_enterprise", "logistics", "retail", "other") else REGIONS
    return [
        f"{middle}{brand}{suffix}"
        for middle, brand, suffix in product(middles, BRANDS, SUFFIXES[trade])
        if middle != brand
    ]


def _company(place: int, wanted: Wanted, random: Random, world: DemoWorld) -> Company:
    name, trade, kind, parent = wanted
    large = trade in ("government", "finance", "large_enterprise")
    usual = round(random.lognormvariate(8.9 if large else 7.9, 0.9))
    size = usual if place else HEADQUARTERS_BILL
    region = next((one for one in REGIONS if one in name), random.choice(REGIONS))
    first = f"91369801MA{place + 1:07}"
    return Company(
        place=place,
        code=_code(place),
        name=name,
        kind=kind,
        tier=next(tier for bound, tier in TIER_BOUNDS if size >= bound),
        trade=trade,
        region=region,
        address=f"{region}{random.choice(STREETS)}{random.randrange(1, 400)}号",
        credit_code=first + check_character(first),
        size=size,
        staff=max(8, size // 60),
        unit=world.units[place % len(world.units)] if world.units else None,
        owner=world.managers[place % len(world.managers)] if world.managers else None,
        parent=parent,
    )
