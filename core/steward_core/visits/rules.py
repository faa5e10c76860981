"""How often a client is visited, and what that puts into a month's plan. Pure.

In SQL the same is one INSERT … SELECT. `resolve` decides for the few (industry, kind, tier) classes that a tenant has,
`resolved_rows` hands its table over as VALUES, and clients join it on equality:

    client JOIN resolved r ON r.kind = client.kind AND r.tier = coalesce(client.tier, '')

(a kind belongs to one industry). With `last` the client's last done visit and `installed` its last installation, each
date rule below is one expression:

    due     coalesce(least(greatest(last + make_interval(months => r.months, days => r.days),
                                    CASE WHEN done_in_its_month >= r.most_in_month THEN first of last's next month END),
                           CASE WHEN installed >= last OR last IS NULL THEN installed + r.first_days END),
                     month.start)
    put in  WHERE due < month.end
    visits  generate_series(0, …) over greatest(due, month.start) + n * step, before month.end, at most r.most_in_month

LEAST and GREATEST of PostgreSQL pass over nulls, and dates with months behave as `added`. One open action for each
client and policy is a partial unique index on (tenant, client, source); carried ones are written first, and new ones ON
CONFLICT DO NOTHING.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from steward_core.clients.policies import Freshness, FreshnessRule
from steward_core.clients.rules import confirm_by
from steward_core.industry.declarations import Period
from steward_core.visits.actions import PlanAction, last_of
from steward_core.visits.templates import CadencePolicy, Interval, Step, VisitFigures, floor_policy
from steward_tenants.texts import Bilingual

PROFILE_SOURCE = "clients.profile_stale"
"""The trigger that asks for a profile to be confirmed."""


@dataclass(frozen=True)
class ClientClass:
    """What policies tell clients apart by. `industry` is the plugin that brought the kind, None for the tenant's own
    kinds."""

    industry: str | None
    kind: str
    tier: str | None


@dataclass(frozen=True)
class Resolved:
    """The policy that holds for a class, its interval (which the floor may have shortened), the days to the first
    visit, and why."""

    policy: CadencePolicy
    interval: Interval
    first_visit_days: int
    lines: tuple[Bilingual, ...]


class ResolvedRow(NamedTuple):
    """One row of the table that SQL joins. `most_in_month` None: no limit."""

    industry: str
    kind: str
    tier: str
    policy: str
    months: int
    days: int
    most_in_month: int | None
    first_days: int


@dataclass(frozen=True)
class VisitedClient:
    """What the cadence has to know of a client. `done_in_its_month`: visits done in the month of `last_done`."""

    client_id: UUID
    client_class: ClientClass
    last_done: date | None = None
    done_in_its_month: int = 0
    installed_on: date | None = None


@dataclass(frozen=True)
class Due:
    """The day on which the next visit falls due, and why."""

    on: date
    line: Bilingual


def applies(policy: CadencePolicy, to: ClientClass) -> bool:
    """Whether a policy is about a class."""
    return (
        (policy.industry is None or policy.industry == to.industry)
        and (not policy.kinds or to.kind in policy.kinds)
        and (not policy.tiers or to.tier in policy.tiers)
    )


_STEPS = (
    Bilingual("指定了客户等级", "it names the tier"),
    Bilingual("指定了客户类型", "it names the kind"),
    Bilingual("指定了行业", "it names the industry"),
    Bilingual("由租户自定", "it is the tenant's own"),
    Bilingual("列出的等级更少", "it names fewer tiers"),
    Bilingual("列出的类型更少", "it names fewer kinds"),
    Bilingual("间隔更短", "its interval is shorter"),
    Bilingual("键名在前", "its key comes first"),
)


def _rank(policy: CadencePolicy) -> tuple[object, ...]:
    """Policies in order of precedence, one part for each of `_STEPS`; the smallest wins."""
    return (
        not policy.tiers,
        not policy.kinds,
        policy.industry is None,
        not policy.own,
        len(policy.tiers),
        len(policy.kinds),
        policy.interval.mean_days,
        policy.key,
    )


def resolve(
    policies: Sequence[CadencePolicy], classes: Iterable[ClientClass], figures: VisitFigures
) -> dict[ClientClass, Resolved]:
    """The policy that holds for each class: the most specific wins.

    A named tier goes before a named kind, that before a named industry; then the tenant's own, the one that names
    fewer tiers, fewer kinds, the shorter interval, and at last the key. Where none is about a class, the floor holds.
    The order of `policies` does not matter.
    """
    floor = floor_policy(figures)
    order = sorted((policy for policy in policies if policy.active), key=_rank)
    return {
        one: _resolved([*(policy for policy in order if applies(policy, one)), floor], figures) for one in set(classes)
    }


def _resolved(candidates: Sequence[CadencePolicy], figures: VisitFigures) -> Resolved:
    winner, floor = candidates[0], candidates[-1]
    title, interval = winner.title, winner.interval
    lines = [
        Bilingual(
            f"按“{title.zh}”，{interval.text.zh}走访",
            f"“{title.en}” holds: a visit {interval.text.en}",
        )
    ]
    if winner is floor:
        lines.append(Bilingual("没有更具体的规则", "No policy is more specific"))
    else:
        lines.append(_before(winner, candidates[1]))
    if figures.floor_binds and interval.mean_days > floor.interval.mean_days:
        interval = floor.interval
        lines.append(
            Bilingual(
                f"低于最低频次，改为{interval.text.zh}",
                f"That is below the floor: a visit {interval.text.en}",
            )
        )
    days = figures.first_visit_days if winner.first_visit_days is None else winner.first_visit_days
    return Resolved(winner, interval, days, tuple(lines))


def _before(winner: CadencePolicy, other: CadencePolicy) -> Bilingual:
    """Why one policy goes before the next."""
    parts = zip(_rank(winner), _rank(other), _STEPS, strict=True)
    why = next((step for one, another, step in parts if one != another), _STEPS[-1])
    return Bilingual(f"先于“{other.title_zh}”，因为{why.zh}", f"It goes before “{other.title_en}” because {why.en}")


def resolved_rows(resolution: Mapping[ClientClass, Resolved]) -> tuple[ResolvedRow, ...]:
    """The resolution as the table that SQL joins; an open industry or tier is an empty text."""
    return tuple(
        sorted(
            (
                ResolvedRow(
                    one.industry or "",
                    one.kind,
                    one.tier or "",
                    held.policy.key,
                    *held.interval.step,
                    held.interval.most_in_month,
                    held.first_visit_days,
                )
                for one, held in resolution.items()
            ),
            key=lambda row: row[:3],
        )
    )


def added(day: date, step: Step, times: int = 1) -> date:
    """A day with a step added so many times at once."""
    months, days = step.months * times, step.days * times
    return (confirm_by(day, months) if months else day) + timedelta(days=days)


def due(client: VisitedClient, held: Resolved, month: Period) -> Due:
    """When a client's next visit is due: last done visit + interval. First visit: a week after installation, then by
    the interval [000#5]; without an installation at once. A client that was installed since its last visit is due at
    the earlier of the two days."""
    regular, first = _regular(client, held), _first(client, held)
    found = [one for one in (regular, first) if one is not None]
    if found:
        return min(found, key=lambda one: one.on)
    return Due(month.start, Bilingual(f"从未走访，{month.start} 起到期", f"Never visited: due from {month.start} on"))


def _regular(client: VisitedClient, held: Resolved) -> Due | None:
    last = client.last_done
    if last is None:
        return None
    on = added(last, held.interval.step)
    most = held.interval.most_in_month
    if most is not None and client.done_in_its_month >= most:
        on = max(on, confirm_by(last.replace(day=1), 1))
    text = held.interval.text
    return Due(on, Bilingual(f"上次走访 {last}，{text.zh}：{on} 到期", f"Last visit {last}, {text.en}: due {on}"))


def _first(client: VisitedClient, held: Resolved) -> Due | None:
    installed = client.installed_on
    if installed is None or (client.last_done is not None and client.last_done > installed):
        return None
    on = installed + timedelta(days=held.first_visit_days)
    return Due(
        on,
        Bilingual(
            f"{installed} 装机，{held.first_visit_days} 天后首访：{on} 到期",
            f"Installed {installed}, first visit {held.first_visit_days} days later: due {on}",
        ),
    )


def visits_in(month: Period, due_on: date, interval: Interval) -> tuple[date, ...]:
    """The days of a month on which visits fall when each is made in time; what is overdue begins with the month."""
    begin = max(due_on, month.start)
    most = interval.most_in_month
    found: list[date] = []
    while most is None or len(found) < most:
        day = added(begin, interval.step, len(found))
        if day >= month.end:
            break
        found.append(day)
    return tuple(found)


def due_actions(
    clients: Iterable[VisitedClient], resolution: Mapping[ClientClass, Resolved], month: Period
) -> list[PlanAction]:
    """One action for each client whose visit falls due before the month ends, under the policy that holds for it."""
    actions = []
    for client in clients:
        held = resolution[client.client_class]
        found = due(client, held, month)
        days = visits_in(month, found.on, held.interval)
        if days:
            lines = (*held.lines, found.line)
            actions.append(PlanAction(client.client_id, held.policy.key, found.on, days, lines=lines))
    return actions


@dataclass(frozen=True)
class ConfirmedProfile:
    """When the profiles of a client were last confirmed; never (None) counts from the day it was entered."""

    client_id: UUID
    tier: str | None
    entered_on: date
    basic_on: date | None = None
    personal_on: date | None = None


def freshness_rule(rules: Freshness, tier: str | None) -> FreshnessRule:
    """The rule that names a tier, or the one for all others."""
    named = next((rule for rule in rules if tier in rule.tiers), None)
    return named or next(rule for rule in rules if not rule.tiers)


def profile_action(profile: ConfirmedProfile, rules: Freshness, month: Period) -> PlanAction | None:
    """What keeps a profile fresh: basic every month for key, A and B and every quarter for C, personal every 2 and 4
    months [003]. One action when either falls due before the month ends, so that none goes stale before the next plan.

    In SQL: `clients.freshness.stale_profiles` with the month's last day as `ctx.today`.
    """
    rule = freshness_rule(rules, profile.tier)
    parts = (
        (Bilingual("基础档案", "Basic profile"), profile.basic_on, rule.basic_months),
        (Bilingual("个性档案", "Personal profile"), profile.personal_on, rule.personal_months),
    )
    lines, days = [], []
    for title, confirmed_on, months in parts:
        on = confirm_by(confirmed_on or profile.entered_on, months)
        if on <= last_of(month):
            days.append(on)
            since = Bilingual(f"上次确认 {confirmed_on}", f"confirmed {confirmed_on}")
            never = Bilingual("从未确认", "never confirmed")
            how = since if confirmed_on else never
            lines.append(
                Bilingual(
                    f"{title.zh}每 {months} 个月复核，{how.zh}：{on} 到期",
                    f"{title.en} every {months} month(s), {how.en}: due {on}",
                )
            )
    if not days:
        return None
    first = min(days)
    return PlanAction(profile.client_id, PROFILE_SOURCE, first, (max(first, month.start),), lines=tuple(lines))
