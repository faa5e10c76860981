"""Which bucket files lie in, and the way to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Bucket:
    """A bucket and the way to it.

    `endpoint` is `http(s)://host[:port]`, None for Amazon's own of `region`. Without a key, the role that Amazon gave
    this machine counts. `path_style` puts the bucket into the path instead of the host's name.
    """

    name: str
    region: str
    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    prefix: str = ""
    path_style: bool = True

    @property
    def address(self) -> str:
        """The address that requests go to, with the bucket in the host's name unless the style is by path."""
        base = self.endpoint or f"https://s3.{self.region}.{_amazon_domain(self.region)}"
        if self.path_style:
            return base.rstrip("/")
        parts = urlsplit(base)
        return f"{parts.scheme}://{self.name}.{parts.netloc}"


def _amazon_domain(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
