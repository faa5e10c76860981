"""What a tenant decides about visits: its own cadence policies over the declared ones, and its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select

from steward_core.clients.models import Client, ClientKind, ClientStatus, ClientTier
from steward_core.clients.row_kinds import CLIENT
from steward_core.industry.enabled import enabled
from steward_core.permissions import CLIENTS_VIEW, POLICIES_MANAGE
from steward_core.plans.errors import PolicyNotFound
from steward_core.visits.rules import ClientClass, Resolved, resolve
from steward_core.visits.templates import (
    CadencePolicy,
    VisitTemplate,
    check_names,
    policies_in_force,
    policy_of,
    read_template,
)
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.configuration.service import set_setting
from steward_tenants.configuration.settings import declare_setting
from steward_tenants.database.session import TenantSession, WriteSession

VISITS = declare_setting(
    "visits.template",
    VisitTemplate,
    VisitTemplate(),
    "走访频次规则与指标",
    "Visit cadence policies and figures",
    permission=POLICIES_MANAGE,
)
"""The tenant's own policies and its figures, as one document."""


@dataclass(frozen=True)
class ClassPolicy:
    """Which policy holds for a class of clients, and why; `clients`: how many active ones are in the actor's reach."""

    of: ClientClass
    held: Resolved
    clients: int


async def template_in_force(session: TenantSession) -> VisitTemplate:
    """The policies of the enabled plugins with the tenant's own over them, and the tenant's figures."""
    own = await get_setting(session, VISITS)
    declared = await declared_policies(session)
    return VisitTemplate(policies=policies_in_force(declared, own.policies), figures=own.figures)


async def declared_policies(session: TenantSession) -> tuple[CadencePolicy, ...]:
    """What the enabled plugins declare."""
    return tuple(policy_of(one.key, cadence) for one in await enabled(session) for cadence in one.industry.cadences)


async def classes_of(session: TenantSession, today: date) -> dict[ClientClass, int]:
    """The classes that the tenant's active clients fall into, and how many clients in the actor's reach each has."""
    seen = CLIENT.within_reach(session, CLIENTS_VIEW, today)
    rows = await session.rows(
        select(ClientKind.plugin, Client.kind, Client.tier, func.count().filter(seen))
        .join_from(Client, ClientKind, (ClientKind.key == Client.kind) & session.within(ClientKind), isouter=True)
        .where(session.within(Client), Client.status == ClientStatus.ACTIVE)
        .group_by(ClientKind.plugin, Client.kind, Client.tier)
    )
    return {ClientClass(plugin or None, kind, tier): count for plugin, kind, tier, count in rows}


async def preview(session: TenantSession, today: date, template: VisitTemplate | None = None) -> list[ClassPolicy]:
    """For each class that the tenant's active clients fall into: the policy that holds and why. With `template`, as it
    would be if that were in force. Everybody in the tenant may read it."""
    chosen = template or await template_in_force(session)
    classes = await classes_of(session, today)
    resolution = resolve(chosen.policies, classes, chosen.figures)
    order = sorted(classes, key=lambda one: (one.industry or "", one.kind, one.tier or ""))
    return [ClassPolicy(one, resolution[one], classes[one]) for one in order]


async def foreseen(session: TenantSession, today: date, document: Mapping[str, Any]) -> list[ClassPolicy]:
    """What would hold for each class if this were the tenant's own document. Raises InvalidInput."""
    own = await _checked(session, document)
    declared = await declared_policies(session)
    return await preview(
        session, today, VisitTemplate(policies=policies_in_force(declared, own.policies), figures=own.figures)
    )


@command("plans.policies.set", "设置走访规则与指标", "Set visit policies and figures", permission=POLICIES_MANAGE)
async def set_policies(
    session: WriteSession, document: Mapping[str, Any], *, expected_version: int | None = None
) -> VisitTemplate:
    """Put the tenant's own policies and figures in force, as a whole; they hold from the next plan on.

    `expected_version` is that of the setting `visits.template` which was read. Raises InvalidInput (each field, why,
    what to do), SettingChangedMeanwhile.
    """
    own = await _checked(session, document)
    await set_setting(session, VISITS.key, own.model_dump(mode="json"), expected_version=expected_version)
    return own


@command("plans.policy.set", "设置一条频次规则", "Set one cadence policy", permission=POLICIES_MANAGE)
async def set_policy(session: WriteSession, policy: Mapping[str, Any]) -> VisitTemplate:
    """Add a policy of the tenant's own, or change the one of its key; the key of a declared one replaces that, and
    `active` false takes it out of force. Raises InvalidInput."""
    own = await get_setting(session, VISITS)
    given = read_template({"policies": [dict(policy)]}).policies[0]
    kept = [one.model_dump(mode="json") for one in own.policies if one.key != given.key]
    return await set_policies(
        session, {"policies": [*kept, given.model_dump(mode="json")], "figures": own.figures.model_dump(mode="json")}
    )


@command("plans.policy.remove", "删除一条自定频次规则", "Remove a policy of one's own", permission=POLICIES_MANAGE)
async def remove_policy(session: WriteSession, key: str) -> VisitTemplate:
    """Take a policy of the tenant's own away; what an industry declares under its key holds again. Raises
    PolicyNotFound."""
    own = await get_setting(session, VISITS)
    kept = [one.model_dump(mode="json") for one in own.policies if one.key != key]
    if len(kept) == len(own.policies):
        raise PolicyNotFound(key=key)
    return await set_policies(session, {"policies": kept, "figures": own.figures.model_dump(mode="json")})


async def _checked(session: TenantSession, document: Mapping[str, Any]) -> VisitTemplate:
    own = read_template(document)
    kinds = await session.scalars(select(ClientKind.key).where(session.within(ClientKind)))
    tiers = await session.scalars(select(ClientTier.key).where(session.within(ClientTier)))
    industries = [one.key for one in await enabled(session)]
    check_names(own.policies, industries=industries, kinds=kinds, tiers=tiers)
    return own
