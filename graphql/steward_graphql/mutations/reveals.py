"""Sensitive fields in full, where the caller's scope reveals them; each reading is on record before it leaves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from steward_core.clients.details import reveal_client
from steward_core.clients.models import Client
from steward_core.forms.models import FormRecord
from steward_core.forms.queries import reveal_record
from steward_core.permissions import CLIENTS_VIEW, FORMS_VIEW
from steward_graphql.declared.scalars import BOOLEAN, ID, JSON, STRING
from steward_graphql.declared.shapes import Argument, Asked, ListOf, Mutation, ObjectShape, Part
from steward_graphql.mutations.derive import told_of_input
from steward_graphql.mutations.payloads import Result, payload, plain, row_of
from steward_tenants.access.permissions import PEOPLE_VIEW, Permission
from steward_tenants.database.session import WriteSession
from steward_tenants.people.disclosure import reveal_person
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

REVEALED_CONTACT = ObjectShape(
    "RevealedContact",
    Bilingual("显示全部信息的联系人", "A contact with what the caller may see in full"),
    (
        Part("id", ID, Bilingual("联系人编号", "Id of the contact"), nullable=False),
        Part("name", STRING, Bilingual("姓名", "Name"), nullable=False),
        Part("phone", STRING, Bilingual("电话", "Phone")),
        Part("email", STRING, Bilingual("邮箱", "E-mail")),
        Part(
            "revealed", ListOf(STRING), Bilingual("未脱敏的字段", "The fields that stand here unmasked"), nullable=False
        ),
    ),
)
_FIELDS = ("未脱敏的字段；其余仍为脱敏值", "The fields that stand here unmasked; the others are masked")


def reveals() -> tuple[Mutation, ...]:
    """All of them."""
    return (_client(), _record(), _person())


def _mutation(
    name: str,
    text: Bilingual,
    argument: Argument,
    *,
    read: Callable[..., Awaitable[Any]],
    results: Sequence[Result],
    permission: Permission,
) -> Mutation:
    async def call(session: WriteSession, asked: Asked, **values: Any) -> Any:
        with told_of_input([argument]):
            answer = await read(session, values[argument.python_name], asked.today)
        return payload(results, answer, values)

    shown = frozenset(result.part().name for result in results[1:])
    parts = tuple(result.part() for result in results)
    return Mutation(name, text, call, parts, (argument,), permission, secret=shown)


def _id(target: str, name: str, zh: str, en: str) -> Argument:
    return Argument(name, ID, Bilingual(zh, en), required=True, target=target)


def _client() -> Mutation:
    return _mutation(
        "revealClient",
        Bilingual(
            "查看客户及其联系人的完整电话和邮箱（留痕）",
            "A client's and its contacts' phones and e-mail addresses, on record",
        ),
        _id("client_id", "clientId", "客户", "The client"),
        read=lambda session, client_id, today: reveal_client(session, client_id, today=today),
        results=(
            row_of("client", Client, "client_id", "客户", "The client"),
            plain("phone", STRING, "客户电话", "Its phone"),
            plain("phone_revealed", BOOLEAN, "客户电话是否未脱敏", "Whether its phone stands here unmasked"),
            plain(
                "contacts",
                ListOf(REVEALED_CONTACT),
                "联系人",
                "Its contacts",
                lambda answer, _: [
                    {
                        "id": one.id,
                        "name": one.name,
                        "phone": one.phone,
                        "email": one.email,
                        "revealed": sorted(one.revealed),
                    }
                    for one in answer.contacts
                ],
            ),
        ),
        permission=CLIENTS_VIEW,
    )


def _record() -> Mutation:
    return _mutation(
        "revealRecord",
        Bilingual("查看表单记录的完整内容（留痕）", "A form record with its masked fields in full, on record"),
        _id("record_id", "recordId", "表单记录", "The record"),
        read=lambda session, record_id, today: reveal_record(session, record_id, today=today),
        results=(
            row_of("record", FormRecord, "record_id", "表单记录", "The record"),
            plain(
                "values",
                JSON,
                "内容：{字段: 值}",
                "Its values: {field: value}",
                lambda answer, _: dict(answer.document),
            ),
            plain("revealed", ListOf(STRING), *_FIELDS, lambda answer, _: sorted(answer.revealed)),
        ),
        permission=FORMS_VIEW,
    )


def _person() -> Mutation:
    return _mutation(
        "revealPerson",
        Bilingual(
            "查看人员的完整电话、邮箱和证件号（留痕）",
            "A person's phone, e-mail address and identity number, on record",
        ),
        _id("user_id", "personId", "人员", "The person"),
        read=reveal_person,
        results=(
            row_of("person", User, "user_id", "人员", "The person"),
            plain("phone", STRING, "电话", "Phone"),
            plain("email", STRING, "邮箱", "E-mail"),
            plain("identity_number", STRING, "身份证号", "Identity number"),
            plain("revealed", ListOf(STRING), *_FIELDS, lambda answer, _: sorted(answer.revealed)),
        ),
        permission=PEOPLE_VIEW,
    )
