"""A bucket's own: names, ways to it, services that refuse, settings, diagnosis."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import obstore
import pytest

from steward_server.composition import make_file_store
from steward_server.diagnosis import stored_files
from steward_server.settings import Settings, SettingsError, load_settings
from steward_tenants.files.bucket import Bucket
from steward_tenants.files.errors import FilesUnreachable
from steward_tenants.files.object_store import PART, ObjectFileStore
from steward_tenants.files.store import LocalFileStore
from tests.cluster import Addresses
from tests.files.places import NAME, Objects, a_bucket, pieces, read
from tests.server.api.live import make_settings

MEGABYTE = 1024 * 1024


async def test_names_in_the_bucket_are_prefix_tenant_and_file(objects: Objects) -> None:
    tenant_id, file_id = uuid4(), uuid4()
    await objects.store.write(tenant_id, file_id, pieces(b"x"), 100)
    assert objects.keys == [f"some/where/{tenant_id}/{file_id}"]
    elsewhere = ObjectFileStore(replace(objects.store.bucket, prefix=""))
    assert await elsewhere.listing(tenant_id) == []
    await elsewhere.write(tenant_id, file_id, pieces(b"y"), 100)
    assert objects.keys == sorted([f"some/where/{tenant_id}/{file_id}", f"{tenant_id}/{file_id}"])
    assert await read(objects.store, tenant_id, file_id) == b"x"


async def test_variables_of_the_machine_do_not_lead_elsewhere(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_BUCKET": "another",
        "AWS_REGION": "eu-west-1",
        "AWS_SESSION_TOKEN": "stale",
        "AWS_ACCESS_KEY_ID": "another",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
    }.items():
        monkeypatch.setenv(name, value)
    store = ObjectFileStore(objects.store.bucket)
    url = await obstore.sign_async(store._objects, "GET", "x", timedelta(minutes=1))
    assert url.startswith(f"{objects.store.bucket.endpoint}/{NAME}/some/where/x?")
    assert "an-id" in url
    assert "us-east-1" in url
    assert "Security-Token" not in url


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({"endpoint": None, "path_style": False}, f"https://{NAME}.s3.eu-west-1.amazonaws.com/some/where/x?"),
        ({"endpoint": None}, f"https://s3.eu-west-1.amazonaws.com/{NAME}/some/where/x?"),
        (
            {"endpoint": None, "path_style": False, "region": "cn-north-1"},
            f"https://{NAME}.s3.cn-north-1.amazonaws.com.cn/some/where/x?",
        ),
        ({}, f"https://objects.example:9000/{NAME}/some/where/x?"),
        ({"path_style": False}, f"https://{NAME}.objects.example:9000/some/where/x?"),
    ],
)
async def test_the_bucket_stands_in_the_path_or_in_the_host(changes: dict[str, Any], begins: str) -> None:
    bucket = replace(a_bucket("https://objects.example:9000"), region="eu-west-1")
    store = ObjectFileStore(replace(bucket, **changes))
    assert (await obstore.sign_async(store._objects, "GET", "x", timedelta(minutes=1))).startswith(begins)


@dataclass
class Refusing:
    """A service that opens uploads and answers `status` to whatever matches `refuses`."""

    url: str
    asked: list[str]
    refuses: re.Pattern[str]
    status: int


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    """Refuses everything with 403 unless told otherwise."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = f"{self.command} {self.path}"
            told.asked.append(asked)
            refused = bool(told.refuses.search(asked))
            body = (
                b""
                if refused
                else b"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
            )
            self.send_response(told.status if refused else 204 if self.command == "DELETE" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"e"')
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told = Refusing(f"http://127.0.0.1:{server.server_port}", [], re.compile(""), 403)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


async def test_a_service_that_refuses_or_is_gone_is_a_typed_error(refusing: Refusing) -> None:
    tenant_id, file_id = uuid4(), uuid4()
    for endpoint in (refusing.url, "http://127.0.0.1:9"):
        store = ObjectFileStore(a_bucket(endpoint))
        for work in (
            store.write(tenant_id, file_id, pieces(b"x"), 100),
            store.write(tenant_id, file_id, pieces(bytes(2 * PART)), 2 * PART),
            read(store, tenant_id, file_id),
            store.delete(tenant_id, file_id),
            store.listing(tenant_id),
            store.remove_tenant(tenant_id),
        ):
            with pytest.raises(FilesUnreachable) as caught:
                await work
            assert caught.value.status == 503
            assert "Retry-After" in caught.value.headers()
            assert "a-secret" not in str(caught.value) + repr(store.bucket) + repr(store._objects)


@pytest.mark.parametrize("part", [1, 2, 3])
async def test_any_refused_part_takes_the_upload_back(refusing: Refusing, part: int) -> None:
    refusing.refuses = re.compile(f"partNumber={part}&")
    store = ObjectFileStore(a_bucket(refusing.url))
    size = 2 * PART + 10
    with pytest.raises(FilesUnreachable):
        await store.write(uuid4(), uuid4(), pieces(bytes(size)), size)
    assert any(re.match("DELETE .*uploadId=u1", asked) for asked in refusing.asked)


async def test_a_refused_part_ends_the_upload_and_takes_it_back(refusing: Refusing) -> None:
    refusing.refuses = re.compile("partNumber")
    store = ObjectFileStore(a_bucket(refusing.url))
    started = time.monotonic()

    async def endless() -> AsyncIterator[bytes]:
        while time.monotonic() < started + 60:
            yield bytes(MEGABYTE)

    with pytest.raises(FilesUnreachable):
        await store.write(uuid4(), uuid4(), endless(), 64 * 1024**3)
    assert any(re.match("DELETE .*uploadId=u1", asked) for asked in refusing.asked)


BUCKET_SETTINGS = {
    "files_bucket": NAME,
    "files_endpoint": "http://127.0.0.1:9000/",
    "files_access_key": "an-id",
    "files_secret_key": "a-secret",
    "files_prefix": "/some/where/",
}


def settings_with(monkeypatch: pytest.MonkeyPatch, addresses: Addresses, folder: Path, **values: str) -> Settings:
    """Settings as a process reads them from its environment."""
    for name in [name for name in os.environ if name.startswith("STEWARD_")]:
        monkeypatch.delenv(name)
    base = make_settings(addresses, "steward", folder, 8000)
    for name in ("database_url", "directory_url", "redis_url", "tenant_keys", "secret_keys"):
        monkeypatch.setenv(f"STEWARD_{name.upper()}", getattr(base, name).get_secret_value())
    monkeypatch.setenv("STEWARD_PUBLIC_URL", "https://steward.example.com")
    monkeypatch.setenv("STEWARD_FILES_PATH", str(folder / "files"))
    for name, value in values.items():
        monkeypatch.setenv(f"STEWARD_{name.upper()}", value)
    return load_settings(None)


@pytest.mark.parametrize(
    ("changes", "named", "says"),
    [
        ({"files_bucket": ""}, "FILES_BUCKET", "together with files_endpoint"),
        ({"files_bucket": "Großer Eimer"}, "FILES_BUCKET", "lower-case"),
        ({"files_endpoint": "ftp://objects.example"}, "FILES_ENDPOINT", "https://"),
        ({"files_endpoint": "https://objects.example/path"}, "FILES_ENDPOINT", "https://"),
        ({"files_endpoint": "https://id:hidden@objects.example"}, "FILES_ENDPOINT", "https://"),
        ({"files_endpoint": "https://objects.example:hidden"}, "FILES_ENDPOINT", "Port"),
        ({"files_endpoint": ""}, "FILES_REGION", "unless files_endpoint"),
        ({"files_region": "北京"}, "FILES_REGION", "pattern"),
        ({"files_access_key": ""}, "FILES_ACCESS_KEY", "together"),
        ({"files_secret_key": ""}, "FILES_SECRET_KEY", "together"),
        ({"files_access_key": "", "files_secret_key": ""}, "FILES_ACCESS_KEY", "together with files_endpoint"),
        ({"files_prefix": "a/../b"}, "FILES_PREFIX", "prefix"),
        ({"files_prefix": "a//b"}, "FILES_PREFIX", "prefix"),
        ({"files_path_style": "maybe"}, "FILES_PATH_STYLE", "boolean"),
    ],
)
def test_settings_that_do_not_fit_are_named_in_both_languages(
    monkeypatch: pytest.MonkeyPatch,
    addresses: Addresses,
    tmp_path: Path,
    changes: dict[str, str],
    named: str,
    says: str,
) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_with(monkeypatch, addresses, tmp_path, **{**BUCKET_SETTINGS, **changes})
    (problem,) = caught.value.problems
    assert problem.variable == f"STEWARD_{named}"
    assert says in problem.english
    assert "请在环境变量或 .env 中设为" in problem.chinese
    assert "见配置说明" not in problem.chinese
    assert "a-secret" not in str(caught.value)
    assert "hidden@" not in str(caught.value)


def test_the_settings_choose_the_store(monkeypatch: pytest.MonkeyPatch, addresses: Addresses, tmp_path: Path) -> None:
    local = make_file_store(settings_with(monkeypatch, addresses, tmp_path))
    assert isinstance(local, LocalFileStore)
    assert local.root == tmp_path / "files"
    settings = settings_with(monkeypatch, addresses, tmp_path, **BUCKET_SETTINGS)
    assert "a-secret" not in repr(settings)
    remote = make_file_store(settings)
    assert isinstance(remote, ObjectFileStore)
    assert remote.bucket == replace(a_bucket("http://127.0.0.1:9000"), path_style=True)
    amazon = {"files_bucket": NAME, "files_region": "cn-north-1"}
    remote = make_file_store(
        settings_with(
            monkeypatch,
            addresses,
            tmp_path,
            **amazon,
            files_endpoint="",
            files_access_key="",
            files_secret_key="",
            files_prefix="",
        )
    )
    assert isinstance(remote, ObjectFileStore)
    assert remote.bucket == Bucket(NAME, "cn-north-1", path_style=False)
    dotted = make_file_store(
        settings_with(monkeypatch, addresses, tmp_path, **{**amazon, "files_bucket": "files.example"})
    )
    assert isinstance(dotted, ObjectFileStore)
    assert dotted.bucket.path_style
    hosted = settings_with(monkeypatch, addresses, tmp_path, **BUCKET_SETTINGS, files_path_style="false")
    remote = make_file_store(hosted)
    assert isinstance(remote, ObjectFileStore)
    assert not remote.bucket.path_style


async def test_the_doctor_tries_the_bucket_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, addresses: Addresses, tmp_path: Path, objects: Objects, refusing: Refusing
) -> None:
    endpoint = objects.store.bucket.endpoint or ""

    async def tried(**changes: str) -> tuple[bool, str, str]:
        values = {**BUCKET_SETTINGS, "files_endpoint": endpoint, **changes}
        finding = await stored_files(settings_with(monkeypatch, addresses, tmp_path, **values))
        assert "a-secret" not in str(finding)
        return finding.ok, finding.seen, finding.remedy.en if finding.remedy else ""

    assert await tried() == (True, f"bucket {NAME} at {endpoint}", "")
    assert objects.remains() == 0
    ok, seen, remedy = await tried(files_bucket="no-such-bucket")
    assert not ok
    assert seen.startswith("write: ")
    assert "no such bucket" in remedy
    ok, seen, remedy = await tried(files_endpoint=refusing.url)
    assert not ok
    assert "ACCESS_KEY" in remedy
    ok, _, remedy = await tried(files_endpoint="http://127.0.0.1:9")
    assert not ok
    assert "ENDPOINT" in remedy
    refusing.refuses = re.compile("list-type")
    ok, seen, _ = await tried(files_endpoint=refusing.url)
    assert not ok
    assert seen.startswith("list: ")
    assert refusing.asked[-1].startswith("DELETE ")


async def test_the_doctor_looks_at_the_folder_when_no_bucket_is_set(
    monkeypatch: pytest.MonkeyPatch, addresses: Addresses, tmp_path: Path
) -> None:
    finding = await stored_files(settings_with(monkeypatch, addresses, tmp_path))
    assert finding.check == "files"
    assert "free" in finding.seen
