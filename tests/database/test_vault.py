"""Secrets at rest: they open with their key, at their place, unchanged, and not otherwise."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_tenants.database.signing import NamedKey
from steward_tenants.database.vault import Unreadable, Vault
from tests.cluster import SECRET_KEYS

VAULT = Vault(SECRET_KEYS)
NEWER = NamedKey("s2", b"a key for the time after the first one")
texts = st.text(max_size=200)
places = st.text(max_size=60)


@given(texts, places)
def test_what_is_encrypted_opens(text: str, place: str) -> None:
    value = VAULT.encrypt(text, place)
    assert value.startswith("s1.")
    assert VAULT.decrypt(value, place) == text
    assert value != VAULT.encrypt(text, place), "equal texts do not look equal"


@given(texts, places, places)
def test_a_value_that_was_moved_does_not_open(text: str, place: str, other: str) -> None:
    if place != other:
        with pytest.raises(Unreadable):
            VAULT.decrypt(VAULT.encrypt(text, place), other)


@given(texts, st.data())
def test_a_value_that_was_changed_does_not_open(text: str, data: st.DataObject) -> None:
    key_id, _, encoded = VAULT.encrypt(text, "here").partition(".")
    raw = bytearray(base64.urlsafe_b64decode(encoded))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Unreadable):
        VAULT.decrypt(f"{key_id}.{base64.urlsafe_b64encode(raw).decode()}", "here")


@given(st.one_of(st.text(), st.text().map("s1.{}".format), st.binary(max_size=40).map(lambda raw: f"s1.{raw.hex()}")))
def test_anything_else_is_unreadable(value: str) -> None:
    with pytest.raises(Unreadable):
        VAULT.decrypt(value, "here")


def test_keys_rotate() -> None:
    both = Vault((NEWER, *SECRET_KEYS))
    old = VAULT.encrypt("秘密", "here")
    assert both.decrypt(old, "here") == "秘密"
    assert both.outdated(old)
    new = both.encrypt("秘密", "here")
    assert not both.outdated(new)
    with pytest.raises(Unreadable, match="no key named 's2'"):
        VAULT.decrypt(new, "here")
    with pytest.raises(Unreadable, match="no key named 's1'"):
        Vault((NEWER,)).decrypt(old, "here")


def test_the_same_name_with_another_secret_opens_nothing() -> None:
    with pytest.raises(Unreadable, match="does not belong"):
        Vault((NamedKey("s1", NEWER.secret),)).decrypt(VAULT.encrypt("x", "here"), "here")


@given(texts, texts, places, places)
def test_digests_tell_equality_at_one_place_only(text: str, other: str, place: str, elsewhere: str) -> None:
    digest = VAULT.digest(text, place)
    assert len(bytes.fromhex(digest)) == 16
    assert (digest == VAULT.digest(other, place)) is (text == other)
    assert (digest == VAULT.digest(text, elsewhere)) is (place == elsewhere)
    assert digest != Vault((NEWER,)).digest(text, place)
