"""`steward tenant`: the life of tenants, for operators."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from steward_server.cli.acting import TenantKey, operator_here, tenant_id_or_key
from steward_server.cli.output import AsJson, Progress, Yes, confirm, say, show
from steward_server.cli.workplace import work
from steward_server.composition import make_file_store, make_mailer
from steward_server.settings import Settings
from steward_tenants.configuration.queries import TenantFacts, all_tenants
from steward_tenants.database.database import Database
from steward_tenants.directory.models import PasswordProfile
from steward_tenants.lifecycle.deletion import due_for_purge, purge_tenant, request_deletion
from steward_tenants.lifecycle.export import Exported, export_tenant
from steward_tenants.lifecycle.restore import restore_tenant
from steward_tenants.lifecycle.rules import MINIMUM_GRACE_DAYS
from steward_tenants.lifecycle.service import Founder, create_tenant, resume_tenant, suspend_tenant
from steward_tenants.signin.accounts import ensure_account
from steward_tenants.signin.recovery import invite

app = typer.Typer(no_args_is_help=True, help="租户。Tenants, for operators.", rich_markup_mode=None)

Reason = Annotated[str, typer.Option("--reason", help="原因，租户可见。Why; the tenant can see it.")]


def _row(tenant: TenantFacts) -> dict[str, Any]:
    return {
        "key": tenant.key,
        "name": tenant.name,
        "status": tenant.status.value,
        "reason": tenant.status_reason,
        "delete_after": tenant.delete_after,
        "locale": tenant.locale,
        "time_zone": tenant.time_zone,
        "id": str(tenant.id),
    }


@app.command("list")
def list_tenants(as_json: AsJson = False) -> None:
    """List tenants. 例 example: steward tenant list --json"""

    async def task(database: Database, _settings: Settings) -> list[TenantFacts]:
        return await all_tenants(database)

    show([_row(tenant) for tenant in work(task)], as_json=as_json)


@app.command("create")
def create(
    key: TenantKey,
    name: Annotated[str, typer.Option(help="公司名称。The company's name.")],
    admin: Annotated[str, typer.Option(help="租户管理员登录名（邮箱）。The tenant admin's login.")],
    admin_name: Annotated[str, typer.Option(help="租户管理员姓名。Their name.")],
    security: Annotated[str, typer.Option(help="安全管理员登录名，须为另一人。The security admin's login.")],
    security_name: Annotated[str, typer.Option(help="安全管理员姓名。Their name.")],
    time_zone: Annotated[str, typer.Option(help="时区。IANA time zone.")] = "Asia/Shanghai",
    locale: Annotated[str, typer.Option(help="zh-CN 或 en。")] = "zh-CN",
    passwords: Annotated[PasswordProfile, typer.Option(help="密码策略。Password policy.")] = PasswordProfile.MODERN,
    as_json: AsJson = False,
) -> None:
    """Create a tenant and invite its first two people. Run again, it completes what was interrupted.

    例 example: steward tenant create huaxin --name 华信通信 --admin a@hx.example --admin-name 王岚 --security
    s@hx.example --security-name 李默
    """

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        actor = operator_here()
        created = await create_tenant(
            database,
            actor,
            key=key,
            name=name,
            admin=Founder(admin, admin_name),
            security_admin=Founder(security, security_name),
            locale=locale,
            time_zone=time_zone,
            password_profile=passwords,
        )
        mailer = make_mailer(settings)
        sent = []
        for user_id in (created.admin_id, created.security_admin_id):
            invitation = await invite(
                database, mailer, created.tenant.id, actor, user_id, public_url=settings.public_url
            )
            sent.append(invitation.mailed_to)
        return {**_row(created.tenant), "invited": sent}

    show([work(task)], as_json=as_json)


@app.command("suspend")
def suspend(key: TenantKey, reason: Reason, as_json: AsJson = False) -> None:
    """Shut a tenant: its people, API clients and jobs are refused, nothing is lost. 例 example: steward tenant suspend
    huaxin --reason 欠费"""

    async def task(database: Database, _settings: Settings) -> TenantFacts:
        return await suspend_tenant(database, tenant_id_or_key(key), operator_here(), reason=reason)

    show([_row(work(task))], as_json=as_json)


@app.command("resume")
def resume(
    key: TenantKey,
    reason: Annotated[str | None, typer.Option("--reason", help="原因。Why.")] = None,
    as_json: AsJson = False,
) -> None:
    """Open a suspended tenant again, or take its deletion back. 例 example: steward tenant resume huaxin"""

    async def task(database: Database, _settings: Settings) -> TenantFacts:
        return await resume_tenant(database, tenant_id_or_key(key), operator_here(), reason=reason)

    show([_row(work(task))], as_json=as_json)


def _archive_row(exported: Exported) -> dict[str, Any]:
    return {
        "path": str(exported.path),
        "sha256": exported.sha256,
        "rows": sum(table.rows for table in exported.manifest.tables),
        "files": exported.manifest.files.count,
    }


@app.command("export")
def export(
    key: TenantKey,
    to: Annotated[Path, typer.Option("--to", help="写入的文件。The archive to write.")],
    reason: Annotated[str | None, typer.Option("--reason", help="原因，租户可见。Why; the tenant sees it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write everything of a tenant into one archive, from one view of its data.

    例 example: steward tenant export huaxin --to huaxin.steward.zip
    """

    async def task(database: Database, settings: Settings) -> Exported:
        return await export_tenant(
            database,
            make_file_store(settings),
            tenant_id_or_key(key),
            operator_here(),
            to.absolute(),
            progress=Progress("导出 export"),
            reason=reason,
        )

    show([_archive_row(work(task))], as_json=as_json)


@app.command("restore")
def restore(
    key: TenantKey,
    archive: Annotated[Path, typer.Option("--from", help="导出的文件。The archive.")],
    name: Annotated[str | None, typer.Option(help="新租户名称。The new tenant's name.")] = None,
    sha256: Annotated[str | None, typer.Option(help="导出时给出的校验值。The digest given at export.")] = None,
    as_json: AsJson = False,
) -> None:
    """Load an archive into a new tenant KEY. 例 example: steward tenant restore huaxin-2 --from huaxin.steward.zip"""

    async def task(database: Database, settings: Settings) -> TenantFacts:
        return await restore_tenant(
            database,
            make_file_store(settings),
            archive,
            key,
            operator_here(),
            name=name,
            expected_sha256=sha256,
            progress=Progress("恢复 restore"),
        )

    show([_row(work(task))], as_json=as_json)


@app.command("delete")
def delete(
    key: TenantKey,
    to: Annotated[Path, typer.Option("--to", help="删除前完整导出到的目录。Folder for the full export made first.")],
    reason: Reason,
    grace_days: Annotated[int, typer.Option(help="宽限期（天）。Days until it may be erased.")] = MINIMUM_GRACE_DAYS,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Shut a tenant, export it, and set the day after which `tenant purge` erases it; `tenant resume` takes it back.

    例 example: steward tenant delete huaxin --to /backup --reason 合同终止
    """
    confirm(f"删除租户 {key}？ Delete tenant {key}?", yes)

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        facts, exported = await request_deletion(
            database,
            make_file_store(settings),
            tenant_id_or_key(key),
            operator_here(),
            to.absolute(),
            grace_days=grace_days,
            reason=reason,
            progress=Progress("导出 export"),
        )
        return {**_row(facts), **_archive_row(exported)}

    show([work(task)], as_json=as_json)


@app.command("purge")
def purge(
    key: Annotated[str | None, typer.Argument(metavar="[TENANT]", help="不填则为全部到期者。All that are due.")] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erase tenants whose grace period is over, for good. 例 example: steward tenant purge --yes"""
    confirm("彻底删除？此操作不可撤销。 Erase for good?", yes)

    async def task(database: Database, settings: Settings) -> list[dict[str, Any]]:
        due = [tenant_id_or_key(key)] if key else await due_for_purge(database)
        done = []
        for tenant in due:
            purged = await purge_tenant(
                database, make_file_store(settings), tenant, operator_here(), progress=Progress(f"删除 erase {tenant}")
            )
            done.append({"id": str(purged.tenant_id), "rows": sum(purged.rows.values())})
        return done

    show(work(task), as_json=as_json)


@app.command("operator")
def add_operator(login: Annotated[str, typer.Argument(help="登录名。Login.")]) -> None:
    """Make an account that tenants can grant support access to.

    例 example: steward tenant operator ops@steward.example
    """

    async def task(database: Database, _settings: Settings) -> None:
        async with database.directory() as directory:
            await ensure_account(directory, login, is_operator=True)

    work(task)
    say("已就绪；请用密码重置设置密码。 Ready; a password reset sets the password.")
