"""A plugin's settings in a tenant: opened from what is stored, sealed for storing, shown without secrets.

Only what the tenant set is stored, so that a default which a later version brings reaches every tenant that did not
decide otherwise. Stored names that the model no longer has are left aside; `plan` lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, SecretStr

from steward_core.industry.declarations import PluginSettings
from steward_tenants.database.session import TenantSession

SET, UNSET = "set", "unset"


def secret_fields(model: type[BaseModel]) -> frozenset[str]:
    """The settings that are encrypted at rest: those of type SecretStr, or SecretStr or None."""
    return frozenset(name for name, field in model.model_fields.items() if mentions_secret(field.annotation))


def mentions_secret(annotation: Any) -> bool:
    """Whether SecretStr stands anywhere in a type."""
    return annotation is SecretStr or any(mentions_secret(part) for part in get_args(annotation))


def opened(
    session: TenantSession, plugin: str, model: type[PluginSettings], stored: Mapping[str, Any]
) -> PluginSettings:
    """The settings that a tenant stored, validated. Raises pydantic.ValidationError, or Unreadable for a secret whose
    key is not among those given."""
    return model.model_validate(known_values(session, plugin, model, stored))


def known_values(
    session: TenantSession, plugin: str, model: type[PluginSettings], stored: Mapping[str, Any]
) -> dict[str, Any]:
    """What is stored of the settings that the model has, secrets decrypted. Raises Unreadable."""
    secret = secret_fields(model)
    return {
        name: session.vault.decrypt(value, place_of(session, plugin, name))
        if name in secret and value is not None
        else value
        for name, value in stored.items()
        if name in model.model_fields
    }


def sealed(session: TenantSession, plugin: str, settings: PluginSettings) -> dict[str, Any]:
    """What is stored of validated settings: JSON values of those that were set, secrets encrypted."""
    secret = secret_fields(type(settings))
    stored: dict[str, Any] = settings.model_dump(mode="json", exclude_unset=True, exclude=set(secret))
    for name in secret & settings.model_fields_set:
        value: SecretStr | None = getattr(settings, name)
        stored[name] = (
            None if value is None else session.vault.encrypt(value.get_secret_value(), place_of(session, plugin, name))
        )
    return stored


def shown(settings: PluginSettings) -> dict[str, Any]:
    """Every setting as a JSON value; of a secret only whether it is set."""
    secret = secret_fields(type(settings))
    values: dict[str, Any] = settings.model_dump(mode="json", exclude=set(secret))
    for name in secret:
        values[name] = SET if getattr(settings, name) is not None else UNSET
    return {name: values[name] for name in type(settings).model_fields}


def place_of(session: TenantSession, plugin: str, name: str) -> str:
    """Where a secret stands, which its ciphertext is bound to."""
    return f"{session.tenant_id}/plugin_switch/{plugin}/{name}"
