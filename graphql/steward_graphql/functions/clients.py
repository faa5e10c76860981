"""Searches over clients, their tree, how fresh profiles are, the public pool, and possible duplicates."""

from __future__ import annotations

from uuid import UUID

from steward_core.clients.details import TreeNode, client_tree
from steward_core.clients.freshness import FreshnessScan, freshness_scan
from steward_core.clients.likeness import REASONS, DuplicateCandidate, find_duplicates
from steward_core.clients.models import ClientStatus
from steward_core.clients.pages import Page, Paging
from steward_core.clients.pool_queries import PoolLine, PoolQuery, PoolSort, pool_page
from steward_core.clients.search import ClientFound, search_clients
from steward_core.permissions import CLIENTS_EDIT
from steward_graphql.catalogue.clients import CLIENT_STATUS
from steward_graphql.declared.scalars import BOOLEAN, DATE, DATETIME, ID, INT, STRING, EnumKind
from steward_graphql.declared.shapes import Asked, EntityRef, Function, ListOf
from steward_graphql.functions.parts import (
    AFTER,
    FIRST,
    NEXT_CURSOR,
    TEXT,
    argument,
    few,
    page_size,
    part,
    several,
    shape,
)
from steward_tenants.access.rules import require
from steward_tenants.database.session import ReadSession
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

LONGEST = 200
_CLIENT = EntityRef("Client")


def short(name: str, text: str | None) -> str:
    """A text that was given, of at most `LONGEST` characters. Raises InvalidInput."""
    if len(text or "") > LONGEST:
        raise invalid(name, "length", f"最多 {LONGEST} 个字符。", f"Use at most {LONGEST} characters.")
    return text or ""


async def _search(
    session: ReadSession, asked: Asked, *, text: str, first: int | None = None, with_merged: bool | None = None
) -> list[ClientFound]:
    """Raises Forbidden, InvalidInput."""
    size = page_size(first)
    return await search_clients(
        session, short("text", text), today=asked.today, limit=size, with_merged=bool(with_merged)
    )


FOUND = shape(
    "ClientFound",
    "搜索到的客户",
    "A client that a search found",
    part("id", ID, "客户编号", "Identifier of the client"),
    part("client", _CLIENT, "客户", "The client", nullable=True, read=lambda one: one.id),
    part("name", STRING, "客户名称", "Its name"),
    part("code", STRING, "客户编码", "The company's own code", nullable=True),
    part("byContact", BOOLEAN, "是否经由联系人找到", "Whether it was found through a contact"),
    part("exact", BOOLEAN, "编码是否完全一致", "Whether it was found by its whole code"),
)


async def _tree(session: ReadSession, asked: Asked, *, client_id: UUID, first: int | None = None) -> list[TreeNode]:
    """Raises Forbidden, ClientNotFound."""
    size = page_size(first)
    return (await client_tree(session, client_id, today=asked.today))[:size]


NODE = shape(
    "ClientTreeNode",
    "客户树中的一个客户",
    "A client in its tree",
    part("id", ID, "客户编号", "Identifier of the client"),
    part("client", _CLIENT, "客户", "The client", nullable=True, read=lambda one: one.id),
    part("parentId", ID, "上级客户编号", "Identifier of the client above", nullable=True),
    part("depth", INT, "层级，0 为所查客户", "Level, 0 for the client that was asked for"),
    part("name", STRING, "客户名称", "Its name"),
)


async def _freshness(session: ReadSession, asked: Asked, *, first: int | None = None) -> FreshnessScan:
    """Raises Forbidden."""
    return await freshness_scan(session, today=asked.today, listed=page_size(first))


FRESHNESS = shape(
    "ClientFreshness",
    "客户档案的复核情况",
    "How fresh the profiles of clients in reach are",
    several(
        "counts",
        shape(
            "FreshnessCount",
            "某等级的复核情况",
            "Of one tier: how many profiles are due",
            part("tier", STRING, "等级；空为未分级", "The tier; none: without", nullable=True),
            part("clients", INT, "客户数", "How many clients are kept fresh"),
            part("basicDue", INT, "基本档案到期数", "Whose basic profile is due"),
            part("personalDue", INT, "关键人档案到期数", "Whose personal profile is due"),
        ),
        "按等级统计",
        "Counts by tier",
    ),
    several(
        "clients",
        shape(
            "StaleClient",
            "档案到期的客户",
            "A client with a profile that is due",
            part("id", ID, "客户编号", "Identifier of the client"),
            part("client", _CLIENT, "客户", "The client", nullable=True, read=lambda one: one.id),
            part("name", STRING, "客户名称", "Its name"),
            part("basicDueOn", DATE, "基本档案到期日", "Day by which the basic profile was due", nullable=True),
            part("personalDueOn", DATE, "关键人档案到期日", "Day by which the personal one was due", nullable=True),
        ),
        "等待最久的客户",
        "The clients that wait longest",
    ),
)

POOL_SORT = EnumKind(
    "PoolSort",
    Bilingual("公海客户的排序", "Order of the public pool"),
    (
        ("longest", Bilingual("入池最久在前", "The longest there first")),
        ("newest", Bilingual("最近入池在前", "The newest first")),
        ("name", Bilingual("名称", "By name")),
    ),
)


async def _pool(
    session: ReadSession,
    asked: Asked,
    *,
    text: str | None = None,
    unit_id: UUID | None = None,
    kinds: list[str] | None = None,
    tiers: list[str] | None = None,
    regions: list[str] | None = None,
    statuses: list[str] | None = None,
    sort: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Page[PoolLine]:
    """Raises Forbidden, InvalidInput."""
    query = PoolQuery(
        text=short("text", text),
        unit_id=unit_id,
        kinds=frozenset(few("kinds", kinds)),
        tiers=frozenset(few("tiers", tiers)),
        regions=frozenset(few("regions", regions)),
        statuses=frozenset(ClientStatus(one) for one in few("statuses", statuses)),
        sort=PoolSort(sort or PoolSort.LONGEST),
    )
    return await pool_page(session, query, today=asked.today, paging=Paging(page_size(first), after))


POOL = shape(
    "ClientPool",
    "公海客户的一页",
    "A page of the public pool",
    several(
        "clients",
        shape(
            "PoolClient",
            "公海中的客户",
            "A client of the public pool",
            part("id", ID, "客户编号", "Identifier of the client"),
            part("name", STRING, "客户名称", "Its name"),
            part("kind", STRING, "客户类型", "Its kind"),
            part("tier", STRING, "等级", "Its tier", nullable=True),
            part("trade", STRING, "业态", "Its trade", nullable=True),
            part("status", CLIENT_STATUS, "状态", "Its state", read=lambda one: one.status.value),
            part("region", STRING, "地区", "Its region", nullable=True),
            part("unitId", ID, "所属机构编号", "Identifier of its unit", nullable=True),
            part("phone", STRING, "电话，脱敏显示", "Phone number, masked", nullable=True),
            part("poolSince", DATETIME, "入池时间", "When it came into the pool", nullable=True),
            part("lastActivityOn", DATE, "最近活动日期", "Day of the last activity", nullable=True),
            part("claimFrom", DATE, "本人可再次领取的日期", "From when the caller may claim it again", nullable=True),
        ),
        "客户",
        "The clients",
        read=lambda page: page.rows,
    ),
    NEXT_CURSOR,
)


async def _possible_duplicates(
    session: ReadSession,
    asked: Asked,
    *,
    name: str,
    credit_code: str | None = None,
    region: str | None = None,
    unit_id: UUID | None = None,
    beside: UUID | None = None,
) -> list[DuplicateCandidate]:
    """For those who may enter clients: what entering this one would be warned of. Raises Forbidden, InvalidInput."""
    require(session.actor, CLIENTS_EDIT)
    place = (short("creditCode", credit_code) or None, short("region", region) or None, unit_id)
    return await find_duplicates(session, short("name", name), *place, today=asked.today, beside=beside)


CANDIDATE = shape(
    "DuplicateCandidate",
    "可能重复的客户；不在可见范围内的只给出原因",
    "A client that may be the same; out of reach only the reasons are told",
    part("inReach", BOOLEAN, "是否在可见范围内", "Whether it is in reach"),
    part("id", ID, "客户编号", "Identifier of the client", nullable=True),
    part("client", _CLIENT, "客户", "The client", nullable=True, read=lambda one: one.id),
    part("name", STRING, "客户名称", "Its name", nullable=True),
    part("code", STRING, "客户编码", "The company's own code", nullable=True),
    several("reasons", STRING, "原因标识", "Keys of the reasons", read=lambda one: list(one.reasons)),
    several("reasonTexts", TEXT, "原因", "The reasons", read=lambda one: [REASONS[key] for key in one.reasons]),
)


_UNIT = argument("unitId", ID, "机构编号", "Identifier of a unit")
FUNCTIONS = (
    Function(
        "clientSearch",
        Bilingual(
            "按名称、拼音、首字母、编码或电话末四位搜索客户",
            "Clients found by name, pinyin, initials, code, or the last four digits of a phone",
        ),
        ListOf(FOUND),
        _search,
        (
            argument("text", STRING, "搜索词", "What was typed", required=True),
            FIRST,
            argument("withMerged", BOOLEAN, "也要已合并的客户", "Merged clients too", default=False),
        ),
    ),
    Function(
        "clientTree",
        Bilingual("客户及其各级下级客户", "A client and those below it, level by level"),
        ListOf(NODE),
        _tree,
        (argument("clientId", ID, "客户编号", "Identifier of the client", required=True), FIRST),
    ),
    Function(
        "clientFreshness",
        Bilingual("客户档案的复核情况", "How fresh the profiles of the clients in reach are"),
        FRESHNESS,
        _freshness,
        (FIRST,),
        cost=50,
    ),
    Function(
        "clientPool",
        Bilingual("可领取的公海客户", "The public pools that are open to the caller"),
        POOL,
        _pool,
        (
            argument("text", STRING, "搜索词", "As in the search of clients"),
            _UNIT,
            argument("kinds", STRING, "客户类型", "Of these kinds", listed=True),
            argument("tiers", STRING, "等级", "Of these tiers", listed=True),
            argument("regions", STRING, "地区", "Of these regions", listed=True),
            argument(
                "statuses", CLIENT_STATUS, "状态；默认不含已停用", "Of these states; closed ones else not", listed=True
            ),
            argument("sort", POOL_SORT, "排序", "The order"),
            FIRST,
            AFTER,
        ),
    ),
    Function(
        "possibleDuplicates",
        Bilingual("录入前查找可能重复的客户", "Clients that may be the one that somebody is about to enter"),
        ListOf(CANDIDATE),
        _possible_duplicates,
        (
            argument("name", STRING, "客户名称", "Name", required=True),
            argument("creditCode", STRING, "统一社会信用代码", "Unified social credit code"),
            argument("region", STRING, "地区", "Region"),
            _UNIT,
            argument("beside", ID, "不含此客户", "Leaves out this client itself"),
        ),
    ),
)
