"""The operator's word for tests: http, to this machine."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from steward_core.webhooks import jobs  # noqa: F401 - declares the kinds of jobs
from steward_core.webhooks.addresses import OutgoingPolicy, deliver_within

THIS_MACHINE = OutgoingPolicy((ip_network("127.0.0.0/8"),), http=True)


@pytest.fixture
def this_machine() -> Iterator[OutgoingPolicy]:
    """Webhooks may go to this machine."""
    deliver_within(THIS_MACHINE)
    yield THIS_MACHINE
    deliver_within(OutgoingPolicy())
