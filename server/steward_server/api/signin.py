"""Sign-in, invitations, password resets, and one's own account. Thin: the decisions are in `steward_tenants.signin`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response, status
from sqlalchemy import select

from steward_server.api.edge import SESSION_COOKIE, Edge, current_caller, current_edge
from steward_server.api.signin_bodies import (
    AcceptInput,
    ChallengeInput,
    CodeInput,
    ConfirmInput,
    DuePasswordInput,
    EndedAnswer,
    EnrolmentAnswer,
    JoinedAnswer,
    LocaleInput,
    MeAnswer,
    PasswordInput,
    PermissionAnswer,
    ProveInput,
    RecoveryCodesAnswer,
    RemoveInput,
    ResetInput,
    ResetRequestInput,
    SecondFactorAnswer,
    SessionAnswer,
    SignInAnswer,
    SignInInput,
    SignInStatus,
    TenantAnswer,
    TenantOption,
    Text,
)
from steward_tenants.access.permissions import catalogue
from steward_tenants.directory.models import Tenant
from steward_tenants.errors import Forbidden, TenantNotFound
from steward_tenants.signin import queries, recovery, self_service, service, sessions
from steward_tenants.signin.caller import Caller
from steward_tenants.signin.opening import SignedIn
from steward_tenants.signin.origin import Origin
from steward_tenants.signin.rules import Step
from steward_tenants.texts import Bilingual

router = APIRouter(tags=["sign-in"])

CurrentEdge = Annotated[Edge, Depends(current_edge)]
CurrentCaller = Annotated[Caller, Depends(current_caller)]
PROBLEM: dict[str, Any] = {"description": "problem+json", "content": {"application/problem+json": {}}}
REFUSALS: dict[int | str, dict[str, Any]] = dict.fromkeys((401, 403, 404, 409, 410, 422, 429), PROBLEM)


async def current_session(caller: CurrentCaller) -> Caller:
    """A caller with a sign-in session of its own; tokens of API clients do not manage sessions."""
    if caller.sign_in_session_id is None or caller.token_id is not None:
        raise Forbidden(permission=Bilingual("本人登录会话", "One's own sign-in session"))
    return caller


CurrentSession = Annotated[Caller, Depends(current_session)]


def _origin(request: Request, edge: Edge) -> Origin:
    return Origin(edge.address(request) or None, request.headers.get("user-agent"), _request_id(request))


def _request_id(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))


_STEPS = {
    Step.SECOND_FACTOR: SignInStatus.SECOND_FACTOR,
    Step.ENROL: SignInStatus.ENROL,
    Step.PASSWORD: SignInStatus.PASSWORD,
}


def _answer(response: Response, edge: Edge, outcome: service.Outcome, codes: list[str] | None = None) -> SignInAnswer:
    response.headers["Cache-Control"] = "no-store"
    if isinstance(outcome, service.TenantChoice):
        options = [TenantOption(key=key, name=name) for key, name in outcome.tenants]
        return SignInAnswer(status=SignInStatus.CHOOSE_TENANT, tenants=options)
    if isinstance(outcome, service.Challenge):
        return SignInAnswer(
            status=_STEPS[outcome.step],
            challenge=outcome.token,
            expires_at=outcome.expires_at,
            recovery_codes=codes,
        )
    _set_cookie(response, edge, outcome)
    return SignInAnswer(
        status=SignInStatus.SIGNED_IN,
        access_token=outcome.token,
        token_type="Bearer",  # noqa: S106 - the name of the scheme
        expires_at=outcome.expires_at,
        tenant_id=outcome.tenant_id,
        recovery_codes=codes,
    )


def _set_cookie(response: Response, edge: Edge, opened: SignedIn) -> None:
    response.set_cookie(
        SESSION_COOKIE,
        opened.token,
        max_age=max(0, int((opened.expires_at - datetime.now(UTC)).total_seconds())),
        path="/",
        secure=edge.settings.public_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )


@router.post("/sign-in", summary="登录 Sign in", response_model_exclude_none=True, responses=REFUSALS)
async def sign_in(body: SignInInput, request: Request, response: Response, edge: CurrentEdge) -> SignInAnswer:
    """Sign in with login and password; `status` says what comes next."""
    outcome = await service.sign_in(
        edge.database, body.login, body.password, tenant_key=body.tenant, origin=_origin(request, edge)
    )
    return _answer(response, edge, outcome)


@router.post(
    "/sign-in/second-factor",
    summary="提交第二因素 Give the second factor",
    response_model_exclude_none=True,
    responses=REFUSALS,
)
async def give_code(body: CodeInput, request: Request, response: Response, edge: CurrentEdge) -> SignInAnswer:
    """Go on with a code of the authenticator app or a recovery code."""
    outcome = await service.answer_with_code(edge.database, body.challenge, body.code, origin=_origin(request, edge))
    return _answer(response, edge, outcome)


@router.post(
    "/sign-in/second-factor/enrolment", summary="登录时开始绑定 Begin enrolment on the way in", responses=REFUSALS
)
async def begin_enrolment(body: ChallengeInput, response: Response, edge: CurrentEdge) -> EnrolmentAnswer:
    """Where the tenant demands a second factor and there is none yet."""
    response.headers["Cache-Control"] = "no-store"
    enrolment = await service.begin_enrolment(edge.database, body.challenge)
    return EnrolmentAnswer(secret=enrolment.secret, uri=enrolment.uri)


@router.post(
    "/sign-in/second-factor/enrolment/confirm",
    summary="登录时确认绑定 Confirm enrolment on the way in",
    response_model_exclude_none=True,
    responses=REFUSALS,
)
async def confirm_enrolment(body: CodeInput, request: Request, response: Response, edge: CurrentEdge) -> SignInAnswer:
    """Confirm with the app's first code; gives the recovery codes, this once, and goes on."""
    outcome, codes = await service.finish_enrolment(
        edge.database, body.challenge, body.code, origin=_origin(request, edge)
    )
    return _answer(response, edge, outcome, codes)


@router.post(
    "/sign-in/password",
    summary="更换到期密码 Replace a due password",
    response_model_exclude_none=True,
    responses=REFUSALS,
)
async def change_due_password(
    body: DuePasswordInput, request: Request, response: Response, edge: CurrentEdge
) -> SignInAnswer:
    """Choose a new password where the old one has expired or must be changed, and go on."""
    outcome = await service.change_due_password(
        edge.database, body.challenge, body.new_password, origin=_origin(request, edge)
    )
    return _answer(response, edge, outcome)


@router.post("/sign-out", summary="退出登录 Sign out", status_code=status.HTTP_204_NO_CONTENT, responses=REFUSALS)
async def sign_out(request: Request, edge: CurrentEdge, caller: CurrentSession) -> Response:
    """End the session that the request came with."""
    async with edge.database.write(caller.tenant_id, caller.actor, request_id=_request_id(request)) as session:
        await sessions.sign_out(session)
    for token in (
        request.headers.get("authorization", "").partition(" ")[2].strip(),
        request.cookies.get(SESSION_COOKIE, ""),
    ):
        edge.sessions.forget(token)
    response = Response(status_code=status.HTTP_204_NO_CONTENT)
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax")
    return response


@router.post("/invitations/accept", summary="接受邀请 Accept an invitation", responses=REFUSALS)
async def accept_invitation(body: AcceptInput, request: Request, edge: CurrentEdge) -> JoinedAnswer:
    """Set a password by an invitation; those who have an account already give its password."""
    joined = await recovery.accept_invitation(edge.database, body.token, body.password, origin=_origin(request, edge))
    return JoinedAnswer(login=joined.login, tenant=joined.tenant_key)


@router.post(
    "/password-reset/request",
    summary="请求重置密码 Ask for a reset link",
    status_code=status.HTTP_202_ACCEPTED,
    responses=REFUSALS,
)
async def request_reset(body: ResetRequestInput, request: Request, edge: CurrentEdge) -> Response:
    """Mail a reset link, if there is such a login; the answer is the same either way."""
    await recovery.request_reset(
        edge.database,
        edge.mailer,
        body.login,
        public_url=edge.settings.public_url,
        origin=_origin(request, edge),
    )
    return Response(status_code=status.HTTP_202_ACCEPTED)


@router.post(
    "/password-reset/confirm",
    summary="重置密码 Reset the password",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=REFUSALS,
)
async def confirm_reset(body: ResetInput, request: Request, edge: CurrentEdge) -> Response:
    """Set a new password by a reset link; all sessions of the account end."""
    await recovery.confirm_reset(edge.database, body.token, body.new_password, origin=_origin(request, edge))
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.get("/me", summary="当前用户 Who is signed in", responses=REFUSALS)
async def me(request: Request, edge: CurrentEdge, caller: CurrentCaller) -> MeAnswer:
    """The caller, its tenant, and what it may do."""
    async with edge.database.directory() as directory:
        tenant = await directory.scalar(select(Tenant).where(Tenant.id == caller.tenant_id))
    if tenant is None:
        raise TenantNotFound
    async with edge.database.read(caller.tenant_id, caller.actor, request_id=_request_id(request)) as session:
        user = await queries.own_user(session)
    return MeAnswer(
        id=caller.actor.id,
        kind=caller.actor.kind,
        name=user.name if user else caller.actor.label,
        login=user.login if user else None,
        locale=user.locale if user else None,
        unit_id=caller.actor.unit_id,
        tenant=TenantAnswer(
            id=tenant.id,
            key=tenant.key,
            name=tenant.name,
            locale=tenant.locale,
            time_zone=tenant.time_zone,
        ),
        permissions=[_permission(key) for key in sorted(caller.actor.permissions)],
        session_id=caller.sign_in_session_id,
        expires_at=caller.expires_at,
    )


def _permission(key: str) -> PermissionAnswer:
    known = catalogue.get(key)
    title = known.title if known else Bilingual(key, key)
    return PermissionAnswer(key=key, title=Text(zh=title.zh, en=title.en))


@router.patch("/me", summary="更改语言 Change one's language", status_code=204, responses=REFUSALS)
async def change_locale(body: LocaleInput, request: Request, edge: CurrentEdge, caller: CurrentSession) -> Response:
    """Set the language of one's texts."""
    async with edge.database.write(caller.tenant_id, caller.actor, request_id=_request_id(request)) as session:
        await sessions.change_locale(session, body.locale)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post("/me/password", summary="修改密码 Change one's password", status_code=204, responses=REFUSALS)
async def change_password(body: PasswordInput, request: Request, edge: CurrentEdge, caller: CurrentSession) -> Response:
    """Change one's password; the other sessions of the account end."""
    await self_service.change_password(
        edge.database, caller, body.password, body.new_password, origin=_origin(request, edge)
    )
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.get("/me/sessions", summary="自己的会话 One's sessions", responses=REFUSALS)
async def list_sessions(request: Request, edge: CurrentEdge, caller: CurrentSession) -> list[SessionAnswer]:
    """One's open sessions in this tenant, the latest first."""
    async with edge.database.read(caller.tenant_id, caller.actor, request_id=_request_id(request)) as session:
        lines = await queries.own_sessions(session)
    return [SessionAnswer.model_validate(line) for line in lines]


@router.delete("/me/sessions", summary="撤销其他会话 Revoke the other sessions", responses=REFUSALS)
async def revoke_others(request: Request, edge: CurrentEdge, caller: CurrentSession) -> EndedAnswer:
    """End all of one's sessions in this tenant but the one that asks."""
    async with edge.database.write(caller.tenant_id, caller.actor, request_id=_request_id(request)) as session:
        return EndedAnswer(ended=await sessions.revoke_other_sessions(session))


@router.delete("/me/sessions/{session_id}", summary="撤销会话 Revoke a session", status_code=204, responses=REFUSALS)
async def revoke_one(session_id: UUID, request: Request, edge: CurrentEdge, caller: CurrentSession) -> Response:
    """End one of one's own sessions."""
    async with edge.database.write(caller.tenant_id, caller.actor, request_id=_request_id(request)) as session:
        await sessions.revoke_own_session(session, session_id)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.get("/me/second-factor", summary="第二因素状态 State of the second factor", responses=REFUSALS)
async def second_factor(edge: CurrentEdge, caller: CurrentSession) -> SecondFactorAnswer:
    """Whether a second factor is set up."""
    state = await self_service.second_factor_state(edge.database, caller)
    return SecondFactorAnswer(enrolled=state.enrolled, recovery_codes_left=state.recovery_codes_left)


@router.post("/me/second-factor", summary="开始绑定 Begin to set up a second factor", responses=REFUSALS)
async def begin_second_factor(response: Response, edge: CurrentEdge, caller: CurrentSession) -> EnrolmentAnswer:
    """A fresh secret; it counts once it has been confirmed."""
    response.headers["Cache-Control"] = "no-store"
    enrolment = await self_service.begin_second_factor(edge.database, caller)
    return EnrolmentAnswer(secret=enrolment.secret, uri=enrolment.uri)


@router.post("/me/second-factor/confirm", summary="确认绑定 Confirm the second factor", responses=REFUSALS)
async def confirm_second_factor(
    body: ConfirmInput, request: Request, response: Response, edge: CurrentEdge, caller: CurrentSession
) -> RecoveryCodesAnswer:
    """Switch it on with the app's first code."""
    response.headers["Cache-Control"] = "no-store"
    codes = await self_service.confirm_second_factor(edge.database, caller, body.code, origin=_origin(request, edge))
    return RecoveryCodesAnswer(recovery_codes=codes)


@router.delete(
    "/me/second-factor", summary="解除第二因素 Remove the second factor", status_code=204, responses=REFUSALS
)
async def remove_second_factor(
    body: RemoveInput, request: Request, edge: CurrentEdge, caller: CurrentSession
) -> Response:
    """Take one's second factor away, with password and code."""
    await self_service.remove_second_factor(
        edge.database, caller, body.password, body.code, origin=_origin(request, edge)
    )
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post("/me/recovery-codes", summary="更换恢复码 Renew the recovery codes", responses=REFUSALS)
async def renew_recovery_codes(
    body: ProveInput, request: Request, response: Response, edge: CurrentEdge, caller: CurrentSession
) -> RecoveryCodesAnswer:
    """Fresh recovery codes in the place of the old ones."""
    response.headers["Cache-Control"] = "no-store"
    codes = await self_service.renew_recovery_codes(edge.database, caller, body.password, origin=_origin(request, edge))
    return RecoveryCodesAnswer(recovery_codes=codes)
