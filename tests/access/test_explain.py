"""Explanations: why one person can or can't see one row or field."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from steward_tenants.access.explain import RowNotFound, explain_visibility
from steward_tenants.access.permissions import PEOPLE_MANAGE, PEOPLE_VIEW, REVEAL_PHONE, ROLES_VIEW
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.organisation.service import create_unit
from steward_tenants.people.models import UserStatus
from tests.factories import TESTS, actor_with, assign, make_role, make_tenant, make_user

TODAY = date(2026, 7, 1)


async def test_each_grant_gives_its_reason_in_both_languages(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        north = await create_unit(session, code="N", name="北", today=TODAY)
        south = await create_unit(session, code="S", name="南", today=TODAY)
        team = await create_unit(session, code="T", name="组", parent_id=north.id, today=TODAY)
        viewer = make_user(session, unit_id=north.id)
        inside, outside = make_user(session, unit_id=team.id), make_user(session, unit_id=south.id)
        sees = make_role(session, [PEOPLE_VIEW], key="sees")
        calls = make_role(session, [REVEAL_PHONE], key="calls")
        await session.flush()
        assign(session, viewer, sees, Scope.SUBTREE)
        assign(session, viewer, calls, Scope.OWN)
    auditor = actor_with(ROLES_VIEW)
    async with database.read(tenant_id, auditor) as session:
        row = await explain_visibility(session, viewer.id, "user", inside.id, on=TODAY)
        assert row.allowed
        assert [r.allows for r in row.reasons] == [True, False]
        assert row.reasons[0].text.zh == "角色“测试角色”含权限“查看人员”，数据范围为“本部门及下级”，包含该记录。"
        assert row.reasons[1].text.en == "Role “Test role” lacks “See people”."
        phone = await explain_visibility(session, viewer.id, "user", inside.id, on=TODAY, field="phone")
        assert not phone.allowed
        assert "outside" in phone.reasons[-1].text.en
        own = await explain_visibility(session, viewer.id, "user", viewer.id, on=TODAY, field="phone")
        assert own.allowed
        assert not (await explain_visibility(session, viewer.id, "user", outside.id, on=TODAY)).allowed
        managing = await explain_visibility(session, viewer.id, "user", inside.id, on=TODAY, permission=PEOPLE_MANAGE)
        assert not managing.allowed
        with pytest.raises(RowNotFound):
            await explain_visibility(session, viewer.id, "user", UUID(int=1), on=TODAY)
        with pytest.raises(InvalidInput):
            await explain_visibility(session, viewer.id, "moon", inside.id, on=TODAY)


async def test_who_may_ask_and_what_a_missing_row_tells(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        one, other = make_user(session), make_user(session)
        role = make_role(session, [PEOPLE_VIEW])
        await session.flush()
        assign(session, one, role, Scope.OWN)
    async with database.read(tenant_id, actor_with(PEOPLE_VIEW, scope=Scope.OWN, user=one)) as session:
        with pytest.raises(Forbidden):
            await explain_visibility(session, other.id, "user", one.id, on=TODAY)
        hidden = await explain_visibility(session, one.id, "user", other.id, on=TODAY)
        missing = await explain_visibility(session, one.id, "user", UUID(int=1), on=TODAY)
        assert hidden == missing
        assert (await explain_visibility(session, one.id, "user", one.id, on=TODAY)).allowed
    async with database.write(tenant_id, TESTS) as session:
        row = await session.get(type(one), one.id)
        assert row is not None
        row.status = UserStatus.DISABLED
        await session.flush()
        refused = await explain_visibility(session, one.id, "user", one.id, on=TODAY)
        assert not refused.allowed
        assert "停用" in refused.reasons[0].text.zh
