"""Steward's own statements for the bare handler: the same SQL and the same bound values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import parse

from bench.graphql_data import DAY, PERMISSIONS, Company
from steward_graphql.compiler.compile import compile_query
from steward_graphql.compiler.operation import select_operation
from steward_graphql.compiler.plan import Execution
from steward_graphql.compiler.variables import read_variables
from steward_graphql.schema.registry import api_for
from steward_tenants.access.symbolic import standing_of
from steward_tenants.database.actor import Actor, ActorKind, Grant, Scope
from steward_tenants.database.identifiers import new_id


def actor_of(company: Company) -> Actor:
    """The company's one person, as sign-in finds them."""
    grant = Grant(new_id(), "lead", frozenset(PERMISSIONS), Scope.SUBTREE, company.unit_id)
    return Actor(ActorKind.USER, company.user_id, "", company.unit_id, (grant,))


async def bare_plan(
    companies: Sequence[Company], documents: Mapping[str, tuple[str, dict[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """For each named document its statement, the response keys, and each company's parameters as text."""
    api = api_for(frozenset())
    plans = {}
    for name, (text, given) in documents.items():
        operation = select_operation(parse(text), name, None)
        variables = read_variables(api, operation, given)
        plan = compile_query(api, operation, variables, standing_of(actor_of(companies[0])).profile)
        parameters = []
        for company in companies:
            execution = Execution(company.tenant_id, standing_of(actor_of(company)), DAY.date(), variables)
            values = plan.parameters(execution)
            parameters.append([None if value is None else value.decode() for value in values])
        place = parameters[0].index(given["id"]) if "id" in given else None
        plans[name] = {
            "sql": plan.sql.decode(),
            "names": list(plan.names),
            "parameters": parameters,
            "id_place": place,
        }
    return plans
