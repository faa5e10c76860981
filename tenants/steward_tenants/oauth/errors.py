"""Errors of the OAuth provider that people and machines see."""

from __future__ import annotations

from steward_tenants.errors import Conflict, Forbidden, NotFound, Unauthenticated
from steward_tenants.texts import Bilingual


class InvalidToken(Unauthenticated):
    """The access token is not ours, expired, revoked, or its holder may no longer act."""

    code = "invalid_token"
    message = Bilingual("访问令牌无效或已失效。", "The access token is not valid or no longer so.")
    remedy = Bilingual("请重新获取访问令牌。", "Get a new access token.")

    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="steward", error="invalid_token"'}


class InsufficientScope(Forbidden):
    """The token's scopes do not cover this."""

    code = "insufficient_scope"
    message = Bilingual("访问令牌缺少“{scope}”范围。", "The access token lacks the scope “{scope}”.")
    remedy = Bilingual("请以所需范围重新授权。", "Authorize again with that scope.")

    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{self.values["scope"]}"'}


class NotAPersonsSession(Forbidden):
    """Only a person at the product's own pages may authorize a client; a token or support access may not."""

    code = "not_a_persons_session"
    message = Bilingual("只有本人登录后才能授权应用。", "Only a person who has signed in can authorize an application.")
    remedy = Bilingual("请用本人账号登录后重试。", "Sign in with your own account and try again.")


class ConfirmationInvalid(Forbidden):
    """The confirmation of an authorization is missing, expired, or belongs to another request."""

    code = "confirmation_invalid"
    message = Bilingual("授权确认已失效。", "The confirmation is no longer valid.")
    remedy = Bilingual("请从应用重新发起授权。", "Start again from the application.")


class ClientNotFound(NotFound):
    """The tenant has no such API client."""

    code = "api_client_not_found"
    message = Bilingual("找不到该对接应用。", "There is no such API client.")


class ClientRevoked(Conflict):
    """The API client is revoked; that cannot be undone."""

    code = "api_client_revoked"
    message = Bilingual("该对接应用已吊销。", "This API client is revoked.")
    remedy = Bilingual("请新建一个对接应用。", "Create a new one.")


class ClientOfOneself(Forbidden):
    """Whoever says what a client may do does not receive its secret as well."""

    code = "api_client_of_oneself"
    message = Bilingual("不能接入自己登记的应用。", "You cannot connect a client that you registered.")
    remedy = Bilingual("请由另一位租户管理员接入。", "Have another person, a tenant administrator, connect it.")


class ClientHasNoSecret(Conflict):
    """A public client has no secret to rotate."""

    code = "api_client_public"
    message = Bilingual("公开应用没有密钥。", "A public client has no secret.")
    remedy = Bilingual("需要密钥时请新建应用。", "Create another client if you need a secret.")
