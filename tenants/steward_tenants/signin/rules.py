"""Pure decisions of sign-in: what a password must be, which step comes next, when a session ends.

Every figure is data: a profile of the directory's `PasswordProfile`, or one of the attempt limits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache, reduce
from typing import Any

from steward_tenants.directory.models import PasswordProfile
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class SignInPolicy:
    """The figures of one profile, or the strictest of several.

    Lengths are in characters after NFKC, `max_bytes` in bytes of UTF-8. `classes` of the four kinds (capital, small,
    digit, other) must be present. A password ends after `max_age_days` (None: never) and may not equal one of the
    last `remembered`. Sessions end after `idle_seconds` without use and `absolute_seconds` in any case.
    """

    min_length: int
    max_length: int
    max_bytes: int
    classes: int
    max_age_days: int | None
    remembered: int
    idle_seconds: int
    absolute_seconds: int


HOUR = 3600
DAY = 24 * HOUR

PROFILES: dict[PasswordProfile, SignInPolicy] = {
    PasswordProfile.MODERN: SignInPolicy(
        min_length=12,
        max_length=128,
        max_bytes=512,
        classes=1,
        max_age_days=None,
        remembered=1,
        idle_seconds=8 * HOUR,
        absolute_seconds=30 * DAY,
    ),
    PasswordProfile.DJBH3: SignInPolicy(
        min_length=10,
        max_length=128,
        max_bytes=512,
        classes=3,
        max_age_days=90,
        remembered=5,
        idle_seconds=HOUR // 2,
        absolute_seconds=12 * HOUR,
    ),
}


def strictest(policies: Iterable[SignInPolicy]) -> SignInPolicy:
    """The policy at least as strict as each of `policies` in every figure; of none, the modern profile."""
    listed = tuple(policies)
    return reduce(_stricter, listed) if listed else PROFILES[PasswordProfile.MODERN]


def _stricter(one: SignInPolicy, other: SignInPolicy) -> SignInPolicy:
    ages = [age for age in (one.max_age_days, other.max_age_days) if age is not None]
    return SignInPolicy(
        min_length=max(one.min_length, other.min_length),
        max_length=min(one.max_length, other.max_length),
        max_bytes=min(one.max_bytes, other.max_bytes),
        classes=max(one.classes, other.classes),
        max_age_days=min(ages) if ages else None,
        remembered=max(one.remembered, other.remembered),
        idle_seconds=min(one.idle_seconds, other.idle_seconds),
        absolute_seconds=min(one.absolute_seconds, other.absolute_seconds),
    )


@dataclass(frozen=True)
class AttemptLimits:
    """How many attempts are let through in a window, and the locks that follow: each twice as long, up to a cap.

    Alike in every profile: if they differed, the lock would tell whether a login exists.
    """

    attempts: int
    window_seconds: int
    first_lock_seconds: int
    longest_lock_seconds: int


ACCOUNT_LIMITS = AttemptLimits(attempts=5, window_seconds=900, first_lock_seconds=600, longest_lock_seconds=1800)
ADDRESS_LIMITS = AttemptLimits(attempts=100, window_seconds=600, first_lock_seconds=60, longest_lock_seconds=900)
REQUEST_LIMITS = AttemptLimits(attempts=3, window_seconds=900, first_lock_seconds=300, longest_lock_seconds=1800)
"""For requests that send a mail to a person."""

INVITATION_LIFE = timedelta(days=7)
RESET_LIFE = timedelta(minutes=30)
CHALLENGE_LIFE = timedelta(minutes=5)

GUESSES_ENOUGH = 10**8
"""A password that zxcvbn expects to fall within fewer guesses is refused."""
ZXCVBN_LENGTH = 72
REST_ENOUGH = 6
"""How many characters must stay when a person's own words are taken out of a password."""
REST_WITHOUT_LETTERS = 10
"""The same, when what stays are digits and signs only."""
RUN_SHARE = 0.75
"""A password of which this share are keyboard neighbours or repeats in a row is refused."""


def normalised(password: str) -> str:
    """The form in which a password is checked and hashed: NFKC, so that every keyboard types the same bytes."""
    return unicodedata.normalize("NFKC", password)


def fits(password: str, policy: SignInPolicy) -> bool:
    """Whether a normalised password is short enough to be hashed at all."""
    return len(password) <= policy.max_length and len(password.encode()) <= policy.max_bytes


def classes_of(password: str) -> int:
    """How many of the four kinds of characters occur: capitals, small letters, digits, anything else."""
    kinds = (str.isupper, str.islower, str.isdecimal)
    found = {next((i for i, kind in enumerate(kinds) if kind(character)), 3) for character in password}
    return len(found)


def password_problems(
    password: str, policy: SignInPolicy, own_words: Collection[str] = (), *, field: str = "password"
) -> list[FieldProblem]:
    """What is wrong with a normalised password under `policy`; empty when it will do.

    `own_words` are the person's login, name and companies, which the password may not be built from.
    """
    problems: list[tuple[str, Bilingual]] = []
    if not fits(password, policy):
        return [
            FieldProblem(
                (field,),
                "too_long",
                Bilingual("密码过长，最多 {n} 个字符。", "The password is too long: {n} characters at most.").fill(
                    n=policy.max_length
                ),
            )
        ]
    if len(password) < policy.min_length:
        text = Bilingual("密码至少 {n} 个字符。", "Use at least {n} characters.")
        problems.append(("too_short", text.fill(n=policy.min_length)))
    if any(unicodedata.category(character) == "Cc" for character in password):
        problems.append(
            (
                "control_character",
                Bilingual("密码不能含控制字符。", "Control characters are not allowed."),
            )
        )
    if classes_of(password) < policy.classes:
        text = Bilingual(
            "密码须含大写字母、小写字母、数字、其他字符中的至少 {n} 类。",
            "Use at least {n} of: capitals, small letters, digits, other characters.",
        )
        problems.append(("too_few_classes", text.fill(n=policy.classes)))
    if (weakness := _weakness(password, own_words)) is not None:
        problems.append(weakness)
    return [FieldProblem((field,), code, text) for code, text in problems]


def _weakness(password: str, own_words: Collection[str]) -> tuple[str, Bilingual] | None:
    folded = password.casefold()
    if folded in _dictionaries()["passwords"]:
        return "known_password", Bilingual(
            "该密码在已泄露的常用密码表中。", "This password is on the list of known passwords."
        )
    if _in_runs(folded) >= RUN_SHARE:
        return "keyboard_run", Bilingual(
            "密码主要由键盘顺序或重复字符组成。", "The password is mostly a keyboard run or repeats."
        )
    words = word_parts(own_words)
    own = (
        "own_words",
        Bilingual("密码由您的登录名、姓名或公司名组成。", "The password is built from your login, name or company."),
    )
    if _mostly_words(folded, words):
        return own
    head = password[:ZXCVBN_LENGTH]
    estimate = _estimate(head, sorted(words)) if head else {}
    if estimate.get("guesses", GUESSES_ENOUGH) >= GUESSES_ENOUGH:
        return None
    if any(part.get("dictionary_name") == "user_inputs" for part in estimate["sequence"]):
        return own
    return "easily_guessed", Bilingual(
        "密码容易被猜中，请使用更长或更少见的组合。",
        "The password is easily guessed: use a longer or rarer one.",
    )


@cache
def _dictionaries() -> dict[str, dict[str, int]]:
    """zxcvbn's lists, the top passwords among them. Read at first use: most processes never check a new password."""
    from zxcvbn.matching import RANKED_DICTIONARIES  # noqa: PLC0415

    lists: dict[str, dict[str, int]] = RANKED_DICTIONARIES
    return dict(lists)


def _estimate(password: str, words: Sequence[str]) -> Mapping[str, Any]:
    """zxcvbn's `guesses` and `sequence`. Its own entry point keeps the words of the last caller in a global, where
    another thread's password, of another tenant, would be compared with them."""
    from zxcvbn.matching import build_ranked_dict, omnimatch  # noqa: PLC0415
    from zxcvbn.scoring import most_guessable_match_sequence  # noqa: PLC0415

    lists = {**_dictionaries(), "user_inputs": build_ranked_dict(words)}
    matches = omnimatch(password, lists)
    estimate: Mapping[str, Any] = most_guessable_match_sequence(password, matches)
    return estimate


def _mostly_words(folded: str, words: Collection[str]) -> bool:
    rest = folded
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= 3 or not word.isascii():
            rest = rest.replace(word, "")
    enough = REST_ENOUGH if any(character.isalpha() for character in rest) else REST_WITHOUT_LETTERS
    return rest != folded and len(rest) < enough


def word_parts(own_words: Iterable[str]) -> frozenset[str]:
    """The words themselves and their parts between dots, hyphens, spaces and @, of at least two characters."""
    parts = {part for word in own_words for part in (word, *re.split(r"[\s@._\-]+", word))}
    return frozenset(unicodedata.normalize("NFKC", part).casefold() for part in parts if len(part) > 1)


@cache
def _neighbours() -> frozenset[tuple[str, str]]:
    from zxcvbn.adjacency_graphs import ADJACENCY_GRAPHS  # noqa: PLC0415

    graph: Mapping[str, Sequence[str | None]] = ADJACENCY_GRAPHS["qwerty"]
    pairs: set[tuple[str, str]] = set()
    for key, around in graph.items():
        for keys in filter(None, around):
            pairs.update((key, other) for other in keys)
    return frozenset(pairs)


def _in_runs(text: str) -> float:
    """The share of characters that stand in a run of at least three neighbours, repeats or consecutive ones."""
    in_run = [False] * len(text)
    run = 1
    for position in range(1, len(text) + 1):
        if position < len(text) and _adjoin(text[position - 1], text[position]):
            run += 1
            continue
        if run >= 3:
            in_run[position - run : position] = [True] * run
        run = 1
    return sum(in_run) / len(text) if text else 0.0


def _adjoin(one: str, other: str) -> bool:
    return abs(ord(one) - ord(other)) <= 1 or (one, other) in _neighbours()


def password_expired(since: datetime, now: datetime, policy: SignInPolicy) -> bool:
    """Whether a password set at `since` has reached its age."""
    return policy.max_age_days is not None and now >= since + timedelta(days=policy.max_age_days)


def session_ended(
    last_seen: datetime, expires_at: datetime, revoked_at: datetime | None, now: datetime, idle_seconds: int
) -> bool:
    """Whether a session is over: revoked, at its absolute end, or idle for too long."""
    return revoked_at is not None or now >= expires_at or now >= last_seen + timedelta(seconds=idle_seconds)


class Step(StrEnum):
    """What a person whose password was right has still to do before a session opens."""

    SECOND_FACTOR = "second_factor"
    PASSWORD = "password"
    ENROL = "enrol"
    DONE = "done"


def next_step(
    *, has_second_factor: bool, passed_second_factor: bool, must_change: bool, second_factor_required: bool
) -> Step:
    """The second factor comes before a forced change of password, so that a stolen password cannot change itself."""
    if has_second_factor and not passed_second_factor:
        return Step.SECOND_FACTOR
    if must_change:
        return Step.PASSWORD
    if second_factor_required and not has_second_factor:
        return Step.ENROL
    return Step.DONE
