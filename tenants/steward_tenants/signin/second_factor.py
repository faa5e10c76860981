"""TOTP (RFC 6238) and recovery codes of an account, in the directory. Every code works once."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from hmac import compare_digest
from uuid import UUID

import pyotp
from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import DirectorySession
from steward_tenants.directory.models import Credential, CredentialKind
from steward_tenants.signin.errors import AlreadyEnrolled, CodeRefused, NotEnrolled

STEP_SECONDS = 30
WINDOW = 1
"""Steps before and after the present one whose codes are taken, for clocks that differ."""
RECOVERY_CODES = 10
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_GROUPS, _GROUP = 4, 4
ISSUER = "Steward"


@dataclass(frozen=True)
class Enrolment:
    """What an authenticator app needs: the secret, and the same as an `otpauth://` address for a QR code."""

    secret: str
    uri: str


def _place(credential_id: UUID) -> str:
    return f"directory/credential/{credential_id}/secret"


async def begin(directory: DirectorySession, account_id: UUID, login: str, issuer: str = ISSUER) -> Enrolment:
    """Start anew with a fresh secret, which counts once `confirm` has seen a code. Raises AlreadyEnrolled."""
    await directory.execute(
        delete(Credential).where(
            Credential.account_id == account_id,
            Credential.kind == CredentialKind.TOTP,
            Credential.spent_at.is_(None),
            Credential.confirmed_at.is_(None),
        )
    )
    credential_id, secret = new_id(), pyotp.random_base32()
    try:
        async with directory.savepoint():
            await directory.execute(
                insert(Credential).values(
                    id=credential_id,
                    account_id=account_id,
                    kind=CredentialKind.TOTP,
                    secret=directory.vault.encrypt(secret, _place(credential_id)),
                )
            )
    except IntegrityError:
        raise AlreadyEnrolled from None
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer))


async def confirm(directory: DirectorySession, account_id: UUID, code: str, *, at: float | None = None) -> list[str]:
    """Switch the second factor on with its first code; gives the recovery codes, which are shown this once.

    Raises NotEnrolled when nothing was begun, CodeRefused.
    """
    credential = await _current(directory, account_id, confirmed=False)
    if credential is None:
        raise NotEnrolled
    counter = _matching(directory, credential, code, at)
    switched = (
        update(Credential)
        .where(Credential.id == credential.id, Credential.confirmed_at.is_(None))
        .values(confirmed_at=func.now(), last_counter=counter)
        .returning(Credential.id)
    )
    if counter is None or await directory.scalar(switched) is None:
        raise CodeRefused
    return await renew_recovery_codes(directory, account_id)


async def verify(directory: DirectorySession, account_id: UUID, code: str, *, at: float | None = None) -> str:
    """Take a code of the app or a recovery code, and use it up; says which it was. Raises CodeRefused."""
    text = "".join(code.split()).replace("-", "")
    if len(text) == 6 and text.isascii() and text.isdigit():
        if await _use_totp(directory, account_id, text, at):
            return CredentialKind.TOTP
    elif await _use_recovery_code(directory, account_id, text):
        return CredentialKind.RECOVERY_CODE
    raise CodeRefused


async def _use_totp(directory: DirectorySession, account_id: UUID, code: str, at: float | None) -> bool:
    credential = await _current(directory, account_id, confirmed=True)
    counter = _matching(directory, credential, code, at) if credential else None
    if credential is None or counter is None:
        return False
    used = (
        update(Credential)
        .where(
            Credential.id == credential.id,
            Credential.spent_at.is_(None),
            or_(Credential.last_counter.is_(None), Credential.last_counter < counter),
        )
        .values(last_counter=counter)
        .returning(Credential.id)
    )
    return await directory.scalar(used) is not None


async def _use_recovery_code(directory: DirectorySession, account_id: UUID, code: str) -> bool:
    used = (
        update(Credential)
        .where(
            Credential.account_id == account_id,
            Credential.kind == CredentialKind.RECOVERY_CODE,
            Credential.secret == _recovery_digest(account_id, code),
            Credential.spent_at.is_(None),
        )
        .values(spent_at=func.now())
        .returning(Credential.id)
    )
    return await directory.scalar(used) is not None


async def _current(directory: DirectorySession, account_id: UUID, *, confirmed: bool) -> Credential | None:
    return await directory.find(
        Credential,
        Credential.account_id == account_id,
        Credential.kind == CredentialKind.TOTP,
        Credential.spent_at.is_(None),
        Credential.confirmed_at.is_not(None) if confirmed else Credential.confirmed_at.is_(None),
    )


def _matching(directory: DirectorySession, credential: Credential, code: str, at: float | None) -> int | None:
    """The time step that a code belongs to, or None."""
    totp = pyotp.TOTP(directory.vault.decrypt(credential.secret, _place(credential.id)))
    now = int((time.time() if at is None else at) // STEP_SECONDS)
    given = "".join(code.split()).encode("utf-8", "replace")
    for counter in range(now - WINDOW, now + WINDOW + 1):
        if compare_digest(totp.generate_otp(counter).encode(), given):
            return counter
    return None


def _recovery_digest(account_id: UUID, code: str) -> str:
    text = f"{account_id}/{code.upper()}".encode("utf-8", "replace")
    return hashlib.sha256(text).hexdigest()


async def renew_recovery_codes(directory: DirectorySession, account_id: UUID) -> list[str]:
    """Ten fresh codes of 80 random bits in the place of all earlier ones."""
    await forget_recovery_codes(directory, account_id)
    codes = [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
        for _ in range(RECOVERY_CODES)
    ]
    await directory.execute(
        insert(Credential),
        [
            {
                "id": new_id(),
                "account_id": account_id,
                "kind": CredentialKind.RECOVERY_CODE,
                "secret": _recovery_digest(account_id, code.replace("-", "")),
            }
            for code in codes
        ],
    )
    return codes


async def forget_recovery_codes(directory: DirectorySession, account_id: UUID) -> None:
    """Remove all recovery codes of the account."""
    await directory.execute(
        delete(Credential).where(Credential.account_id == account_id, Credential.kind == CredentialKind.RECOVERY_CODE)
    )


async def recovery_codes_left(directory: DirectorySession, account_id: UUID) -> int:
    """How many recovery codes are unused."""
    count: int = await directory.scalar(
        select(func.count()).where(
            Credential.account_id == account_id,
            Credential.kind == CredentialKind.RECOVERY_CODE,
            Credential.spent_at.is_(None),
        )
    )
    return count


async def remove(directory: DirectorySession, account_id: UUID) -> bool:
    """Take the second factor and its recovery codes away; whether there was one."""
    gone = await directory.rows(
        delete(Credential)
        .where(Credential.account_id == account_id, Credential.kind == CredentialKind.TOTP)
        .returning(Credential.id)
    )
    await forget_recovery_codes(directory, account_id)
    return bool(gone)
