"""Commands on users of one tenant. What also touches the directory is in `membership.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from steward_tenants.access.guards import keep_a_security_admin
from steward_tenants.access.permissions import PEOPLE_MANAGE
from steward_tenants.access.row_kinds import PERSON
from steward_tenants.access.rules import reaches_everything
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.database.vault import Vault
from steward_tenants.errors import Forbidden, StewardError
from steward_tenants.organisation.errors import UnitClosed
from steward_tenants.organisation.models import UnitStatus
from steward_tenants.organisation.service import closed_on, held_unit, stays_of
from steward_tenants.people.errors import (
    EmployeeNumberTaken,
    NotOneself,
    PersonChanged,
    PersonErased,
    PersonExists,
    PersonNotFound,
)
from steward_tenants.people.leaving import tell_of_leaver
from steward_tenants.people.models import User, UserStatus
from steward_tenants.people.rules import PERSONAL, PROFILE, clean_person

Fields = Mapping[str, Any]


def identity_place(tenant_id: UUID, user_id: UUID) -> str:
    """Where a person's encrypted identity number stands, for the vault."""
    return f"{tenant_id}/tenant_user/identity_number/{user_id}"


def open_identity_number(vault: Vault, tenant_id: UUID, user_id: UUID, stored: str | None) -> str | None:
    """The identity number in plain."""
    return None if stored is None else vault.decrypt(stored, identity_place(tenant_id, user_id))


@command("people.create", "新建人员", "Create a person", permission=PEOPLE_MANAGE, alone=False)
async def add_user(
    session: WriteSession,
    *,
    account_id: UUID,
    fields: Fields,
    today: date,
    unit_id: UUID | None = None,
    status: UserStatus = UserStatus.INVITED,
) -> User:
    """A user for an account that the directory already has. `fields`: `login`, `name` and any of `rules.PROFILE`.

    Without a unit the actor needs the permission for the whole tenant. Raises InvalidInput, PersonExists,
    EmployeeNumberTaken, UnitNotFound, UnitClosed, Forbidden.
    """
    clean = clean_person(fields, allowed=PROFILE | {"login"})
    await _check_unit(session, unit_id, today)
    user = User(id=new_id(), account_id=account_id, unit_id=unit_id, status=status, **clean)
    _seal_identity_number(session, user)
    try:
        async with session.savepoint():
            session.add(user)
            await session.flush()
    except IntegrityError as error:
        raise _taken(error, clean) from error
    after = {**clean, "unit_id": unit_id, "status": status.value}
    await record(session, "people.create", Subject("user", user.id), after=after, personal=PERSONAL)
    return user


@command("people.update", "修改人员资料", "Change a person's record", permission=PEOPLE_MANAGE)
async def update_user(session: WriteSession, user_id: UUID, *, fields: Fields, version: int, today: date) -> User:
    """Change the given fields of `rules.PROFILE`. Raises InvalidInput, PersonNotFound, PersonChanged, PersonErased,
    EmployeeNumberTaken."""
    clean = clean_person(fields)
    user = await _user(session, user_id, today, version)
    before = {field: getattr(user, field) for field in clean}
    if "identity_number" in before:
        before["identity_number"] = open_identity_number(
            session.vault, session.tenant_id, user.id, user.identity_number
        )
    try:
        async with session.savepoint():
            for field, value in clean.items():
                setattr(user, field, value)
            if "identity_number" in clean:
                _seal_identity_number(session, user)
            user.updated_at = datetime.now(UTC)
            await session.flush()
    except IntegrityError as error:
        raise _taken(error, clean) from error
    await record(session, "people.update", Subject("user", user_id), before=before, after=clean, personal=PERSONAL)
    return user


@command("people.move", "调整人员所属机构", "Move a person", permission=PEOPLE_MANAGE)
async def move_user(session: WriteSession, user_id: UUID, *, unit_id: UUID | None, version: int, today: date) -> User:
    """Put a person into another unit; both must be in the actor's scope. Not oneself: the unit is part of one's reach.

    Raises PersonNotFound, PersonChanged, PersonErased, NotOneself, UnitNotFound, UnitClosed, Forbidden.
    """
    await _check_unit(session, unit_id, today)
    user = await _user(session, user_id, today, version)
    _not_oneself(session, user_id)
    before = {"unit_id": user.unit_id}
    user.unit_id = unit_id
    user.updated_at = datetime.now(UTC)
    await record(session, "people.move", Subject("user", user_id), before=before, after={"unit_id": unit_id})
    return user


@command("people.disable", "停用人员", "Disable a person", permission=PEOPLE_MANAGE, alone=False)
async def disable_user(session: WriteSession, user_id: UUID, *, today: date, reason: str | None = None) -> User:
    """Shut a person out of this tenant; their sessions are refused from the commit on. Again is no error.

    Raises PersonNotFound, PersonErased, NotOneself, LastSecurityAdmin.
    """
    _not_oneself(session, user_id)
    user = await _user(session, user_id, today)
    before = {"status": user.status}
    user.status = UserStatus.DISABLED
    newly = before["status"] != UserStatus.DISABLED
    if newly:
        user.disabled_at = datetime.now(UTC)
    await session.flush()
    await keep_a_security_admin(session, today, formerly=user_id)
    if newly:
        await tell_of_leaver(session, user_id)
    await record(
        session,
        "people.disable",
        Subject("user", user_id),
        before=before,
        after={"status": UserStatus.DISABLED.value},
        reason=reason,
    )
    return user


@command("people.enable", "启用人员", "Enable a person", permission=PEOPLE_MANAGE, alone=False)
async def enable_user(
    session: WriteSession, user_id: UUID, *, today: date, status: UserStatus = UserStatus.ACTIVE
) -> User:
    """Let a disabled person in again; `status` INVITED when they have never signed in. Again is no error.

    Raises PersonNotFound, PersonErased, NotOneself.
    """
    _not_oneself(session, user_id)
    user = await _user(session, user_id, today)
    before = {"status": user.status}
    if user.status == UserStatus.DISABLED:
        user.status = status
    await record(session, "people.enable", Subject("user", user_id), before=before, after={"status": user.status})
    return user


def _not_oneself(session: WriteSession, user_id: UUID) -> None:
    if session.actor.id == user_id:
        raise NotOneself


async def _user(session: WriteSession, user_id: UUID, today: date, version: int | None = None) -> User:
    reach = PERSON.within_reach(session, PEOPLE_MANAGE, today)
    user = await session.find(User, User.id == user_id, reach, lock=True)
    if user is None:
        raise PersonNotFound
    if user.status == UserStatus.ERASED:
        raise PersonErased
    if version is not None and user.version != version:
        raise PersonChanged(name=user.name)
    return user


async def _check_unit(session: WriteSession, unit_id: UUID | None, today: date) -> None:
    """Whether people may be put there; holds the unit so that it cannot close meanwhile."""
    if unit_id is None:
        if not reaches_everything(session.actor, PEOPLE_MANAGE):
            raise Forbidden(permission=PEOPLE_MANAGE.title)
        return
    unit = await held_unit(session, unit_id, PEOPLE_MANAGE, today)
    if unit.status == UnitStatus.CLOSED:
        raise UnitClosed(name=unit.name, day=closed_on(await stays_of(session, unit_id)))


def _seal_identity_number(session: WriteSession, user: User) -> None:
    if user.identity_number is not None:
        user.identity_number = session.vault.encrypt(user.identity_number, identity_place(session.tenant_id, user.id))


def _taken(error: IntegrityError, fields: Fields) -> StewardError:
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if name == "uq_tenant_user_tenant_id_employee_number":
        return EmployeeNumberTaken(employee_number=fields["employee_number"])
    if name in ("uq_tenant_user_tenant_id_account_id", "uq_tenant_user_tenant_id_login"):
        return PersonExists(login=fields["login"])
    raise error
