"""Many of the same change in one request: each item in a savepoint, all or nothing unless said otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from steward_graphql.declared.scalars import BOOLEAN, INT
from steward_graphql.declared.shapes import Argument, Asked, InputObject, ListOf, Mutation, ObjectShape, Part
from steward_graphql.errors import ItemNotApplied
from steward_graphql.mutations.derive import untangled
from steward_graphql.mutations.payloads import ITEM_ERROR, user_errors
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import StewardError, invalid
from steward_tenants.texts import Bilingual

MOST_ITEMS = 200
BULK: Mapping[str, tuple[str, str, str]] = {
    "createClients": ("createClient", "批量新建客户", "Create many clients"),
    "updateClients": ("updateClient", "批量修改客户资料", "Change many clients' records"),
    "setClientTiers": ("setClientTier", "批量调整客户等级", "Change many clients' tiers"),
    "setClientStatuses": ("setClientStatus", "批量变更客户状态", "Move many clients in their life cycle"),
    "addContacts": ("addContact", "批量新建联系人", "Add many contacts"),
    "claimClients": ("claimClient", "批量领取公海客户", "Claim many clients from the pool"),
    "returnClientsToPool": ("returnClientToPool", "批量退回公海", "Return many clients to the pool"),
    "saveRecords": ("saveRecord", "批量保存业务表单", "Save many form records"),
    "moveRecords": ("moveRecord", "批量流转业务表单", "Move many form records on"),
    "assignRoles": ("assignRole", "批量授予角色", "Grant many roles"),
}
"""Bulk mutations: the one that each item is, and the title. Rows of arrears, facts and imports have set-based
commands of their own (`recordManyArrears`, `recordFacts`, `takeRows`)."""


def bulk(name: str, single: Mutation, zh: str, en: str) -> Mutation:
    """The mutation that does `single` for each of its items."""
    head = name[:1].upper() + name[1:]
    item = InputObject(f"{head}Item", Bilingual(f"{zh}的一项", f"One item of {name}"), single.arguments)
    items = Argument(
        "items", item, Bilingual(f"各项，最多 {MOST_ITEMS} 个", f"The items, at most {MOST_ITEMS}"), True, True
    )
    whole = Argument(
        "allOrNothing",
        BOOLEAN,
        Bilingual("有一项被拒绝则全部不执行（默认）", "Do nothing when an item is refused; the default"),
        default=True,
        target="all_or_nothing",
    )

    async def call(session: WriteSession, asked: Asked, **given: Any) -> Any:
        return await _done(session, asked, single, untangled(items, given["items"]), given.get("all_or_nothing"))

    return Mutation(
        name,
        Bilingual(f"{zh}，逐项给出结果", f"{en}, with the result of each"),
        call,
        (
            Part(
                "results", ListOf(_result(head, single)), Bilingual("各项结果，按顺序", "The result of each, in order")
            ),
            Part("succeeded", INT, Bilingual("执行的项数", "How many were done")),
            Part("failed", INT, Bilingual("未执行的项数", "How many were not")),
        ),
        (items, whole),
        single.permission,
        cost=500,
        plugin=single.plugin,
        command=single.command,
    )


def bulks(singles: Mapping[str, Mutation]) -> tuple[Mutation, ...]:
    """All bulk mutations, from the single ones by name."""
    return tuple(bulk(name, singles[single], zh, en) for name, (single, zh, en) in BULK.items())


def _result(head: str, single: Mutation) -> ObjectShape:
    return ObjectShape(
        f"{head}Result",
        Bilingual("一项的结果", "The result of one item"),
        (
            Part("index", INT, Bilingual("第几项，从 0 起", "Which item, from 0"), nullable=False),
            *single.results,
            Part(
                "userErrors",
                ListOf(ITEM_ERROR),
                Bilingual("拒绝的原因；为空即已执行", "Why it was refused; when empty, it was done"),
                nullable=False,
            ),
        ),
    )


class _Refused(Exception):
    """An item of a request that is done as a whole was refused."""


async def _done(
    session: WriteSession, asked: Asked, single: Mutation, items: Sequence[Mapping[str, Any]], whole: bool | None
) -> dict[str, Any]:
    if not 1 <= len(items) <= MOST_ITEMS:
        raise invalid("items", "length", f"应为 1 到 {MOST_ITEMS} 项。", f"Send 1 to {MOST_ITEMS} items.")
    results: list[dict[str, Any]] = [{} for _ in items]
    whole = whole is not False
    try:
        async with session.savepoint():
            await _each(session, asked, single, items, results)
            if whole and any(one["userErrors"] for one in results):
                raise _Refused
    except _Refused:
        results = [_untouched(single, one, asked.locale) for one in results]
    failed = sum(1 for one in results if one["userErrors"])
    return {"results": results, "succeeded": len(results) - failed, "failed": failed}


async def _each(
    session: WriteSession,
    asked: Asked,
    single: Mutation,
    items: Sequence[Mapping[str, Any]],
    results: list[dict[str, Any]],
) -> None:
    """Do the items one by one. Those that name rows go in the order of the first, so that two requests over the same
    rows wait for each other instead of blocking each other."""
    for index in sorted(range(len(items)), key=lambda place: _first_row(single, items[place])):
        empty = {part.name: None for part in single.results}
        try:
            async with session.savepoint():
                answer = await single.call(session, asked, **items[index])
            results[index] = {"index": index, **empty, **answer, "userErrors": []}
        except StewardError as error:
            errors = user_errors(error, asked.locale, within=("items", str(index)))
            results[index] = {"index": index, **empty, "userErrors": errors}


def _first_row(single: Mutation, item: Mapping[str, Any]) -> str:
    """The first id among an item's own arguments; empty where it names no row."""
    return next(
        (str(item[one.python_name]) for one in single.arguments if isinstance(item.get(one.python_name), UUID)), ""
    )


def _untouched(single: Mutation, result: dict[str, Any], locale: str) -> dict[str, Any]:
    """The result of an item when nothing was done: its own errors, or that others were refused."""
    if result["userErrors"]:
        return result
    empty = {part.name: None for part in single.results}
    errors = user_errors(ItemNotApplied(), locale, within=("items", str(result["index"])))
    return {"index": result["index"], **empty, "userErrors": errors}
