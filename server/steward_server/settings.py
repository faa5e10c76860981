"""The platform's settings: environment variables `STEWARD_*` and a `.env` file. No secret has a default."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from steward_tenants.database.signing import parse_keys

PREFIX = "STEWARD_"
"""The length of a key in `STEWARD_TENANT_KEYS` and `STEWARD_SECRET_KEYS`, before base64."""


@dataclass(frozen=True)
class SettingProblem:
    """What is wrong with one variable, and what to do, in two languages; never the value itself."""

    variable: str
    chinese: str
    english: str


class SettingsError(Exception):
    """The settings can't be used; `problems` has each variable and its remedy, `str()` shows them all."""

    @classmethod
    def missing(cls, field: str) -> "SettingsError":
        """The error that a setting which this command needs is not set."""
        return cls([_problem((field,), "missing", "")])

    def __init__(self, problems: Sequence[SettingProblem]) -> None:
        self.problems = tuple(problems)
        lines = ["设置有误，无法启动。", "The settings are not usable."]
        for problem in self.problems:
            lines += [f"  {problem.variable}", f"    {problem.chinese}", f"    {problem.english}"]
        super().__init__("\n".join(lines))


def _key_list(value: SecretStr) -> SecretStr:
    parse_keys(value.get_secret_value())
    return value


def _url(schemes: Sequence[str], *, path: bool = False) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        _ = parts.port  # raises ValueError when it is no number
        if parts.scheme not in schemes:
            raise ValueError(f"the address must begin with {' or '.join(s + '://' for s in schemes)}")
        if not parts.hostname:
            raise ValueError("the address names no host")
        if path and len(parts.path) < 2:
            raise ValueError("the address names no database")
        return value

    return AfterValidator(check)


def _split(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _networks(value: list[str]) -> list[str]:
    for part in value:
        ip_network(part, strict=False)
    return value


def _issuer(value: str) -> str:
    parts = urlsplit(value)
    _ = parts.port
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("the address must be https://host[:port][/path]")
    return value.rstrip("/")


def _endpoint(value: str) -> str:
    parts = urlsplit(value)
    _ = parts.port
    more = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in ("http", "https") or not parts.hostname or more:
        raise ValueError("the address must be https://host[:port]")
    return value.rstrip("/")


def _bucket(value: str) -> str:
    if not _BUCKET.fullmatch(value):
        raise ValueError("a bucket's name has 3 to 63 lower-case letters, digits, dots or hyphens")
    return value


def _key_prefix(value: str) -> str:
    value = value.strip("/")
    if not _KEY_PREFIX.fullmatch(value) or {".", ".."} & set(value.split("/")):
        raise ValueError("a prefix has letters, digits, dots, hyphens and underscores, parted by slashes")
    return value


_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KEY_PREFIX = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
DatabaseUrl = Annotated[SecretStr, _url(("postgresql",), path=True)]
KeyList = Annotated[SecretStr, AfterValidator(_key_list)]


class Settings(BaseSettings):
    """All settings of a process. Secrets are masked in texts; `get_secret_value()` gives them."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    embedded: bool = False
    """True when the services are the embedded ones of `./steward up`."""
    database_url: DatabaseUrl
    """`postgresql://…` of the application's role, which row-level security binds."""
    directory_url: DatabaseUrl
    """`postgresql://…` of the role that sees the directory tables and no tenant table."""
    migration_url: DatabaseUrl | None = None
    """`postgresql://…` of the role that owns the tables; only migrations need it."""
    redis_url: Annotated[SecretStr, _url(("redis", "rediss"))]
    """`redis://` or `rediss://` of the queue server (Redis or Valkey)."""
    tenant_keys: KeyList
    """Keys that sign the tenant of a transaction; the first signs, all verify."""
    secret_keys: KeyList
    """Keys that encrypt stored secrets; the first encrypts, all decrypt."""
    public_url: Annotated[str, AfterValidator(_issuer)]
    """The address that browsers use, and the issuer of tokens; without a slash at its end."""
    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Field(ge=0, le=65535)] = 8000
    trusted_proxies: Annotated[
        list[str], NoDecode, BeforeValidator(_split), AfterValidator(_networks), Field(default_factory=list)
    ]
    """Addresses or networks, separated by commas, whose `X-Forwarded-*` headers are believed."""
    pool_size: Annotated[int, Field(ge=1, le=1000)] = 10
    """Database connections per process and role."""
    files_path: Path
    """The folder of uploaded files, unless they lie in a bucket."""
    files_bucket: Annotated[str, AfterValidator(_bucket)] | None = None
    """The bucket of uploaded files, at Amazon S3 or a service that speaks its protocol; None: the folder has them."""
    files_endpoint: Annotated[str, AfterValidator(_endpoint)] | None = None
    """`https://host[:port]` of the service; `http://` is taken as it is meant. None is Amazon's own."""
    files_region: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,40}$")] | None = None
    """The bucket's region; needed at Amazon, elsewhere `us-east-1` unless the service says otherwise."""
    files_access_key: str | None = None
    """The key's id. Without a key the role that Amazon gave the machine counts."""
    files_secret_key: SecretStr | None = None
    """The key's secret."""
    files_prefix: Annotated[str, AfterValidator(_key_prefix)] | None = None
    """What the names of all objects begin with, so that several installations can share a bucket."""
    files_path_style: bool | None = None
    """Whether the bucket stands in the path (true) or in the host's name; None: in the path at an own endpoint."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    otel_endpoint: str | None = None
    """The OTLP/HTTP address for traces; None sends none."""
    metrics_token: SecretStr | None = None
    """The bearer token for /metrics; None answers this machine's own requests only."""
    smtp_url: Annotated[SecretStr, _url(("smtp", "smtps"))] | None = None
    """`smtp://` or `smtps://` of the mail server; None sends no mail."""
    mail_from: str | None = None
    """The sender of mails; needed with `smtp_url`."""
    max_body_bytes: Annotated[int, Field(ge=1024)] = 10 * 1024 * 1024
    """The largest request body, in bytes."""
    statement_timeout_ms: Annotated[int, Field(ge=100)] = 15000
    """How long one SQL statement of a request may run, in milliseconds."""
    graphql_budget: Annotated[int, Field(ge=1_000)] = 60_000
    """Points of cost that one user or API client may spend in a minute."""
    graphql_connections: Annotated[int, Field(ge=1, le=100)] = 4
    """Pipelined database connections per process, for compiled reads."""
    graphql_introspection: bool = True
    """Whether the schema may be asked for; without it GraphiQL is not served either."""
    graphql_batching: Annotated[int, Field(ge=0, le=50)] = 0
    """How many operations one request may hold; 0 takes no batches."""
    prepared_statements: bool = True
    """False behind a pooler in transaction mode (PgBouncer)."""
    tenant_slots: Annotated[int, Field(ge=1, le=16)] | None = None
    """How many workers one tenant may occupy in a queue; None: one fewer than there are, so that one is always free."""
    webhook_networks: Annotated[
        list[str], NoDecode, BeforeValidator(_split), AfterValidator(_networks), Field(default_factory=list)
    ]
    """Addresses or networks, separated by commas, that webhooks may go to although they are not public."""
    webhook_http: bool = False
    """Whether webhooks may go to `http://` addresses, for test systems of the own network."""
    support_contact: str | None = None
    """Whom people are told to turn to: a mail address, a telephone number, a link."""

    @model_validator(mode="after")
    def _check_together(self) -> "Settings":
        parts = urlsplit(self.public_url)
        if parts.scheme != "https" and not self.embedded and not _is_loopback(parts.hostname or ""):
            raise ValueError("public_url: must be https unless its host is this machine")
        if self.smtp_url is not None and not self.mail_from:
            raise ValueError("mail_from: is needed together with smtp_url")
        self._check_bucket()
        return self

    def _check_bucket(self) -> None:
        given = [name for name in _BUCKET_SETTINGS if getattr(self, name) is not None]
        if self.files_bucket is None and given:
            raise ValueError(f"files_bucket: is needed together with {given[0]}")
        if (self.files_access_key is None) != (self.files_secret_key is None):
            missing = "files_secret_key" if self.files_secret_key is None else "files_access_key"
            raise ValueError(f"{missing}: the id and the secret of the key are needed together")
        if self.files_endpoint is not None and self.files_access_key is None:
            raise ValueError("files_access_key: is needed together with files_endpoint")
        if self.files_bucket is not None and self.files_endpoint is None and self.files_region is None:
            raise ValueError("files_region: is needed unless files_endpoint is set")


def load_settings(env_file: Path | str | None = ".env") -> Settings:
    """Read the environment and `env_file` (None: no file); the environment wins.

    Raises SettingsError, which names every wrong variable at once.
    """
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        problems = [_problem(item["loc"], item["type"], item["msg"]) for item in error.errors()]
    raise SettingsError(problems)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


_BUCKET_SETTINGS = (
    "files_endpoint",
    "files_region",
    "files_access_key",
    "files_secret_key",
    "files_prefix",
    "files_path_style",
)
_PG_ROLE = ("postgresql://用户:密码@主机:5432/数据库", "postgresql://user:password@host:5432/database")
_KEYS = (
    "“编号:密钥”，密钥为 32 个随机字节的 base64url，多个用逗号分隔，第一个用于签发",
    "id:key, the key being base64url of 32 random bytes; several are separated by commas, the first is used",
)
_HINTS: dict[str, tuple[str, str]] = {
    "database_url": _PG_ROLE,
    "directory_url": _PG_ROLE,
    "migration_url": _PG_ROLE,
    "redis_url": ("redis://:密码@主机:6379/0", "redis://:password@host:6379/0"),
    "tenant_keys": _KEYS,
    "secret_keys": _KEYS,
    "public_url": (
        "用户在浏览器中使用的 https 地址，例如 https://steward.example.com",
        "the https address that people use, such as https://steward.example.com",
    ),
    "files_path": ("存放上传文件的目录", "the folder for uploaded files"),
    "files_bucket": ("存放上传文件的存储桶名称", "the name of the bucket for uploaded files"),
    "files_endpoint": ("https://对象存储主机:端口", "https://host:port of the object storage"),
    "files_region": ("存储桶所在区域，例如 cn-north-1", "the bucket's region, such as cn-north-1"),
    "files_access_key": ("访问密钥的编号", "the id of the access key"),
    "files_secret_key": ("访问密钥的密文", "the secret of the access key"),
    "files_prefix": (
        "对象名称的前缀，例如 steward/production",
        "what objects' names begin with, such as steward/production",
    ),
    "files_path_style": ("true 或 false", "true or false"),
    "trusted_proxies": ("用逗号分隔的 IP 地址或网段", "IP addresses or networks separated by commas"),
    "log_level": ("debug、info、warning 或 error", "debug, info, warning or error"),
    "log_format": ("json 或 console", "json or console"),
    "smtp_url": ("smtp://用户:密码@主机:587", "smtp://user:password@host:587"),
    "mail_from": ("发件人地址", "the sender's address"),
    "embedded": ("true 或 false", "true or false"),
    "graphql_budget": ("每分钟的点数，例如 60000", "points a minute, such as 60000"),
    "graphql_connections": ("连接数，例如 4", "a number of connections, such as 4"),
    "graphql_introspection": ("true 或 false", "true or false"),
    "graphql_batching": ("0 到 50", "0 to 50"),
    "prepared_statements": ("true 或 false", "true or false"),
    "webhook_networks": ("用逗号分隔的 IP 地址或网段", "IP addresses or networks separated by commas"),
    "webhook_http": ("true 或 false", "true or false"),
    "tenant_slots": ("1 到 16；不设则由系统按工作进程数决定", "1 to 16; unset, it follows the number of workers"),
}


def _problem(location: tuple[int | str, ...], kind: str, message: str) -> SettingProblem:
    message = message.removeprefix("Value error, ")
    if location:
        # Not every location names the field alone: an alias gives the variable, a list adds its index.
        field = str(location[0]).lower().removeprefix(PREFIX.lower())
    else:
        field, _, message = message.partition(": ")
    hint = _HINTS.get(field, ("见配置说明", "see the configuration guide"))
    if kind == "missing":
        reason = ("尚未设置。", "is not set.")
    else:
        reason = (f"的值不可用（{message}）。", f"is not usable: {message}.")
    return SettingProblem(
        variable=PREFIX + field.upper(),
        chinese=f"{reason[0]}请在环境变量或 .env 中设为：{hint[0]}",
        english=f"{reason[1]} Set it in the environment or in .env to: {hint[1]}",
    )
