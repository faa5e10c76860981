"""Requests of persons for a copy or the erasure of their data (Personal Information Protection Law)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update

from steward_tenants.access.guards import is_security_admin, keep_a_security_admin
from steward_tenants.access.permissions import PRIVACY_DECIDE
from steward_tenants.access.queries import today
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting, tenant_facts
from steward_tenants.configuration.settings import PERSONAL_COPY_DAYS
from steward_tenants.database.actor import Actor, ActorKind
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Account, Membership, OneTimeToken
from steward_tenants.errors import Forbidden, invalid
from steward_tenants.files.models import StoredFile
from steward_tenants.files.service import PERSONAL_DATA, add_file
from steward_tenants.files.store import FileStore
from steward_tenants.people.errors import PersonErased, PersonNotFound
from steward_tenants.people.models import User, UserStatus
from steward_tenants.people.rules import PERSONAL
from steward_tenants.privacy.errors import (
    DataMustBeKept,
    NotOnesOwnRequest,
    PrivacyRequestClosed,
    PrivacyRequestNotFound,
    PrivacyRequestOpen,
)
from steward_tenants.privacy.models import PrivacyRequest, PrivacyRequestKind, PrivacyRequestStatus
from steward_tenants.privacy.queries import personal_data, reasons_to_keep
from steward_tenants.privacy.rules import LONGEST_REASON, as_json, as_text, erased_values
from steward_tenants.privacy.subjects import PERSON_FIELDS, SOURCES

LARGEST_COPY = 1024 * 1024 * 1024


@command("privacy.request", "提交个人信息请求", "Open a personal-data request", permission=None)
async def open_privacy_request(
    session: WriteSession, kind: PrivacyRequestKind, subject_user_id: UUID, *, reason: str | None = None
) -> PrivacyRequest:
    """Ask for a copy or the erasure of one's data, or on behalf of somebody with `privacy.decide`.

    Raises Forbidden, PersonNotFound, PersonErased, PrivacyRequestOpen, InvalidInput.
    """
    if session.actor.kind is not ActorKind.USER or session.actor.id != subject_user_id:
        require(session.actor, PRIVACY_DECIDE)
    reason = _reason(reason)
    user = await session.get(User, subject_user_id, lock=True)
    if user is None:
        raise PersonNotFound
    if user.status == UserStatus.ERASED:
        raise PersonErased
    waiting = await session.scalar(
        select(func.count())
        .select_from(PrivacyRequest)
        .where(
            session.within(PrivacyRequest),
            PrivacyRequest.subject_user_id == subject_user_id,
            PrivacyRequest.kind == kind,
            PrivacyRequest.status == PrivacyRequestStatus.OPEN,
        )
    )
    if waiting:
        raise PrivacyRequestOpen
    request = PrivacyRequest(
        id=new_id(),
        kind=PrivacyRequestKind(kind),
        status=PrivacyRequestStatus.OPEN,
        subject_user_id=subject_user_id,
        requested_by=session.actor.id,
        reason=reason,
    )
    session.add(request)
    await record(
        session,
        "privacy.request",
        Subject("privacy_request", request.id),
        after={"kind": str(request.kind), "subject": subject_user_id},
        reason=reason,
    )
    return request


@command("privacy.refuse", "拒绝个人信息请求", "Refuse a personal-data request", permission=PRIVACY_DECIDE)
async def refuse_privacy_request(session: WriteSession, request_id: UUID, *, reason: str) -> PrivacyRequest:
    """Refuse an open request about somebody else, saying why. Raises PrivacyRequestNotFound, PrivacyRequestClosed,
    NotOnesOwnRequest, InvalidInput."""
    text = _reason(reason)
    if text is None:
        raise invalid("reason", "missing", "请说明拒绝的原因。", "Say why it is refused.")
    request, _ = await _to_decide(session, request_id)
    await _close(session, request, PrivacyRequestStatus.REFUSED, text)
    return request


async def copy_personal_data(
    database: Database,
    store: FileStore,
    tenant_id: UUID,
    actor: Actor,
    request_id: UUID,
    *,
    reason: str | None = None,
) -> StoredFile:
    """Grant an open request for a copy: a ZIP with the data as JSON and as text, in the file store, for the person.

    The bytes are written before the transaction's commit; if that fails the sweep removes them, and a repeat writes
    new ones. Raises Forbidden, PrivacyRequestNotFound, PrivacyRequestClosed, NotOnesOwnRequest.
    """
    require(actor, PRIVACY_DECIDE)
    tenant = await tenant_facts(database, tenant_id)
    file_id = new_id()
    try:
        async with database.write(tenant_id, actor) as session:
            request, user = await _to_decide(session, request_id, PrivacyRequestKind.EXPORT)
            moment = datetime.now(UTC)
            data = await personal_data(session, user)
            titled = [(SOURCES[key].title, records) for key, records in data.items()]
            packed = _packed(
                {
                    "personal-data.json": as_json(user.id, moment, data),
                    "个人信息 personal-data.txt": as_text(tenant.name, moment, titled, PERSON_FIELDS),
                }
            )
            written = await store.write(tenant_id, file_id, _once(packed), LARGEST_COPY)
            days = await get_setting(session, PERSONAL_COPY_DAYS)
            row = await add_file(
                session,
                file_id,
                written,
                PERSONAL_DATA,
                name=f"personal-data-{moment:%Y%m%d}.zip",
                media_type="application/zip",
                owner_id=user.id,
                expires_at=moment + timedelta(days=days),
            )
            await session.flush()
            request.file_id = file_id
            await record(
                session,
                "read.personal_data",
                Subject("user", user.id),
                after={"sources": sorted(data), "request": request.id},
            )
            await _close(session, request, PrivacyRequestStatus.DONE, _reason(reason))
    except BaseException:
        await store.delete(tenant_id, file_id)
        raise
    return row


async def erase_personal_data(
    database: Database, tenant_id: UUID, actor: Actor, request_id: UUID, *, reason: str | None = None
) -> None:
    """Grant an open request for erasure. What refers to the person stays and tells no longer who it was.

    The membership, and the account if this was its last tenant, go in the directory's transaction, which commits just
    before the tenant's: a crash in between leaves a person who cannot sign in and an open request, which a repeat
    completes. Audit events keep what the law on network security obliges to keep: who acted, under the name of the
    time. Raises Forbidden, PrivacyRequestNotFound, PrivacyRequestClosed, NotOnesOwnRequest, DataMustBeKept,
    LastSecurityAdmin.
    """
    require(actor, PRIVACY_DECIDE)
    tenant = await tenant_facts(database, tenant_id)
    async with database.write(tenant_id, actor) as session:
        request, user = await _to_decide(session, request_id, PrivacyRequestKind.ERASURE)
        reasons = await reasons_to_keep(session, user)
        if reasons:
            raise DataMustBeKept(reasons)
        account_id = user.account_id
        await _pseudonymise(session, user, today(tenant.time_zone))
        await _close(session, request, PrivacyRequestStatus.DONE, _reason(reason))
        await session.flush()
        await _leave_directory(database, tenant_id, account_id)


async def _pseudonymise(session: WriteSession, user: User, day: date) -> None:
    appointed = await is_security_admin(session, user.id, day)
    for source in SOURCES.values():
        if source.erase is not None:
            await source.erase(session, user)
    if appointed:
        await keep_a_security_admin(session, day)
    await session.execute(
        update(StoredFile)
        .where(
            session.within(StoredFile),
            StoredFile.owner_id == user.id,
            StoredFile.purpose == PERSONAL_DATA.key,
            StoredFile.deleted_at.is_(None),
        )
        .values(deleted_at=func.now())
    )
    await session.execute(
        update(PrivacyRequest)
        .where(session.within(PrivacyRequest), PrivacyRequest.subject_user_id == user.id)
        .values(reason=None)
    )
    values = erased_values(user.id)
    before = {name: getattr(user, name) for name in values}
    for name, value in values.items():
        setattr(user, name, value)
    user.account_id = new_id()
    user.status = UserStatus.ERASED
    user.disabled_at = user.disabled_at or datetime.now(UTC)
    user.updated_at = datetime.now(UTC)
    await record(
        session,
        "privacy.erase",
        Subject("user", user.id),
        before={**before, "status": "—"},
        after={**values, "status": UserStatus.ERASED.value},
        personal={*PERSONAL, *values},
    )


async def _leave_directory(database: Database, tenant_id: UUID, account_id: UUID) -> None:
    async with database.directory() as directory:
        await directory.execute(
            delete(OneTimeToken).where(OneTimeToken.account_id == account_id, OneTimeToken.tenant_id == tenant_id)
        )
        await directory.execute(
            delete(Membership).where(Membership.account_id == account_id, Membership.tenant_id == tenant_id)
        )
        elsewhere = select(Membership.account_id).where(Membership.account_id == account_id).exists()
        await directory.execute(
            delete(Account).where(Account.id == account_id, Account.is_operator.is_(False), ~elsewhere)
        )


async def _to_decide(
    session: WriteSession, request_id: UUID, kind: PrivacyRequestKind | None = None
) -> tuple[PrivacyRequest, User]:
    if session.actor.kind is not ActorKind.USER:
        raise Forbidden(permission=PRIVACY_DECIDE.title)
    request = await session.get(PrivacyRequest, request_id, lock=True)
    if request is None or (kind is not None and request.kind != kind):
        raise PrivacyRequestNotFound
    if request.status != PrivacyRequestStatus.OPEN:
        raise PrivacyRequestClosed
    if request.subject_user_id == session.actor.id:
        raise NotOnesOwnRequest
    user = await session.get(User, request.subject_user_id, lock=True)
    if user is None:
        raise PersonNotFound
    return request, user


async def _close(
    session: WriteSession, request: PrivacyRequest, status: PrivacyRequestStatus, reason: str | None
) -> None:
    request.status = status
    request.decided_by = session.actor.id
    request.decision_reason = reason
    request.decided_at = datetime.now(UTC)
    await record(
        session,
        "privacy.decide" if status is PrivacyRequestStatus.DONE else "privacy.refuse",
        Subject("privacy_request", request.id),
        before={"status": PrivacyRequestStatus.OPEN.value},
        after={"status": status.value, "kind": str(request.kind), "file": request.file_id},
        reason=reason,
    )


def _reason(text: str | None) -> str | None:
    clean = (text or "").strip()
    if len(clean) > LONGEST_REASON:
        raise invalid("reason", "length", f"原因最多 {LONGEST_REASON} 字。", f"At most {LONGEST_REASON} characters.")
    return clean or None


def _packed(members: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return whole.getvalue()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
