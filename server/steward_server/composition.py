"""Making the parts of a process from its settings."""

from __future__ import annotations

from steward_core.runs.service import RunTools
from steward_server.settings import Settings
from steward_tenants.database.database import Database, DatabaseSettings
from steward_tenants.database.floors import load_floors
from steward_tenants.database.signing import parse_keys
from steward_tenants.files.bucket import Bucket
from steward_tenants.files.store import FileStore, LocalFileStore
from steward_tenants.signin.mail import FolderMailer, Mailer, SmtpMailer


def make_database(settings: Settings) -> Database:
    """The database kit, with the tables of all floors declared."""
    load_floors()
    return Database(
        DatabaseSettings(
            application_url=settings.database_url.get_secret_value(),
            directory_url=settings.directory_url.get_secret_value(),
            tenant_keys=parse_keys(settings.tenant_keys.get_secret_value()),
            secret_keys=parse_keys(settings.secret_keys.get_secret_value()),
            pool_size=settings.pool_size,
            statement_timeout_ms=settings.statement_timeout_ms,
            prepared_statements=settings.prepared_statements,
        )
    )


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
