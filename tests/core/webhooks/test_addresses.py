"""Where webhooks may go: no form of an address, no answer of a resolver and no URL leads into the own network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steward_core.webhooks.addresses import OutgoingPolicy, allowed, checked, read_target
from steward_core.webhooks.errors import AddressRefused
from steward_tenants.errors import InvalidInput

STRICT = OutgoingPolicy()
LOOSE = OutgoingPolicy((ip_network("127.0.0.0/8"), ip_network("0.0.0.0/0"), ip_network("::/0")), http=True)
OWN_NETWORKS = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
PUBLIC = ("8.8.8.8", "114.114.114.114", "1.1.1.1", "2400:3200::1", "2606:4700:4700::1111")

own_v4 = st.sampled_from(OWN_NETWORKS).flatmap(
    lambda text: st.integers(0, ip_network(text).num_addresses - 1).map(
        lambda place: ip_network(text).network_address + place
    )
)


def _embedded(v4: IPv4Address) -> list[IPv6Address]:
    number = int(v4)
    return [
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address(number),
        IPv6Address((0x64FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | (number << 80)),
        IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF)),
    ]


@given(own_v4)
def test_no_address_of_an_own_network_is_allowed_in_any_form(address: IPv4Address) -> None:
    assert not allowed(address, STRICT)
    for disguised in _embedded(address):
        assert not allowed(disguised, STRICT), disguised


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
@example(IPv4Address("168.63.129.16"))
@example(IPv4Address("8.8.8.8"))
def test_what_is_allowed_is_public(address: IPv4Address) -> None:
    if allowed(address, STRICT):
        assert address.is_global
        flags = (address.is_multicast, address.is_reserved, address.is_private, address.is_loopback)
        assert not any(flags)
    assert not allowed(IPv6Address(f"::ffff:{address}"), LOOSE), "v4 in disguise is refused whatever it hides"


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
@example(IPv6Address("::1"))
@example(IPv6Address("fc00::1"))
@example(IPv6Address("fe80::1"))
@example(IPv6Address("fec0::1"))
@example(IPv6Address("ff02::1"))
@example(IPv6Address("2001:db8::1"))
@example(IPv6Address("2002:7f00:1::"))
def test_v6_is_allowed_only_as_global_unicast(address: IPv6Address) -> None:
    if allowed(address, STRICT):
        assert address in ip_network("2000::/3")
        assert not any((address.is_private, address.sixtofour, address.teredo, address.ipv4_mapped))


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_allowed(text: str) -> None:
    assert checked([text], STRICT)
    assert read_target(f"https://[{text}]/" if ":" in text else f"https://{text}/", STRICT).secure


def test_the_operator_lets_networks_in_but_never_what_holds_credentials_of_the_machine() -> None:
    office = OutgoingPolicy((ip_network("10.20.0.0/16"), ip_network("fd12::/16")))
    assert allowed(IPv4Address("10.20.3.4"), office)
    assert allowed(IPv6Address("fd12::9"), office)
    assert not allowed(IPv4Address("10.21.0.1"), office)
    for text in ("169.254.169.254", "100.100.100.200", "168.63.129.16", "0.0.0.1", "224.0.0.1", "255.255.255.255"):
        assert not allowed(IPv4Address(text), LOOSE), text
    for text in ("::", "fd00:ec2::254", "fe80::1", "ff02::1", "::ffff:10.20.0.1"):
        assert not allowed(IPv6Address(text), LOOSE), text
    assert not allowed(IPv6Address("fe80::1%eth0"), LOOSE)


@given(st.lists(st.sampled_from(PUBLIC), max_size=5), own_v4, st.data())
def test_one_bad_answer_among_good_ones_spoils_them(good: list[str], bad: IPv4Address, data: st.DataObject) -> None:
    answers = list(good)
    answers.insert(data.draw(st.integers(0, len(good))), str(bad))
    with pytest.raises(AddressRefused):
        checked(answers, STRICT)
    if good:
        assert {str(address) for address in checked(good, STRICT)} == set(good)


def test_no_answer_or_an_odd_one_is_refused() -> None:
    for answers in ([], ["localhost"], ["1.1.1.1", ""]):
        with pytest.raises(AddressRefused):
            checked(answers, STRICT)


def _forms(address: IPv4Address) -> list[str]:
    number, parts = int(address), address.packed
    return [
        str(number),
        hex(number),
        f"0{number:o}",
        ".".join(f"0{part:o}" for part in parts),
        ".".join(hex(part) for part in parts),
        f"{parts[0]}.{number & 0xFFFFFF}",
        f"{parts[0]}.{parts[1]}.{number & 0xFFFF}",
        f"{address}.",
        f"0x{parts[0]:x}.{parts[1]}.{parts[2]}.{parts[3]}",
    ]


@given(own_v4)
@example(IPv4Address("127.0.0.1"))
def test_no_spelling_of_an_own_address_is_a_url(address: IPv4Address) -> None:
    for text in (*_forms(address), str(address), f"[::ffff:{address}]", f"[::{address}]", f"[64:ff9b::{address}]"):
        with pytest.raises(InvalidInput):
            read_target(f"https://{text}/x", STRICT)


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_addresses_have_one_spelling(address: IPv4Address) -> None:
    for text in _forms(address):
        if text.rstrip(".") != str(address):
            with pytest.raises(InvalidInput):
                read_target(f"https://{text}/", LOOSE)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example.com/", "scheme"),
        ("ftp://hooks.example.com/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("//hooks.example.com/", "scheme"),
        ("hooks.example.com", "scheme"),
        ("https://user:pass@hooks.example.com/", "credentials"),
        ("https://user@hooks.example.com/", "credentials"),
        ("https://hooks.example.com@10.0.0.1/", "credentials"),
        ("https://@hooks.example.com/", "credentials"),
        ("https://hooks.example.com\\@10.0.0.1/", "form"),
        ("https://hooks.example.com/a#b", "fragment"),
        ("https://hooks.example.com/#", "fragment"),
        ("https://hooks.example.com:22/", "port"),
        ("https://hooks.example.com:25/", "port"),
        ("https://hooks.example.com:0/", "port"),
        ("https://hooks.example.com:80/", "port"),
        ("https://hooks.example.com:99999/", "form"),
        ("https://hooks.example.com:x/", "form"),
        ("https://", "host"),
        ("https:///path", "host"),
        ("https://./", "host"),
        ("https://a..b/", "host"),
        ("https://-a.example/", "host"),
        ("https://%31%32%37.0.0.1/", "host"),
        ("https://[::1", "form"),
        ("https://[fe80::1%25eth0]/", "host"),
        ("https://[::1]/", "address"),
        ("https://127.0.0.1/", "address"),
        ("https://127.1/", "host"),
        ("https://2130706433/", "host"),
        ("https://0x7f.0.0.1/", "host"),
        ("https://0177.0.0.1/", "host"),
        ("https://１２７.０.０.１/", "form"),
        ("https://127。0。0。1/", "form"),
        ("https://例子.example/", "form"),
        ("https://hooks.example.com/a b", "form"),
        ("https://hooks.example.com/\r\nX: y", "form"),
        ("https://hooks.example.com/\x00", "form"),
        ("", "form"),
        ("https://hooks.example.com/" + "a" * 2_000, "form"),
    ],
)
def test_urls_that_are_refused(url: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_target(url, STRICT)
    (problem,) = refused.value.problems
    assert (problem.path, problem.code) == (("url",), code)


def test_a_url_is_taken_apart() -> None:
    target = read_target("https://Hooks.Example.COM./in?a=1&b=%20", STRICT)
    assert (target.secure, target.host, target.port, target.path) == (True, "hooks.example.com", 443, "/in?a=1&b=%20")
    assert target.authority == "hooks.example.com"
    assert read_target("https://xn--fiqs8s.example:8443", STRICT).authority == "xn--fiqs8s.example:8443"
    assert read_target("https://[2400:3200:0::1]:8443/", STRICT).authority == "[2400:3200::1]:8443"
    plain = read_target("http://hooks.example.com/", LOOSE)
    assert (plain.secure, plain.port) == (False, 80)


@given(st.text(max_size=60), st.sampled_from(("https://", "http://", "HTTPS://", "")))
def test_whatever_is_given_is_a_target_or_refused(text: str, scheme: str) -> None:
    try:
        target = read_target(scheme + text, STRICT)
    except InvalidInput:
        return
    assert target.secure
    assert target.host.isascii()
    assert not set(target.host + target.path) & set("\r\n\t @\\#")
