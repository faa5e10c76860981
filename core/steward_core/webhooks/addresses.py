"""Where webhooks may go. Pure decisions: what a URL must look like, and which addresses are never connected to.

A tenant chooses the URL, the platform's own network connects to it. So nothing but public addresses counts, whatever
the form in which a name or a number leads to another; the operator may let in further networks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from steward_core.webhooks.errors import AddressRefused
from steward_core.webhooks.models import LONGEST_URL
from steward_tenants.errors import InvalidInput, invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SCHEMES = {"https": 443, "http": 80}
FIRST_FREE_PORT = 1024
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRINTABLE = re.compile(r"[!-~]+")
_BRACKETED = re.compile(r"[0-9a-f:.]+")

NEVER: tuple[Network, ...] = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "169.254.169.254/32",
            "168.63.129.16/32",
            "100.100.100.200/32",
            "192.0.0.192/32",
            "224.0.0.0/3",
            "::/128",
            "::ffff:0:0/96",
            "fd00:ec2::254/128",
            "fd20:ce::254/128",
            "fe80::/10",
            "ff00::/8",
        ),
    )
)
"""Not even the operator's list opens these: nobody's address, everybody's, v4 in disguise, and where clouds keep the
machine's own credentials."""
NOT_PUBLIC: tuple[Network, ...] = tuple(
    map(
        ip_network,
        (
            "100.64.0.0/10",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
        ),
    )
)
"""Beside what the standard library knows: shared, benchmark and documentation ranges, and tunnels (Teredo, 6to4) that
lead to v4 addresses written inside."""
GLOBAL_UNICAST = IPv6Network("2000::/3")


@dataclass(frozen=True)
class OutgoingPolicy:
    """What the operator allows beside https to public addresses: networks, and http."""

    networks: tuple[Network, ...] = ()
    http: bool = False


_policy = OutgoingPolicy()


def deliver_within(policy: OutgoingPolicy) -> None:
    """Have this process check URLs and addresses by `policy`; without it, the strictest counts."""
    global _policy  # noqa: PLW0603 - the operator's one choice for the process
    _policy = policy


def outgoing_policy() -> OutgoingPolicy:
    """The policy of this process."""
    return _policy


@dataclass(frozen=True)
class Target:
    """A URL taken apart. `host` is a name in lower case or the plain form of an address; `path` has the query too."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = SCHEMES["https" if self.secure else "http"]
        return host if self.port == usual else f"{host}:{self.port}"


def read_target(url: str, policy: OutgoingPolicy) -> Target:
    """A URL that may be an endpoint, taken apart. Raises InvalidInput, which names `url` and what is wrong."""
    if not _PRINTABLE.fullmatch(url) or "\\" in url or len(url) > LONGEST_URL:
        raise invalid(
            "url",
            "form",
            f"地址应为不超过 {LONGEST_URL} 个字符的 ASCII 文本，不含空格；中文域名请写成 xn-- 形式。",
            f"Use at most {LONGEST_URL} ASCII characters without spaces; write other scripts' hosts as xn--….",
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise invalid("url", "form", "不是有效的地址。", "It is no valid URL.") from None
    if parts.scheme not in SCHEMES or (parts.scheme == "http" and not policy.http):
        raise invalid("url", "scheme", "地址须以 https:// 开头。", "The URL begins with https://.")
    if "@" in parts.netloc:
        raise invalid("url", "credentials", "地址中不得含用户名或密码。", "The URL holds no user name or password.")
    if "#" in url:
        raise invalid("url", "fragment", "地址中不得含 # 部分。", "The URL has no fragment (#).")
    secure = parts.scheme == "https"
    usual = SCHEMES[parts.scheme]
    port = usual if port is None else port
    if port != usual and port < FIRST_FREE_PORT:
        raise invalid(
            "url",
            "port",
            f"端口应为 {usual} 或不小于 {FIRST_FREE_PORT}。",
            f"Use port {usual} or one from {FIRST_FREE_PORT}.",
        )
    path = parts.path or "/"
    return Target(secure, _host(parts.netloc, policy), port, f"{path}?{parts.query}" if parts.query else path)


def _host(netloc: str, policy: OutgoingPolicy) -> str:
    if netloc.startswith("["):
        inside, closed, rest = netloc[1:].partition("]")
        text = inside.lower()
        if not closed or (rest and not rest.startswith(":")) or not _BRACKETED.fullmatch(text):
            raise _no_host()
    else:
        text = netloc.partition(":")[0].lower().removesuffix(".")
    labels = text.split(".")
    if netloc.startswith("[") or _NUMERIC.fullmatch(labels[-1]):
        # A host whose last label is a number is an address to everybody who resolves it, in forms such as 0x7f.1.
        return str(_literal(text, policy))
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _no_host()
    return text


def _literal(text: str, policy: OutgoingPolicy) -> Address:
    try:
        address = ip_address(text)
    except ValueError:
        raise _no_host() from None
    if not allowed(address, policy):
        raise invalid(
            "url",
            "address",
            "该地址不是公网地址，不允许访问。",
            "This is no public address; it may not be connected to.",
        )
    return address


def _no_host() -> InvalidInput:
    return invalid("url", "host", "地址中的主机无效。", "The URL's host is not valid.")


def allowed(address: Address, policy: OutgoingPolicy) -> bool:
    """Whether an address may be connected to."""
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    if _within(address, NEVER):
        return False
    return _within(address, policy.networks) or _public(address)


def _public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return (
        address.is_global and not address.is_multicast and not address.is_reserved and not _within(address, NOT_PUBLIC)
    )


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def checked(answers: Sequence[str], policy: OutgoingPolicy) -> list[Address]:
    """The addresses that a name led to, all of them allowed; one that is not spoils the others: whoever answers with
    it means no good, or the name is one of the own network. Raises AddressRefused."""
    addresses = []
    for text in answers:
        try:
            address = ip_address(text)
        except ValueError:
            raise AddressRefused from None
        if not allowed(address, policy):
            raise AddressRefused
        addresses.append(address)
    if not addresses:
        raise AddressRefused
    return list(dict.fromkeys(addresses))
