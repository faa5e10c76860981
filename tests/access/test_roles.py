"""Roles and grants: duties kept apart, nobody grants themselves, somebody can always grant."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from steward_tenants.access import permissions as p
from steward_tenants.access.errors import (
    AlreadyGranted,
    AssignmentNotFound,
    DutiesOverlap,
    GrantBeyondReach,
    GrantDayPast,
    GrantEnded,
    GrantsAreForPeople,
    GrantToOneself,
    HolderNotArrived,
    HolderNotWorking,
    LastSecurityAdmin,
    RoleBuiltIn,
    RoleChanged,
    RoleInUse,
    RoleKeyTaken,
)
from steward_tenants.access.grants import assign_role, revoke_role
from steward_tenants.access.models import Duty, Role
from steward_tenants.access.queries import actor_of
from steward_tenants.access.role_queries import effective_grants, grants_history, holders_of, list_roles
from steward_tenants.access.rules import changes_something, duty_problems
from steward_tenants.access.service import (
    copy_role,
    create_role,
    create_role_from_template,
    delete_role,
    edit_role,
    install_builtin_roles,
)
from steward_tenants.access.templates import TEMPLATES
from steward_tenants.database.actor import Actor, ActorKind, Scope
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.organisation.service import create_unit
from steward_tenants.people.models import User, UserStatus
from steward_tenants.people.service import disable_user
from tests.factories import TESTS, actor_with, make_tenant, make_user
from tests.turns import Work, meanwhile

TODAY = date(2026, 7, 1)
LATER = date(2026, 10, 1)
BOSS = actor_with(p.ROLES_GRANT, p.ROLES_MANAGE, p.ROLES_VIEW)


async def staffed(database: Database, people: int = 2) -> tuple[UUID, dict[str, UUID], list[User]]:
    """A tenant with the built-in roles and some people without any."""
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        roles = await install_builtin_roles(session)
        users = [make_user(session) for _ in range(people)]
    return tenant_id, roles, users


def test_every_template_suits_its_duty_and_the_auditor_changes_nothing() -> None:
    assert len(TEMPLATES) == 9
    for template in TEMPLATES.values():
        assert duty_problems(template.duty, template.permissions) == ()
    assert not changes_something(TEMPLATES["auditor"].permissions)
    assert not changes_something(TEMPLATES["support"].permissions)


async def test_built_in_roles_are_installed_again_without_change(database: Database) -> None:
    tenant_id, roles, _ = await staffed(database)
    assert set(roles) == set(TEMPLATES)
    async with database.write(tenant_id, TESTS) as session:
        assert await install_builtin_roles(session) == roles
        lines = {line.key: line for line in await list_roles(session, TODAY)}
        assert set(lines["supervisor"].permissions) == TEMPLATES["supervisor"].permissions
        with pytest.raises(RoleBuiltIn):
            await edit_role(session, roles["auditor"], version=1, today=TODAY, permissions=[])
        with pytest.raises(RoleBuiltIn):
            await delete_role(session, roles["auditor"])
    async with database.write(tenant_id, BOSS) as session:
        with pytest.raises(Forbidden):
            await install_builtin_roles(session)


async def test_a_role_of_ones_own_names_every_refused_permission(database: Database) -> None:
    tenant_id, roles, _ = await staffed(database)
    async with database.write(tenant_id, BOSS) as session:
        with pytest.raises(InvalidInput) as refused:
            await create_role(
                session,
                key="Bad Key",
                title_zh="",
                title_en="Auditor",
                duty=Duty.AUDITOR,
                permissions=["audit.read", "files.use", "roles.grant", "no.such"],
            )
        paths = {problem.path: problem.message for problem in refused.value.problems}
        assert set(paths) == {
            ("key",),
            ("title_zh",),
            ("permissions", "files.use"),
            ("permissions", "roles.grant"),
            ("permissions", "no.such"),
        }
        assert "三权分立" in paths["permissions", "roles.grant"].zh
        assert "Separation" in paths["permissions", "roles.grant"].en
        made = await create_role_from_template(session, "supervisor", key="branch-head")
        with pytest.raises(RoleKeyTaken):
            await copy_role(session, roles["reviewer"], key="branch-head", title_zh="一", title_en="x")
        edited = await edit_role(
            session, made.id, version=1, today=TODAY, permissions=["people.view"], title_zh="支局长"
        )
        assert (edited.title_zh, edited.version) == ("支局长", 2)
        with pytest.raises(RoleChanged):
            await edit_role(session, made.id, version=1, today=TODAY, permissions=[])
        lines = {line.key: line for line in await list_roles(session, TODAY)}
        assert lines["branch-head"].permissions == ("people.view",)
        await delete_role(session, made.id)
        assert "branch-head" not in {line.key for line in await list_roles(session, TODAY)}


async def test_a_grant_holds_on_its_days_and_can_be_ended(database: Database) -> None:
    tenant_id, roles, (one, two) = await staffed(database)
    async with database.write(tenant_id, BOSS) as session:
        grant = await assign_role(
            session,
            user_id=one.id,
            role_id=roles["payroll_officer"],
            scope=Scope.ALL,
            today=TODAY,
            valid_from=LATER,
            valid_until=LATER + timedelta(days=30),
        )
        assert grant.granted_by == BOSS.id
        assert await holders_of(session, p.REVEAL_PAY, TODAY) == []
        (line,) = await holders_of(session, p.REVEAL_PAY, LATER)
        assert (line.user_id, line.role_key, line.scope) == (one.id, "payroll_officer", Scope.ALL)
        assert [g.role_key for g in await effective_grants(session, one.id, LATER)] == ["payroll_officer"]
        with pytest.raises(AlreadyGranted):
            await assign_role(session, user_id=one.id, role_id=roles["payroll_officer"], scope=Scope.ALL, today=TODAY)
        made = await create_role(session, key="r1", title_zh="一", title_en="x", permissions=[])
        await assign_role(session, user_id=two.id, role_id=made.id, scope=Scope.OWN, today=TODAY)
        with pytest.raises(RoleInUse):
            await delete_role(session, made.id)
        await revoke_role(session, grant.id, today=TODAY, on=LATER + timedelta(days=5))
        with pytest.raises(GrantEnded):
            await revoke_role(session, grant.id, today=TODAY, on=LATER + timedelta(days=5))
        (ended,) = await grants_history(session, one.id, TODAY)
        assert ended.valid_until == LATER + timedelta(days=5)
        await revoke_role(session, grant.id, today=TODAY)
        assert await grants_history(session, one.id, TODAY) == []
        with pytest.raises(AssignmentNotFound):
            await revoke_role(session, grant.id, today=TODAY)
        with pytest.raises(GrantDayPast):
            await assign_role(
                session,
                user_id=one.id,
                role_id=roles["reviewer"],
                scope=Scope.ALL,
                today=TODAY,
                valid_from=TODAY - timedelta(days=1),
            )


async def test_nobody_grants_themselves_nor_edits_a_role_they_hold(database: Database) -> None:
    tenant_id, roles, (one, _) = await staffed(database)
    async with database.write(tenant_id, TESTS) as session:
        made = await create_role_from_template(session, "reviewer", key="mine")
        for role_id in (roles["security_admin"], made.id):
            await assign_role(session, user_id=one.id, role_id=role_id, scope=Scope.ALL, today=TODAY)
        actor = await actor_of(session, one, TODAY)
    async with database.write(tenant_id, actor) as session:
        with pytest.raises(GrantToOneself):
            await assign_role(session, user_id=one.id, role_id=roles["reviewer"], scope=Scope.ALL, today=TODAY)
        with pytest.raises(GrantToOneself):
            await edit_role(session, made.id, version=1, today=TODAY, permissions=["reveal.pay"])
    for kind in (ActorKind.CLIENT, ActorKind.SUPPORT):
        machine = Actor(kind, BOSS.id, "m", None, BOSS.grants)
        async with database.write(tenant_id, machine) as session:
            with pytest.raises(GrantsAreForPeople):
                await assign_role(session, user_id=one.id, role_id=roles["reviewer"], scope=Scope.OWN, today=TODAY)


async def test_whoever_handles_an_invitation_gets_no_administrative_role_by_it(database: Database) -> None:
    tenant_id, roles, _ = await staffed(database)
    async with database.write(tenant_id, TESTS) as session:
        awaited = make_user(session, status=UserStatus.INVITED)
    async with database.write(tenant_id, BOSS) as session:
        for key in ("tenant_admin", "security_admin", "auditor"):
            with pytest.raises(HolderNotArrived):
                await assign_role(session, user_id=awaited.id, role_id=roles[key], scope=Scope.ALL, today=TODAY)
        await assign_role(session, user_id=awaited.id, role_id=roles["reviewer"], scope=Scope.ALL, today=TODAY)


async def test_who_manages_a_part_of_the_tenant_edits_no_role(database: Database) -> None:
    tenant_id, _, _ = await staffed(database)
    async with database.write(tenant_id, actor_with(p.ROLES_MANAGE, scope=Scope.SUBTREE)) as session:
        with pytest.raises(Forbidden):
            await create_role(session, key="wide", title_zh="宽", title_en="Wide", permissions=[])


async def test_two_duties_never_meet_on_a_day(database: Database) -> None:
    tenant_id, roles, (one, _) = await staffed(database)
    async with database.write(tenant_id, BOSS) as session:
        await assign_role(
            session,
            user_id=one.id,
            role_id=roles["tenant_admin"],
            scope=Scope.ALL,
            today=TODAY,
            valid_until=LATER,
        )
        await assign_role(
            session,
            user_id=one.id,
            role_id=roles["auditor"],
            scope=Scope.ALL,
            today=TODAY,
            valid_from=LATER,
        )
    for role, start in (("security_admin", TODAY), ("account_manager", LATER), ("payroll_officer", TODAY)):
        with pytest.raises(DutiesOverlap) as refused:
            async with database.write(tenant_id, BOSS) as session:
                await assign_role(
                    session,
                    user_id=one.id,
                    role_id=roles[role],
                    scope=Scope.ALL,
                    today=TODAY,
                    valid_from=start,
                )
        assert one.name in refused.value.text.zh
        assert "Separation of duties" in refused.value.text.en
    async with database.write(tenant_id, BOSS) as session:
        harmless = await create_role(
            session, key="reader", title_zh="只读", title_en="Reader", permissions=["people.view"]
        )
        await assign_role(session, user_id=one.id, role_id=harmless.id, scope=Scope.ALL, today=TODAY)
    with pytest.raises(DutiesOverlap):
        async with database.write(tenant_id, BOSS) as session:
            await edit_role(session, harmless.id, version=1, today=TODAY, permissions=["files.use"])
    async with database.write(tenant_id, BOSS) as session:
        await edit_role(session, harmless.id, version=1, today=TODAY, permissions=["units.view"])


def giving(user: User, role_id: UUID) -> Work:
    """Granting a role for all rows."""
    return lambda session: assign_role(session, user_id=user.id, role_id=role_id, scope=Scope.ALL, today=TODAY)


async def test_two_duties_do_not_slip_past_each_other(database: Database) -> None:
    tenant_id, roles, (one, _) = await staffed(database)
    admin, audit = giving(one, roles["tenant_admin"]), giving(one, roles["auditor"])
    assert isinstance(await meanwhile(database, tenant_id, BOSS, admin, audit), DutiesOverlap)


async def test_an_edit_and_a_grant_at_once_keep_the_auditor_from_changing(database: Database) -> None:
    tenant_id, roles, (one, two) = await staffed(database)
    made: list[UUID] = []
    async with database.write(tenant_id, BOSS) as session:
        for key in ("reader", "looker"):
            role = await create_role(session, key=key, title_zh="读", title_en="r", permissions=["people.view"])
            made.append(role.id)
        for person in (one, two):
            await giving(person, roles["auditor"])(session)

    def editing(role_id: UUID) -> Work:
        return lambda session: edit_role(session, role_id, version=1, today=TODAY, permissions=["files.use"])

    reader, looker = made
    refused = await meanwhile(database, tenant_id, BOSS, giving(one, reader), editing(reader))
    assert isinstance(refused, DutiesOverlap)
    refused = await meanwhile(database, tenant_id, BOSS, editing(looker), giving(two, looker))
    assert isinstance(refused, DutiesOverlap)


async def test_the_last_security_admin_stays(database: Database) -> None:
    tenant_id, roles, (one, two, three) = await staffed(database, 3)
    async with database.write(tenant_id, TESTS) as session:
        grants = {
            person.id: await assign_role(
                session, user_id=person.id, role_id=roles["security_admin"], scope=Scope.ALL, today=TODAY
            )
            for person in (one, two)
        }
    both = actor_with(p.ROLES_GRANT, p.PEOPLE_MANAGE)

    def revoking(person: User) -> Work:
        return lambda session: revoke_role(session, grants[person.id].id, today=TODAY)

    def disabling(person: User) -> Work:
        return lambda session: disable_user(session, person.id, today=TODAY)

    refused = await meanwhile(database, tenant_id, both, revoking(one), disabling(two))
    assert isinstance(refused, LastSecurityAdmin)
    assert "安全管理员" in refused.text.zh
    for work in (revoking(two), disabling(two)):
        with pytest.raises(LastSecurityAdmin):
            async with database.write(tenant_id, both) as session:
                await work(session)
    async with database.write(tenant_id, both) as session:
        await giving(three, roles["security_admin"])(session)
        await revoking(two)(session)


async def test_a_grantor_of_one_subtree_grants_only_there(database: Database) -> None:
    tenant_id, roles, _ = await staffed(database, 0)
    async with database.write(tenant_id, TESTS) as session:
        mine = await create_unit(session, code="M", name="甲", today=TODAY)
        foreign = await create_unit(session, code="F", name="乙", today=TODAY)
        person = make_user(session, unit_id=mine.id)
        gone = make_user(session, unit_id=mine.id, status=UserStatus.DISABLED)
    actor = actor_with(p.ROLES_GRANT, scope=Scope.SUBTREE, unit_id=mine.id)
    async with database.write(tenant_id, actor) as session:
        given: dict[str, Any] = {"role_id": roles["supervisor"], "today": TODAY}
        with pytest.raises(GrantBeyondReach):
            await assign_role(session, user_id=person.id, scope=Scope.ALL, **given)
        with pytest.raises(GrantBeyondReach):
            await assign_role(session, user_id=person.id, scope=Scope.SUBTREE, unit_id=foreign.id, **given)
        with pytest.raises(InvalidInput):
            await assign_role(session, user_id=person.id, scope=Scope.OWN, unit_id=mine.id, **given)
        with pytest.raises(HolderNotWorking):
            await assign_role(session, user_id=gone.id, scope=Scope.OWN, **given)
        await assign_role(session, user_id=person.id, scope=Scope.SUBTREE, **given)
        assert await session.get(Role, roles["supervisor"]) is not None
