"""One request: only checked addresses are connected to, nothing is followed, and there is a limit to everything."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from steward_core.webhooks import delivery
from steward_core.webhooks.addresses import OutgoingPolicy
from steward_core.webhooks.delivery import LARGEST_ANSWER, Sender, connect, resolve
from tests.core.webhooks.conftest import THIS_MACHINE
from tests.core.webhooks.receiving import Receiver, answer, receiving

BODY = '{"name":"客户"}'.encode()


class Names:
    """A resolver that gives one answer after another and counts the questions."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Connections:
    """Notes where connections go, and makes them to this machine."""

    def __init__(self) -> None:
        self.to: list[str] = []

    async def __call__(self, address: Any, target: Any, context: Any) -> Any:
        self.to.append(str(address))
        return await connect(ip_address("127.0.0.1"), target, context)


async def post(receiver: Receiver, **parts: Any) -> delivery.Answered:
    """Send to a receiver by its address."""
    return await Sender(THIS_MACHINE, **parts).post(receiver.url(), BODY, {"Steward-Event": "a.b"})


async def test_a_request_arrives_as_it_was_made() -> None:
    async with receiving(answer(200, body=b"thanks")) as receiver:
        answered = await Sender(THIS_MACHINE).post(receiver.url("/in?a=1"), BODY, {"Steward-Event": "a.b"})
    assert (answered.response_code, answered.error) == (200, None)
    assert answered.duration_ms >= 0
    (one,) = receiver.received
    assert (one.line, one.body) == ("POST /in?a=1 HTTP/1.1", BODY)
    assert one.headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert one.headers["Content-Type"] == "application/json"
    assert (one.headers["Steward-Event"], one.headers["Connection"]) == ("a.b", "close")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_2xx_accepts(status: int) -> None:
    async with receiving(answer(status)) as receiver:
        assert (await post(receiver)).error is None


@pytest.mark.parametrize(("status", "error"), [(400, "status"), (410, "status"), (500, "status"), (304, "redirect")])
async def test_other_answers_do_not(status: int, error: str) -> None:
    async with receiving(answer(status)) as receiver:
        answered = await post(receiver)
    assert (answered.response_code, answered.error) == (status, error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    async with receiving() as secret:
        async with receiving(answer(status, f"Location: {secret.url('/admin')}")) as receiver:
            answered = await post(receiver)
        assert (answered.response_code, answered.error) == (status, "redirect")
        assert len(receiver.received) == 1
        assert secret.connections == 0


async def test_interim_answers_are_passed_over() -> None:
    async with receiving(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + answer(201)) as receiver:
        assert (await post(receiver)).response_code == 201


@pytest.mark.parametrize(
    "junk",
    [b"SSH-2.0-OpenSSH\r\n\r\n", b"220 mail ESMTP\r\n\r\n", b"\0" * 100 + b"\r\n\r\n", b"HTTP/1.1 9x9 X\r\n\r\n"],
)
async def test_what_is_no_http_is_told_so(junk: bytes) -> None:
    async with receiving(junk) as receiver:
        answered = await post(receiver)
    assert (answered.response_code, answered.error) == (None, "answer")


async def test_an_endless_head_is_not_read() -> None:
    async with receiving(b"HTTP/1.1 200 X\r\n" + b"A: b\r\n" * LARGEST_ANSWER) as receiver:
        assert (await post(receiver)).error == "answer"


async def test_endless_interim_answers_are_not_read() -> None:
    async with receiving(b"HTTP/1.1 100 Continue\r\n\r\n" * LARGEST_ANSWER) as receiver:
        assert (await post(receiver)).error == "answer"


async def test_a_body_is_not_waited_for() -> None:
    async with receiving(b"HTTP/1.1 200 X\r\nContent-Length: 1000000000\r\n\r\n") as receiver:
        assert (await post(receiver)).response_code == 200


async def test_a_connection_that_breaks_off() -> None:
    async with receiving(b"") as receiver:
        answered = await post(receiver)
    assert (answered.response_code, answered.error) == (None, "connection")


async def test_a_receiver_that_takes_its_time() -> None:
    async with receiving(delay=5) as receiver:
        answered = await post(receiver, seconds=0.2)
    assert (answered.response_code, answered.error) == (None, "timeout")


async def test_nobody_listens() -> None:
    async with receiving() as receiver:
        pass
    assert (await post(receiver)).error == "connection"


async def test_a_name_that_is_none() -> None:
    async def nowhere(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such name")

    assert (await Sender(THIS_MACHINE, resolve=nowhere).post("http://a.example/", BODY, {})).error == "name"


@pytest.mark.parametrize(
    "answers",
    [
        ["10.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["169.254.169.254"],
        ["127.0.0.1", "10.0.0.1"],
        ["8.8.8.8", "192.168.1.1"],
        ["fe80::1%eth0"],
        [],
    ],
)
async def test_names_that_lead_where_nobody_may_go(answers: Sequence[str]) -> None:
    connections = Connections()
    async with receiving() as receiver:
        sender = Sender(THIS_MACHINE, resolve=Names(answers), connect=connections)
        answered = await sender.post(receiver.url(host="hooks.example.com"), BODY, {})
        assert (answered.response_code, answered.error) == (None, "address")
    assert connections.to == []
    assert receiver.connections == 0


async def test_a_name_is_resolved_once_and_its_answer_is_what_is_connected_to() -> None:
    """A name that means another address by the time of the connection (DNS rebinding) gains nothing."""
    names, connections = Names(["127.0.0.1"], ["169.254.169.254"]), Connections()
    async with receiving() as receiver:
        sender = Sender(THIS_MACHINE, resolve=names, connect=connections)
        answered = await sender.post(receiver.url(host="hooks.example.com"), BODY, {})
        assert answered.error is None
        assert names.asked == [("hooks.example.com", receiver.port)]
        assert connections.to == ["127.0.0.1"]
        assert receiver.received[0].headers["Host"] == f"hooks.example.com:{receiver.port}"
        assert (await sender.post(receiver.url(host="hooks.example.com"), BODY, {})).error == "address"
    assert len(receiver.received) == 1


async def test_the_machine_s_own_names_lead_nowhere() -> None:
    async with receiving() as receiver:
        strict = Sender(OutgoingPolicy(http=True))
        assert (await strict.post(receiver.url(host="localhost"), BODY, {})).error == "address"
        assert (await strict.post(receiver.url(), BODY, {})).error == "url"
        assert (await Sender(OutgoingPolicy()).post(receiver.url(host="localhost"), BODY, {})).error == "url"
    assert receiver.connections == 0
    assert "127.0.0.1" in await resolve("127.0.0.1", 80)


async def test_the_next_address_is_tried_when_one_is_not_there() -> None:
    async with receiving() as receiver:
        sender = Sender(THIS_MACHINE, resolve=Names(["127.9.9.9", "127.0.0.1"]))
        assert (await sender.post(receiver.url(host="hooks.example.com"), BODY, {})).error is None


def _certificate(folder: Path, host: str) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "测试接收方")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


async def test_tls_is_with_the_name_over_the_checked_address(tmp_path: Path) -> None:
    context = _certificate(tmp_path, "hooks.example.com")
    seen: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
    here = Names(["127.0.0.1"])
    async with receiving(context=context) as receiver:
        sender = Sender(THIS_MACHINE, resolve=here, context=lambda: trusting)
        good = await sender.post(receiver.url(scheme="https", host="hooks.example.com"), BODY, {})
        other = await sender.post(receiver.url(scheme="https", host="other.example.com"), BODY, {})
        unknown = await Sender(THIS_MACHINE, resolve=here).post(
            receiver.url(scheme="https", host="hooks.example.com"), BODY, {}
        )
    assert (good.response_code, good.error) == (204, None)
    assert (other.error, unknown.error) == ("tls", "tls")
    assert seen[:2] == ["hooks.example.com", "other.example.com"]
    assert len(receiver.received) == 1


async def test_a_cancel_is_no_answer() -> None:
    async with receiving(delay=5) as receiver:
        task = asyncio.create_task(post(receiver))
        while not receiver.received:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
