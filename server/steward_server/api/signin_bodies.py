"""What sign-in's requests bring and its answers say."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from steward_tenants.signin.accounts import LONGEST_LOGIN
from steward_tenants.texts import Locale

LONGEST_PASSWORD = 1024

Login = Annotated[str, Field(max_length=LONGEST_LOGIN, description="登录名 The login, as a rule a mail address")]
Password = Annotated[str, Field(max_length=LONGEST_PASSWORD, description="密码 The password", repr=False)]
NewPassword = Annotated[str, Field(max_length=LONGEST_PASSWORD, description="新密码 The new password", repr=False)]
Token = Annotated[
    str, Field(max_length=200, description="链接或上一步给出的令牌 The token of the link or step", repr=False)
]
Code = Annotated[str, Field(max_length=40, description="六位验证码或恢复码 Six digits, or a recovery code", repr=False)]


class Input(BaseModel):
    """What a request brings; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class SignInInput(Input):
    """A login and its password. `tenant` is needed by those who belong to several."""

    login: Login
    password: Password
    tenant: Annotated[str | None, Field(max_length=31, description="租户标识 The tenant's key")] = None


class CodeInput(Input):
    """The answer to a second-factor step."""

    challenge: Token
    code: Code


class ChallengeInput(Input):
    """The token of a step."""

    challenge: Token


class DuePasswordInput(Input):
    """A new password where the old one has expired or must be changed."""

    challenge: Token
    new_password: NewPassword


class AcceptInput(Input):
    """An invitation's token and the password to set (or the present one, for those who have an account already)."""

    token: Token
    password: Password


class ResetRequestInput(Input):
    """Whose password to reset."""

    login: Login


class ResetInput(Input):
    """A reset link's token and the new password."""

    token: Token
    new_password: NewPassword


class PasswordInput(Input):
    """The present password and the new one."""

    password: Password
    new_password: NewPassword


class LocaleInput(Input):
    """The language of one's texts."""

    locale: Locale


class ConfirmInput(Input):
    """The first code of the authenticator app."""

    code: Code


class RemoveInput(Input):
    """What it takes to remove the second factor."""

    password: Password
    code: Code


class ProveInput(Input):
    """The present password."""

    password: Password


class SignInStatus(StrEnum):
    """What the answer to a sign-in asks for next."""

    SIGNED_IN = "signed_in"
    SECOND_FACTOR = "second_factor_required"
    ENROL = "second_factor_enrolment_required"
    PASSWORD = "password_change_required"
    CHOOSE_TENANT = "tenant_required"


class TenantOption(BaseModel):
    """A tenant that the person may choose."""

    key: str
    name: str


class SignInAnswer(BaseModel):
    """Signed in: `access_token` is the bearer token of the session, also set as a cookie. Otherwise `challenge` goes
    with the next step, before `expires_at`; or `tenants` lists what to choose from."""

    status: SignInStatus
    access_token: str | None = None
    token_type: str | None = None
    expires_at: datetime | None = None
    tenant_id: UUID | None = None
    challenge: str | None = None
    tenants: list[TenantOption] | None = None
    recovery_codes: Annotated[
        list[str] | None, Field(description="恢复码，仅显示一次 Recovery codes, shown this once")
    ] = None


class EnrolmentAnswer(BaseModel):
    """What the authenticator app needs: `uri` as a QR code, or `secret` typed in."""

    secret: str
    uri: str


class RecoveryCodesAnswer(BaseModel):
    """Recovery codes, shown this once; each works once."""

    recovery_codes: list[str]


class JoinedAnswer(BaseModel):
    """The invitation was accepted: sign in with these."""

    login: str
    tenant: str


class Text(BaseModel):
    """A text in both languages."""

    zh: str
    en: str


class PermissionAnswer(BaseModel):
    """A permission that the caller holds."""

    key: str
    title: Text


class TenantAnswer(BaseModel):
    """The tenant that the session is in."""

    id: UUID
    key: str
    name: str
    locale: str
    time_zone: str


class MeAnswer(BaseModel):
    """Who is signed in. `kind` is `user`, `client` or `support`; `login` and `locale` are a user's."""

    id: UUID
    kind: str
    name: str
    login: str | None
    locale: str | None
    unit_id: UUID | None
    tenant: TenantAnswer
    permissions: list[PermissionAnswer]
    session_id: UUID | None
    expires_at: datetime


class SessionAnswer(BaseModel):
    """An open session."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    address: str | None
    user_agent: str | None
    second_factor: bool
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool


class EndedAnswer(BaseModel):
    """How many sessions were ended."""

    ended: int


class SecondFactorAnswer(BaseModel):
    """Whether a second factor is set up, and how many recovery codes are left."""

    enrolled: bool
    recovery_codes_left: int
