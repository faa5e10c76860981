"""What a tenant decides about its clients as data: tiers, kinds, freshness of profiles, dormancy, warnings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from steward_core.clients.errors import KindNotFound, NotTenantsOwn, TierChanged, TierNotFound
from steward_core.clients.models import ClientKind, ClientTier
from steward_core.permissions import POLICIES_MANAGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.configuration.models import TenantSetting
from steward_tenants.configuration.settings import SETTINGS, declare_setting
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.people.rules import Unacceptable, line_of_text
from steward_tenants.texts import Bilingual

_Class = TypeVar("_Class", ClientTier, ClientKind)
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_Tier = Annotated[str, Field(min_length=1, max_length=50)]
_Months = Annotated[int, Field(ge=1, le=60)]
_Days = Annotated[int, Field(ge=1, le=3650)]


class FreshnessRule(BaseModel):
    """After how many calendar months the profiles of clients of these tiers are confirmed again. No tiers: all others,
    clients without a tier among them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tiers: Annotated[tuple[_Tier, ...], Field(max_length=100)] = ()
    basic_months: _Months
    personal_months: _Months


Freshness = tuple[FreshnessRule, ...]


def _whole(rules: Freshness) -> Freshness:
    named = [tier for rule in rules for tier in rule.tiers]
    if len(named) != len(set(named)):
        raise ValueError("a tier stands in one rule only / 每个等级只能出现在一条规则中")
    if sum(not rule.tiers for rule in rules) != 1:
        raise ValueError("exactly one rule names no tiers and holds for all others / 须有且只有一条不列等级的通用规则")
    return rules


MONTHLY = FreshnessRule(tiers=("key", "A", "B"), basic_months=1, personal_months=2)
QUARTERLY = FreshnessRule(basic_months=3, personal_months=4)

FRESHNESS = declare_setting(
    "clients.freshness",
    Annotated[Freshness, Field(max_length=20), AfterValidator(_whole)],
    (MONTHLY, QUARTERLY),
    "客户档案复核周期（按等级，月）",
    "How often clients' profiles are confirmed, by tier (months)",
    permission=POLICIES_MANAGE,
)
"""The figures of [003]: key, A and B every month (personal profile: every 2), others every 3 (4)."""
DORMANT_AFTER_DAYS = declare_setting(
    "clients.dormant_after_days",
    _Days,
    180,
    "多少天无活动的客户列为休眠候选",
    "Days without activity after which a client may be called dormant",
    permission=POLICIES_MANAGE,
)
CODE_REQUIRED = declare_setting(
    "clients.code_required",
    bool,
    False,
    "新建客户时必须填写客户编码",
    "A new client needs a code",
    permission=POLICIES_MANAGE,
)
CONTRACT_WARNING_DAYS = declare_setting(
    "clients.contract_warning_days",
    Annotated[tuple[_Days, ...], Field(min_length=1, max_length=10)],
    (90, 60, 30),
    "合同到期前多少天提醒",
    "Days before a contract's end at which it is warned of",
    permission=POLICIES_MANAGE,
)
BIRTHDAY_DAYS = declare_setting(
    "clients.birthday_days",
    Annotated[int, Field(ge=0, le=60)],
    7,
    "关键人生日提前多少天提醒",
    "Days ahead that a key person's birthday is told",
    permission=POLICIES_MANAGE,
)


@dataclass(frozen=True)
class ClientPolicies:
    """The policies in force in a tenant: what the core's triggers and lists take as their settings."""

    freshness: Freshness = (MONTHLY, QUARTERLY)
    dormant_after_days: int = 180
    contract_warning_days: tuple[int, ...] = (90, 60, 30)
    birthday_days: int = 7
    code_required: bool = False


def freshness_in_force(own: Freshness | None, declared: Sequence[FreshnessRule]) -> Freshness:
    """The tenant's own rules if it set any; otherwise those that its industries declare, the first that names a tier
    counting, and for the rest the built-in ones [003]."""
    if own is not None:
        return own
    rules: list[FreshnessRule] = []
    taken: set[str] = set()
    for rule in (*declared, MONTHLY):
        tiers = tuple(tier for tier in rule.tiers if tier not in taken)
        if tiers:
            rules.append(rule.model_copy(update={"tiers": tiers}))
            taken.update(tiers)
    others = next((rule for rule in declared if not rule.tiers), QUARTERLY)
    return (*rules, others)


async def policies_in_force(session: TenantSession) -> ClientPolicies:
    """The tenant's policies on clients: its own settings, what its industries declare, the built-in figures."""
    wanted = (FRESHNESS, DORMANT_AFTER_DAYS, CONTRACT_WARNING_DAYS, BIRTHDAY_DAYS, CODE_REQUIRED)
    rows = await session.rows(
        select(TenantSetting.key, TenantSetting.value).where(
            session.within(TenantSetting), TenantSetting.key.in_([setting.key for setting in wanted])
        )
    )
    stored = {key: SETTINGS[key].parse(value) for key, value in rows}
    declared: list[FreshnessRule] = [] if FRESHNESS.key in stored else await _declared(session)
    return ClientPolicies(
        freshness=freshness_in_force(stored.get(FRESHNESS.key), declared),
        dormant_after_days=stored.get(DORMANT_AFTER_DAYS.key, DORMANT_AFTER_DAYS.default),
        contract_warning_days=stored.get(CONTRACT_WARNING_DAYS.key, CONTRACT_WARNING_DAYS.default),
        birthday_days=stored.get(BIRTHDAY_DAYS.key, BIRTHDAY_DAYS.default),
        code_required=stored.get(CODE_REQUIRED.key, CODE_REQUIRED.default),
    )


async def _declared(session: TenantSession) -> list[FreshnessRule]:
    # The dispatcher reads clients, and clients ask it: the import waits until both are there.
    from steward_core.industry.dispatcher import enabled  # noqa: PLC0415

    return [
        FreshnessRule(tiers=rule.tiers, basic_months=rule.basic_months, personal_months=rule.personal_months)
        for one in await enabled(session)
        for rule in one.industry.freshness
    ]


@command("clients.tier.save", "维护客户等级", "Maintain a tier of clients", permission=POLICIES_MANAGE)
async def save_tier(
    session: WriteSession,
    key: str,
    *,
    title_zh: str,
    title_en: str,
    rank: int,
    retired: bool = False,
    expected_version: int | None = None,
) -> ClientTier:
    """Create or change a tier of the tenant's own; rank 1 is the most valuable. A retired one stays on who has it and
    is given to nobody else. `expected_version` 0: it must be new.

    Raises InvalidInput, NotTenantsOwn, TierChanged, TierNotFound (a version of what is not there).
    """
    problems = _class_problems(key, title_zh, title_en)
    if not _is_rank(rank):
        text = Bilingual("等级序号为 1 到 1000 的整数。", "The rank is a whole number from 1 to 1000.")
        problems.append(FieldProblem(("rank",), "range", text))
    _refuse(problems)
    tier = await session.find(ClientTier, ClientTier.key == key, lock=True)
    if tier is None and expected_version:
        raise TierNotFound(key=key)
    return await _saved(
        session,
        "clients.tier.save",
        ClientTier(key=key, plugin="") if tier is None else tier,
        {"title_zh": title_zh.strip(), "title_en": title_en.strip(), "rank": rank, "retired": retired},
        version=0 if tier is None else tier.version,
        expected=expected_version,
    )


@command("clients.kind.save", "维护客户类型", "Maintain a kind of client", permission=POLICIES_MANAGE)
async def save_kind(
    session: WriteSession,
    key: str,
    *,
    title_zh: str,
    title_en: str,
    retired: bool = False,
    expected_version: int | None = None,
) -> ClientKind:
    """Create or change a kind of the tenant's own; see `save_tier`.

    Raises InvalidInput, NotTenantsOwn, TierChanged, KindNotFound.
    """
    _refuse(_class_problems(key, title_zh, title_en))
    kind = await session.find(ClientKind, ClientKind.key == key, lock=True)
    if kind is None and expected_version:
        raise KindNotFound(key=key)
    return await _saved(
        session,
        "clients.kind.save",
        ClientKind(key=key, plugin="") if kind is None else kind,
        {"title_zh": title_zh.strip(), "title_en": title_en.strip(), "retired": retired},
        version=0 if kind is None else kind.version,
        expected=expected_version,
    )


@dataclass(frozen=True)
class ClassLine:
    """A tier or kind as lists show it; `rank` None for kinds."""

    key: str
    title: Bilingual
    rank: int | None
    plugin: str
    retired: bool
    version: int


async def tiers(session: TenantSession, *, with_retired: bool = False) -> list[ClassLine]:
    """The tenant's tiers, the most valuable first. Everybody in the tenant may read them."""
    statement = select(ClientTier).where(session.within(ClientTier)).order_by(ClientTier.rank, ClientTier.key)
    return _lines(await session.scalars(statement), with_retired)


async def kinds(session: TenantSession, *, with_retired: bool = False) -> list[ClassLine]:
    """The tenant's kinds of clients in order of key. Everybody in the tenant may read them."""
    statement = select(ClientKind).where(session.within(ClientKind)).order_by(ClientKind.key)
    return _lines(await session.scalars(statement), with_retired)


def _lines(rows: Iterable[Any], with_retired: bool) -> list[ClassLine]:
    return [
        ClassLine(
            row.key,
            Bilingual(row.title_zh, row.title_en),
            getattr(row, "rank", None),
            row.plugin,
            row.retired,
            row.version,
        )
        for row in rows
        if with_retired or not row.retired
    ]


def _class_problems(key: Any, title_zh: Any, title_en: Any) -> list[FieldProblem]:
    problems = []
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        text = Bilingual(
            "键为 1 到 40 个字母、数字、_ 或 -，以字母或数字开头。",
            "A key is 1 to 40 letters, digits, _ or -, beginning with a letter or digit.",
        )
        problems.append(FieldProblem(("key",), "key", text))
    for field, value in (("title_zh", title_zh), ("title_en", title_en)):
        try:
            line_of_text(value, 60)
        except Unacceptable as refused:
            problems.append(FieldProblem((field,), refused.code, refused.message))
    return problems


def _is_rank(rank: Any) -> bool:
    return type(rank) is int and 1 <= rank <= 1000


def _refuse(problems: Sequence[FieldProblem]) -> None:
    if problems:
        raise InvalidInput(problems=problems)


async def _saved(
    session: WriteSession, action: str, row: _Class, values: Mapping[str, Any], *, version: int, expected: int | None
) -> _Class:
    """Write a tier or kind. `version` 0: it is new."""
    if version and row.plugin:
        raise NotTenantsOwn(key=row.key, plugin=row.plugin)
    if expected is not None and expected != version:
        raise TierChanged(key=row.key)
    before = {name: getattr(row, name) for name in values} if version else None
    try:
        async with session.savepoint():
            for name, value in values.items():
                setattr(row, name, value)
            if not version:
                session.add(row)
            await session.flush()
    except IntegrityError:
        raise TierChanged(key=row.key) from None
    await record(session, action, Subject(row.__tablename__), before=before, after={"key": row.key, **values})
    return row
