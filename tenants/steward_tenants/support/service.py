"""Support access: the tenant lets one operator in, in one role, for a while, and can end it at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from steward_tenants.access.models import Duty, Role, RolePermission
from steward_tenants.access.permissions import ROLES_GRANT, SUPPORT_GRANT, catalogue
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.configuration.settings import SUPPORT_HOURS
from steward_tenants.database.actor import Actor, ActorKind
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Account, AccountStatus
from steward_tenants.errors import FieldProblem, Forbidden, InvalidInput
from steward_tenants.signin.models import SignInSession
from steward_tenants.support.errors import OperatorNotFound, SupportAccessNotFound, SupportRoleRefused
from steward_tenants.support.models import SupportAccess
from steward_tenants.texts import Bilingual

SUPPORT_ROLE = "support"
"""Key of the built-in role that only reads."""
LONGEST_REASON = 500


async def grant_support_access(
    database: Database,
    tenant_id: UUID,
    actor: Actor,
    *,
    operator_login: str,
    hours: int,
    reason: str,
    role_key: str = SUPPORT_ROLE,
    request_id: str = "",
) -> SupportAccess:
    """Let an operator in for `hours`. The directory is only read, before the tenant's one transaction.

    Raises Forbidden, OperatorNotFound, SupportRoleRefused, InvalidInput.
    """
    require(actor, SUPPORT_GRANT)
    async with database.directory() as directory:
        account = await directory.find(
            Account,
            Account.login == operator_login.strip().lower(),
            Account.is_operator.is_(True),
            Account.status == AccountStatus.ACTIVE,
        )
    if account is None:
        raise OperatorNotFound(login=operator_login)
    async with database.write(tenant_id, actor, request_id=request_id) as session:
        return await add_support_access(
            session,
            operator_account_id=account.id,
            operator_login=account.login,
            hours=hours,
            reason=reason,
            role_key=role_key,
        )


@command("support.grant", "授予支持访问", "Grant support access", permission=SUPPORT_GRANT, alone=False)
async def add_support_access(
    session: WriteSession,
    *,
    operator_account_id: UUID,
    operator_login: str,
    hours: int,
    reason: str,
    role_key: str = SUPPORT_ROLE,
) -> SupportAccess:
    """Write the access down. Only a user of the tenant can: operators do not let themselves in.

    Raises Forbidden, SupportRoleRefused, InvalidInput.
    """
    if session.actor.kind is not ActorKind.USER:
        raise Forbidden(permission=SUPPORT_GRANT.title)
    await _check(session, hours, reason)
    role = await session.find(Role, Role.key == role_key)
    if role is None or not await _may_be_given(session, role):
        raise SupportRoleRefused(role=role_key)
    now: datetime = await session.scalar(select(func.now()))
    access = SupportAccess(
        id=new_id(),
        operator_account_id=operator_account_id,
        operator_login=operator_login,
        role_id=role.id,
        reason=reason.strip(),
        granted_by=session.actor.id,
        granted_at=now,
        expires_at=now + timedelta(hours=hours),
    )
    session.add(access)
    await record(
        session,
        "support.grant",
        Subject("support_access", access.id),
        after={"operator": operator_login, "role": role.key, "expires_at": access.expires_at},
        reason=access.reason,
    )
    return access


async def _check(session: WriteSession, hours: int, reason: str) -> None:
    longest = await get_setting(session, SUPPORT_HOURS)
    problems = []
    if not 1 <= hours <= longest:
        text = Bilingual(f"时长应为 1 到 {longest} 小时。", f"Between 1 and {longest} hours.")
        problems.append(FieldProblem(("hours",), "range", text))
    if not 1 <= len(reason.strip()) <= LONGEST_REASON:
        text = Bilingual(
            f"请填写原因（最多 {LONGEST_REASON} 字）。", f"Say why, in at most {LONGEST_REASON} characters."
        )
        problems.append(FieldProblem(("reason",), "length", text))
    if problems:
        raise InvalidInput(problems=problems)


async def _may_be_given(session: WriteSession, role: Role) -> bool:
    """The built-in support role as long as it only reads; another business role if the granter may grant roles."""
    held = await session.scalars(
        select(RolePermission.permission).where(session.within(RolePermission), RolePermission.role_id == role.id)
    )
    if role.duty != Duty.BUSINESS:
        return False
    if role.builtin and role.key == SUPPORT_ROLE:
        known = [catalogue.get(key) for key in held]
        return all(permission is not None and not permission.changes for permission in known)
    return ROLES_GRANT.key in session.actor.permissions


@command("support.end", "结束支持访问", "End support access", permission=SUPPORT_GRANT)
async def end_support_access(session: WriteSession, access_id: UUID) -> SupportAccess:
    """End an access and the operator's sessions under it, from the commit on. Again is no error.

    Raises SupportAccessNotFound.
    """
    access = await session.get(SupportAccess, access_id, lock=True)
    if access is None:
        raise SupportAccessNotFound
    now: datetime = await session.scalar(select(func.now()))
    if access.ended_at is None and access.expires_at > now:
        access.ended_at, access.ended_by = now, session.actor.id
    closed = await session.scalars(
        update(SignInSession)
        .where(
            session.within(SignInSession),
            SignInSession.support_access_id == access_id,
            SignInSession.revoked_at.is_(None),
        )
        .values(revoked_at=func.now(), revoked_reason="support_ended")
        .returning(SignInSession.id)
    )
    await record(
        session,
        "support.end",
        Subject("support_access", access_id),
        after={"ended_at": access.ended_at, "sessions_closed": len(closed)},
    )
    return access
