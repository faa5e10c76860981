"""An OAuth request as Authlib wants to see it, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.util import extract_basic_authorization

MOST_FIELDS = 40


@dataclass(frozen=True)
class Answer:
    """What an endpoint answers: a JSON body, or a redirection in `Location`."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def location(self) -> str | None:
        """Where it redirects to, if it does."""
        return self.headers.get("Location")


@dataclass(frozen=True)
class OAuthParameters:
    """The parameters of a request, each at most once, and its Authorization header."""

    method: str
    values: Mapping[str, str]
    authorization: str | None = None

    @classmethod
    def parse(cls, method: str, encoded: str, authorization: str | None = None) -> OAuthParameters:
        """Read form-urlencoded parameters; empty ones count as absent.

        Raises InvalidRequestError for repeated, too many or unreadable ones.
        """
        try:
            pairs = parse_qsl(encoded, max_num_fields=MOST_FIELDS, errors="strict")
        except ValueError:
            raise InvalidRequestError("The parameters cannot be read.") from None
        values = dict(pairs)
        if len(values) != len(pairs):
            raise InvalidRequestError("A parameter is repeated.")
        if any("\0" in value for value in values.values()):
            raise InvalidRequestError("A parameter has a forbidden character.")
        return cls(method, values, authorization)

    def get(self, name: str) -> str | None:
        """A parameter, or None."""
        return self.values.get(name)

    def client_id(self) -> str | None:
        """The client that presents itself, by header or by parameter.

        Raises InvalidRequestError when it does so in two ways.
        """
        named = self.get("client_id")
        if self.authorization is None:
            return named
        if self.get("client_secret") is not None:
            raise InvalidRequestError("The client authenticates in two ways.")
        presented = self._basic()
        if named is not None and named != presented:
            raise InvalidRequestError("The request names two clients.")
        return presented

    def _basic(self) -> str | None:
        try:
            client_id: str | None = extract_basic_authorization({"Authorization": self.authorization})[0]
        except ValueError:
            return None
        return client_id


class Payload(OAuth2Payload):  # type: ignore[misc]  # Authlib has no types
    """The parameters, for Authlib."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    @property
    def data(self) -> dict[str, str]:
        return self._values

    @property
    def datalist(self) -> dict[str, list[str]]:
        return {name: [value] for name, value in self._values.items()}


class ProviderRequest(OAuth2Request):  # type: ignore[misc]  # Authlib has no types
    """A request, for Authlib. Whether plain http will do is the settings' to say, so it is told https."""

    def __init__(self, parameters: OAuthParameters) -> None:
        headers = {} if parameters.authorization is None else {"Authorization": parameters.authorization}
        super().__init__(parameters.method, "https://provider.invalid/", headers=headers)
        self.payload = Payload(parameters.values)

    @property
    def args(self) -> dict[str, str]:
        values: dict[str, str] = self.payload.data
        return values

    @property
    def form(self) -> dict[str, str]:
        values: dict[str, str] = self.payload.data
        return values
