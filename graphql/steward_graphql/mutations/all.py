"""Every mutation of the API, and what is left to other doors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from steward_core.industry.declarations import Industry
from steward_graphql.declared.shapes import Mutation
from steward_graphql.mutations.argument_texts import SHOWN, TEXTS
from steward_graphql.mutations.bulk import bulks
from steward_graphql.mutations.derive import all_commands, mutation_of
from steward_graphql.mutations.edges import edges
from steward_graphql.mutations.exports import exports
from steward_graphql.mutations.exports_incentives import pay_export
from steward_graphql.mutations.exports_performance import scores_export
from steward_graphql.mutations.exports_plans import plan_exports
from steward_graphql.mutations.exports_reports import reports_export
from steward_graphql.mutations.exports_visits import visit_exports
from steward_graphql.mutations.forms import mutations_of
from steward_graphql.mutations.offers import offers
from steward_graphql.mutations.reveals import reveals
from steward_graphql.mutations.runs import run_mutations
from steward_tenants.texts import Bilingual

NOT_OFFERED: Mapping[str, Bilingual] = {
    "signin.sign_out": Bilingual(
        "由 REST POST /sign-out 退出，同时删除登录 Cookie", "POST /sign-out of REST ends the session and its cookie"
    ),
    "signin.invitation.accept": Bilingual(
        "由 REST POST /invitations/accept，在登录之前", "POST /invitations/accept of REST, before anybody is signed in"
    ),
    "signin.password.change": Bilingual("由 REST POST /me/password", "POST /me/password of REST"),
    "signin.second_factor.enrol": Bilingual("由 REST /me/second-factor", "/me/second-factor of REST"),
    "signin.second_factor.remove": Bilingual("由 REST /me/second-factor", "/me/second-factor of REST"),
    "signin.recovery_codes.renew": Bilingual("由 REST /me/second-factor", "/me/second-factor of REST"),
    "files.upload": Bilingual("由 REST POST /files，流式上传", "POST /files of REST, which streams the bytes"),
    "access.roles.install": Bilingual("新建租户时由运营方执行", "Done by the operator when a tenant is made"),
    "plugins.switch.set": Bilingual(
        "包含在 enablePlugin、configurePlugin 和 disablePlugin 中",
        "Part of enablePlugin, configurePlugin, disablePlugin",
    ),
}
"""Commands that are no mutations, and where they are done."""
STEPS: Mapping[str, str] = {
    "incentives.run.export": "exportPayRun",
    "people.create": "createPerson",
    "people.disable": "disablePerson",
    "people.enable": "enablePerson",
    "signin.invite": "invitePerson",
    "signin.second_factor.reset": "resetSecondFactor",
    "support.grant": "grantSupportAccess",
    "imports.start": "startImport",
}
"""Steps of edge-level functions, and the mutation that calls each."""


@cache
def mutations() -> tuple[Mutation, ...]:
    """The mutations that are there whatever plugins are on."""
    known = all_commands()
    derived = tuple(mutation_of(known[key], offer, TEXTS, SHOWN) for key, offer in offers().items())
    singles = {one.name: one for one in derived}
    return (
        *derived,
        *run_mutations(),
        *edges(),
        *reveals(),
        *exports(),
        *visit_exports(),
        *plan_exports(),
        pay_export(),
        reports_export(),
        scores_export(),
        *bulks(singles),
    )


_OF_PLUGINS: dict[str, tuple[Industry, tuple[Mutation, ...]]] = {}


def plugin_mutations(industry: Industry) -> tuple[Mutation, ...]:
    """The mutations of one plugin: its forms' records, typed. The same objects each time, for schemas share them."""
    known = _OF_PLUGINS.get(industry.key)
    if known is None or known[0] is not industry:
        known = _OF_PLUGINS[industry.key] = (industry, mutations_of(industry))
    return known[1]
