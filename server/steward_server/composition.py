"""Making the parts of a process from its settings."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from steward_core.runs.service import RunTools
from steward_core.webhooks.addresses import OutgoingPolicy, deliver_within
from steward_server.settings import Settings
from steward_tenants.database.database import Database, DatabaseSettings
from steward_tenants.database.floors import load_floors
from steward_tenants.database.signing import parse_keys
from steward_tenants.files.bucket import Bucket
from steward_tenants.files.store import FileStore, LocalFileStore
from steward_tenants.outbox.jobs import JobTools
from steward_tenants.signin.mail import FolderMailer, Mailer, SmtpMailer

if TYPE_CHECKING:
    from steward_workers.composition import Composition

HORSE_CONNECTIONS = 5
"""Database connections per work-horse and role: a job, its keeper, and sessions that the job opens side by side."""


def make_database(settings: Settings, pool_size: int | None = None) -> Database:
    """The database kit, with the tables of all floors declared and the operator's limits to webhooks in force;
    `pool_size` other than that of the settings."""
    load_floors()
    deliver_within(make_outgoing_policy(settings))
    return Database(
        DatabaseSettings(
            application_url=settings.database_url.get_secret_value(),
            directory_url=settings.directory_url.get_secret_value(),
            tenant_keys=parse_keys(settings.tenant_keys.get_secret_value()),
            secret_keys=parse_keys(settings.secret_keys.get_secret_value()),
            pool_size=settings.pool_size if pool_size is None else pool_size,
            statement_timeout_ms=settings.statement_timeout_ms,
            prepared_statements=settings.prepared_statements,
        )
    )


def make_outgoing_policy(settings: Settings) -> OutgoingPolicy:
    """Where webhooks may go beside https to public addresses."""
    networks = tuple(ip_network(text, strict=False) for text in settings.webhook_networks)
    return OutgoingPolicy(networks, settings.webhook_http)


def make_file_store(settings: Settings) -> FileStore:
    """Where files lie: a bucket when one is set, otherwise a folder."""
    bucket = make_bucket(settings)
    if bucket is None:
        return LocalFileStore(settings.files_path)
    from steward_tenants.files.object_store import ObjectFileStore  # noqa: PLC0415 - 4 MB, where a bucket is used

    return ObjectFileStore(bucket)


def make_bucket(settings: Settings) -> Bucket | None:
    """The bucket that is set, if any. A service of one's own seldom has a host name for each bucket."""
    if settings.files_bucket is None:
        return None
    path_style = settings.files_path_style
    if path_style is None:
        # A dot in the name is one label more than Amazon's certificate covers.
        path_style = settings.files_endpoint is not None or "." in settings.files_bucket
    secret = settings.files_secret_key
    return Bucket(
        name=settings.files_bucket,
        region=settings.files_region or "us-east-1",
        endpoint=settings.files_endpoint,
        access_key=settings.files_access_key,
        secret_key=secret.get_secret_value() if secret else None,
        prefix=settings.files_prefix or "",
        path_style=path_style,
    )


def make_mailer(settings: Settings) -> Mailer:
    """The mail server that is set; without one, letters become files beside the uploaded ones."""
    if settings.smtp_url is None or settings.mail_from is None:
        return FolderMailer(settings.files_path.parent / "mail")
    return SmtpMailer(settings.smtp_url.get_secret_value(), settings.mail_from)


def make_run_tools(settings: Settings) -> RunTools:
    """What chunks of runs may use: the file store, and a folder for copies of files."""
    spool = settings.files_path.parent / "spool"
    spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    return RunTools(make_file_store(settings), spool)


def make_job_tools(settings: Settings) -> JobTools:
    """What jobs may use beside their tenant's data."""
    tools = make_run_tools(settings)
    return JobTools(tools.files, make_mailer(settings), settings.public_url, tools.spool)


def make_worker_composition(settings: Settings) -> Composition:
    """What workers are given. A work-horse does one job at a time, so it needs few connections."""
    from steward_workers.composition import Composition  # noqa: PLC0415 - API processes have no workers

    return Composition(
        settings.redis_url.get_secret_value(),
        lambda: make_database(settings, min(settings.pool_size, HORSE_CONNECTIONS)),
        lambda: make_job_tools(settings),
    )
