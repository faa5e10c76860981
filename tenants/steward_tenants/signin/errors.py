"""What can go wrong when a person signs in or changes what proves them."""

from __future__ import annotations

from steward_tenants.errors import Conflict, Forbidden, StewardError, Unauthenticated
from steward_tenants.texts import Bilingual


class SignInFailed(Unauthenticated):
    """Unknown login, wrong password, disabled account or foreign tenant: which of them is not told."""

    code = "sign_in_failed"
    message = Bilingual("登录名或密码不正确。", "The login or the password is wrong.")
    remedy = Bilingual("请检查后重试，或重置密码。", "Check them and try again, or reset the password.")


class UserDisabled(StewardError):
    """The password was right, but the person may not work in this tenant any more."""

    code = "user_disabled"
    status = 403
    message = Bilingual("您在该租户的用户已停用。", "Your user in this tenant is disabled.")
    remedy = Bilingual("请联系租户管理员。", "Ask the tenant's administrator.")


class InvitationPending(StewardError):
    """The password was right, but the invitation to this tenant has not been accepted."""

    code = "invitation_pending"
    status = 403
    message = Bilingual("您尚未接受该租户的邀请。", "You have not accepted this tenant's invitation yet.")
    remedy = Bilingual("请打开邀请链接，或请管理员重新发送。", "Open the invitation, or ask for a new one.")


class CodeRefused(Unauthenticated):
    """A second-factor or recovery code is wrong, too old or already used."""

    code = "code_refused"
    message = Bilingual("验证码不正确或已使用。", "The code is wrong or was used already.")
    remedy = Bilingual("请等待下一个验证码，或使用恢复码。", "Wait for the next code, or use a recovery code.")


class ChallengeExpired(Unauthenticated):
    """The step of a sign-in was not finished in time, or was finished already."""

    code = "challenge_expired"
    message = Bilingual("本次登录已过期。", "This sign-in has expired.")
    remedy = Bilingual("请重新登录。", "Start signing in again.")


class TokenSpent(StewardError):
    """An invitation or reset link is unknown, used or expired."""

    code = "link_expired"
    status = 410
    message = Bilingual("该链接已使用或已过期。", "This link was used already or has expired.")
    remedy = Bilingual("请申请新的链接。", "Ask for a new one.")


class WrongPassword(Forbidden):
    """A signed-in person gave a wrong present password."""

    code = "wrong_password"
    message = Bilingual("当前密码不正确。", "The present password is wrong.")
    remedy = Bilingual("请检查后重试。", "Check it and try again.")


class PasswordChanged(Conflict):
    """The password was changed by another request meanwhile."""

    code = "password_changed"
    message = Bilingual("密码刚刚已被修改。", "The password was changed just now.")
    remedy = Bilingual("请用新密码重新登录。", "Sign in with the new password.")


class AlreadyEnrolled(Conflict):
    """The account has a confirmed second factor."""

    code = "second_factor_exists"
    message = Bilingual("您已绑定第二因素。", "A second factor is already set up.")
    remedy = Bilingual("如需更换，请先解除绑定。", "Remove it first to set up another.")


class NotEnrolled(Conflict):
    """There is no second factor to confirm, use or remove."""

    code = "second_factor_missing"
    message = Bilingual("尚未绑定第二因素。", "No second factor is set up.")
    remedy = Bilingual("请先开始绑定。", "Begin by setting one up.")


class SecondFactorMandatory(Conflict):
    """A tenant of the account demands a second factor."""

    code = "second_factor_mandatory"
    message = Bilingual("您所在的租户要求使用第二因素。", "A tenant of yours requires a second factor.")
    remedy = Bilingual("请保留绑定；更换设备请联系安全管理员。", "Keep it; ask security for a new device.")


class SharedAccount(Conflict):
    """The account belongs to other tenants too, so one tenant alone may not weaken it."""

    code = "account_shared"
    message = Bilingual("该账号还属于其他租户。", "The account belongs to another tenant as well.")
    remedy = Bilingual("请由平台运营方处理。", "Ask the platform's operator to do it.")


class NotOnOneself(Forbidden):
    """Administrators act on others; for oneself another administrator is needed."""

    code = "not_on_oneself"
    message = Bilingual("不能对自己执行该操作。", "You cannot do this to yourself.")
    remedy = Bilingual("请由另一位安全管理员执行。", "Have another security administrator do it.")


class NotInvited(Conflict):
    """Only users who have not yet accepted can be invited."""

    code = "not_invited"
    message = Bilingual("该用户已激活或已停用，不能邀请。", "The user is active or disabled already.")
    remedy = Bilingual("请检查用户状态。", "Check the user's status.")


class LoginTaken(Conflict):
    """Another account has this login."""

    code = "login_taken"
    message = Bilingual("该登录名已被使用。", "This login is taken.")
    remedy = Bilingual("请换一个登录名。", "Choose another.")


class SupportAccessEnded(Forbidden):
    """The tenant has not granted this operator support access, or it is over."""

    code = "support_access_ended"
    message = Bilingual("没有有效的支持访问授权。", "There is no support access in force.")
    remedy = Bilingual("请向租户申请新的授权。", "Ask the tenant to grant it again.")
