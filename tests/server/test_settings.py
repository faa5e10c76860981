"""The settings: what is needed, what is refused, and how that is said."""

import base64
import os
from pathlib import Path

import pytest

from steward_server.embedded.home import EmbeddedError, EmbeddedHome
from steward_server.settings import Settings, SettingsError, load_settings
from steward_tenants.database.signing import parse_keys

KEY = base64.urlsafe_b64encode(bytes(range(224, 256))).decode()
GOOD = {
    "STEWARD_DATABASE_URL": "postgresql://app:pw@db/steward",
    "STEWARD_DIRECTORY_URL": "postgresql://directory:pw@db:5433/steward",
    "STEWARD_REDIS_URL": "redis://:pw@queue:6379/0",
    "STEWARD_TENANT_KEYS": f"k1:{KEY}",
    "STEWARD_SECRET_KEYS": f"s1:{KEY.rstrip('=')}",
    "STEWARD_PUBLIC_URL": "https://steward.example.com/",
    "STEWARD_FILES_PATH": "/srv/steward/files",
}


@pytest.fixture(autouse=True)
def _only_these_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("STEWARD_")]:
        monkeypatch.delenv(name)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


def problems() -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return {problem.variable: problem.english for problem in caught.value.problems}


def test_the_good_ones() -> None:
    settings = load_settings()
    assert settings.database_url.get_secret_value() == GOOD["STEWARD_DATABASE_URL"]
    assert settings.public_url == "https://steward.example.com"
    assert (settings.embedded, settings.pool_size, settings.max_body_bytes) == (False, 10, 10485760)
    assert settings.trusted_proxies == []
    assert "pw" not in repr(settings)
    assert KEY not in repr(settings)


def test_everything_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        monkeypatch.delenv(name)
    assert set(problems()) == set(GOOD)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    text = str(caught.value)
    assert "STEWARD_DATABASE_URL" in text
    assert "尚未设置" in text
    assert "is not set" in text


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("STEWARD_DATABASE_URL", "mysql://u:hidden@h/d", "postgresql://"),
        ("STEWARD_DATABASE_URL", "postgresql://u:hidden@h", "no database"),
        ("STEWARD_DIRECTORY_URL", "postgresql:///d", "no host"),
        ("STEWARD_MIGRATION_URL", "postgresql://u:p@h:hidden/d", "Port"),
        ("STEWARD_REDIS_URL", "http://hidden", "redis://"),
        ("STEWARD_TENANT_KEYS", "hidden", "id"),
        ("STEWARD_TENANT_KEYS", "k1:hidden!", "not base64url"),
        ("STEWARD_SECRET_KEYS", "s1:aGlkZGVu", "shorter than 32 bytes"),
        ("STEWARD_SECRET_KEYS", f"s1:{KEY},s1:{KEY}", "twice"),
        ("STEWARD_PUBLIC_URL", "http://steward.example.com", "https"),
        ("STEWARD_PUBLIC_URL", "steward.example.com", "https"),
        ("STEWARD_LISTEN_PORT", "hidden", "integer"),
        ("STEWARD_POOL_SIZE", "0", "greater"),
        ("STEWARD_TRUSTED_PROXIES", "10.0.0.0/8, hidden", "IPv4"),
        ("STEWARD_LOG_FORMAT", "xml", "json"),
        ("STEWARD_SMTP_URL", "smtp://mail:587", "smtp_url"),
    ],
)
def test_a_wrong_one_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str) -> None:
    monkeypatch.setenv(variable, value)
    found = problems()
    named = "STEWARD_MAIL_FROM" if variable == "STEWARD_SMTP_URL" else variable
    assert set(found) == {named}
    assert says in found[named]


@pytest.mark.parametrize(
    "value", ["mysql://u:hidden@h/d", "postgresql://u:hidden@h", "postgresql://u:hidden@h:99999/d"]
)
def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("STEWARD_DATABASE_URL", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_http_on_this_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("STEWARD_PUBLIC_URL", url)
    assert load_settings().public_url == url


def test_lists_take_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1")
    assert load_settings().trusted_proxies == ["10.0.0.0/8", "192.0.2.1"]


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "STEWARD_SUPPORT_CONTACT=电话 10086\nSTEWARD_POOL_SIZE=7\nOTHER=1\nSTEWARD_UNKNOWN=1\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("STEWARD_POOL_SIZE", "8")
    settings = load_settings()
    assert (settings.support_contact, settings.pool_size) == ("电话 10086", 8)
    assert load_settings(None).support_contact is None


def test_keys_keep_their_order() -> None:
    keys = parse_keys(f"new:{KEY}, old:{KEY}")
    assert [key.key_id for key in keys] == ["new", "old"]
    assert keys[0].secret == bytes(range(224, 256))


def test_no_secret_has_a_default() -> None:
    for name, field in Settings.model_fields.items():
        if "Secret" in str(field.annotation):
            assert field.is_required() or field.default is None, name


def test_a_home_gives_usable_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in GOOD:
        monkeypatch.delenv(name)
    home = EmbeddedHome(tmp_path / "家 a")
    for name, value in home.settings_environment(5433, "redis://:pw@127.0.0.1:6380/0", 8001).items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.embedded
    assert settings.listen_port == 8001
    assert [key.key_id for key in parse_keys(settings.tenant_keys.get_secret_value())] == ["k1"]
    assert [key.key_id for key in parse_keys(settings.secret_keys.get_secret_value())] == ["s1"]
    assert "steward_app:" in settings.database_url.get_secret_value()
    assert "steward_directory:" in settings.directory_url.get_secret_value()
    assert settings.migration_url is not None
    assert settings.files_path == tmp_path / "家 a" / "files"


def test_secrets_are_made_once_and_are_private(tmp_path: Path) -> None:
    first = EmbeddedHome(tmp_path / "a").secrets
    assert EmbeddedHome(tmp_path / "a").secrets == first
    assert EmbeddedHome(tmp_path / "b").secrets != first
    assert (tmp_path / "a" / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert first.demo_password not in repr(first)
    password = first.demo_password
    assert len(password) >= 12
    for kind in (str.isupper, str.islower, str.isdigit, lambda c: not c.isalnum()):
        assert any(kind(letter) for letter in password)


def test_secrets_of_an_older_home_are_completed(tmp_path: Path) -> None:
    home = EmbeddedHome(tmp_path / "a")
    first = home.secrets
    file = home.path / "secrets.json"
    file.write_text(f'{{"postgres_password": "{first.postgres_password}"}}')
    second = home.secrets
    assert second.postgres_password == first.postgres_password
    assert second.demo_password
    file.write_text("{")
    with pytest.raises(EmbeddedError, match=r"secrets\.json"):
        _ = home.secrets
