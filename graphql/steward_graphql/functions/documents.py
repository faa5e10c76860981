"""The configuration as a document, and what deciding on a personal-data request would touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from steward_core.configuration_file.rules import ConfigurationChange
from steward_core.configuration_file.service import configuration_changes, export_configuration
from steward_graphql.declared.scalars import BOOLEAN, ID, INT, JSON, STRING
from steward_graphql.declared.shapes import Asked, EntityRef, Function, ListOf
from steward_graphql.functions.parts import TEXT, argument, few, part, several, shape, texts
from steward_tenants.access.permissions import PRIVACY_DECIDE
from steward_tenants.access.rules import require
from steward_tenants.configuration.queries import tenant_facts
from steward_tenants.database.session import ReadSession
from steward_tenants.errors import invalid
from steward_tenants.people.errors import PersonNotFound
from steward_tenants.people.models import User
from steward_tenants.privacy.errors import PrivacyRequestNotFound
from steward_tenants.privacy.models import PrivacyRequest
from steward_tenants.privacy.queries import open_request, personal_data, reasons_to_keep
from steward_tenants.privacy.subjects import SOURCES
from steward_tenants.texts import Bilingual


async def _configuration(session: ReadSession, asked: Asked, *, sections: list[str] | None = None) -> dict[str, Any]:
    """Raises InvalidInput (an unknown section), Forbidden (one that is named and may not be read)."""
    facts = await tenant_facts(asked.database, session.tenant_id)
    return await export_configuration(session, tenant=facts.key, today=asked.today, sections=few("sections", sections))


async def _changes(
    session: ReadSession, asked: Asked, *, document: Any, sections: list[str] | None = None
) -> Sequence[ConfigurationChange]:
    """Raises ConfigurationRefused, ConfigurationUnreadable, InvalidInput, Forbidden."""
    if not isinstance(document, Mapping):
        raise invalid("document", "object", "配置应为 JSON 对象。", "The configuration is a JSON object.")
    return await configuration_changes(session, document, today=asked.today, sections=few("sections", sections))


@dataclass(frozen=True)
class PrivacyPreview:
    """What a request is about, without the data themselves."""

    request: PrivacyRequest
    sources: tuple[tuple[str, Bilingual, int], ...]
    reasons: tuple[Bilingual, ...]
    own: bool


async def _privacy(session: ReadSession, asked: Asked, *, request_id: UUID) -> PrivacyPreview:  # noqa: ARG001 - how functions are called
    """Raises Forbidden, PrivacyRequestNotFound, PersonNotFound."""
    require(session.actor, PRIVACY_DECIDE)
    request = await open_request(session, request_id)
    if request is None:
        raise PrivacyRequestNotFound
    person = await session.get(User, request.subject_user_id)
    if person is None:
        raise PersonNotFound
    data = await personal_data(session, person)
    counts = tuple((key, SOURCES[key].title, len(records)) for key, records in data.items())
    reasons = tuple(await reasons_to_keep(session, person))
    return PrivacyPreview(request, counts, reasons, person.id == session.actor.id)


PRIVACY = shape(
    "PrivacyPreview",
    "处理个人信息请求的影响",
    "What deciding on a personal-data request would touch",
    part("request", EntityRef("PrivacyRequest"), "请求", "The request", nullable=True, read=lambda one: one.request.id),
    part("own", BOOLEAN, "是否为本人的请求（不能自行处理）", "Whether it is one's own, which one may not decide on"),
    several(
        "sources",
        shape(
            "PersonalDataSource",
            "一类个人信息",
            "One kind of data on the person",
            part("key", STRING, "标识", "Its key", read=lambda one: one[0]),
            texts("title", "名称", "Its title", read=lambda one: one[1]),
            part("records", INT, "记录数", "How many records", read=lambda one: one[2]),
        ),
        "所涉信息",
        "What there is, by source",
        read=lambda one: list(one.sources),
    ),
    several("reasonsToKeep", TEXT, "依法须保留的原因", "Why some must be kept", read=lambda one: list(one.reasons)),
)

CHANGE = shape(
    "ConfigurationChange",
    "应用配置将带来的一处变化",
    "One thing that applying a configuration would change",
    part("section", STRING, "所属部分", "The section"),
    part("key", STRING, "标识", "Its key"),
    part(
        "kind",
        STRING,
        "变化类别：added、changed 或 only_here",
        "What sort of change: added, changed or only_here",
        read=lambda one: one.kind.value,
    ),
    part(
        "fields",
        JSON,
        "不同之处：字段 → [现值, 新值]",
        "What differs: field → [here, in the document]",
        read=lambda one: {name: list(pair) for name, pair in one.fields.items()},
    ),
)

_SECTIONS = argument("sections", STRING, "只要这些部分", "Only these sections", listed=True)
FUNCTIONS = (
    Function(
        "configuration",
        Bilingual("租户配置（JSON 文档）", "The tenant's configuration as a document"),
        JSON,
        _configuration,
        (_SECTIONS,),
        cost=100,
    ),
    Function(
        "configurationChanges",
        Bilingual("应用某配置将带来的变化", "What applying a configuration would change here"),
        ListOf(CHANGE),
        _changes,
        (argument("document", JSON, "配置文档", "The configuration", required=True), _SECTIONS),
        cost=100,
    ),
    Function(
        "privacyPreview",
        Bilingual("处理某个人信息请求将涉及的内容", "What deciding on a personal-data request would touch"),
        PRIVACY,
        _privacy,
        (argument("requestId", ID, "请求编号", "Identifier of the request", required=True),),
        cost=100,
    ),
)
