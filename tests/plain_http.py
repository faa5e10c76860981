"""httpx towards servers of our own, which speak no TLS: reading the world's certificates for each call costs more than the
call."""

from __future__ import annotations

import ssl
from functools import partial

import httpx

_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

request = partial(httpx.request, verify=_NOBODY)
get = partial(httpx.get, verify=_NOBODY)
post = partial(httpx.post, verify=_NOBODY)
delete = partial(httpx.delete, verify=_NOBODY)
Client = partial(httpx.Client, verify=_NOBODY)
AsyncClient = partial(httpx.AsyncClient, verify=_NOBODY)
