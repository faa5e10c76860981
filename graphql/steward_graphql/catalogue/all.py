"""Every catalogue that is there whatever plugins are on."""

from __future__ import annotations

from steward_graphql.catalogue import (
    access,
    administration,
    approvals,
    audit,
    clients,
    custom_fields,
    facts,
    gradings,
    hand_overs,
    holdings,
    imports,
    incentives,
    jobs,
    months,
    notices,
    opportunities,
    organisation,
    people,
    performance,
    plans,
    promises,
    records,
    reports,
    runs,
    schedules,
    trusted,
    visits,
    webhooks,
)
from steward_graphql.declared.entities import Catalogue


def catalogues() -> tuple[Catalogue, ...]:
    """In the order in which the schema lists them. The interface of form records is added for each set of plugins."""
    return tuple(
        module.CATALOGUE
        for module in (
            people,
            organisation,
            access,
            clients,
            holdings,
            hand_overs,
            facts,
            records,
            gradings,
            imports,
            custom_fields,
            runs,
            schedules,
            jobs,
            notices,
            audit,
            administration,
            trusted,
            webhooks,
            approvals,
            plans,
            visits,
            promises,
            opportunities,
            performance,
            incentives,
            reports,
            months,
        )
    )
