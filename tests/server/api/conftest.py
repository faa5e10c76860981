"""One running application for the tests of the edge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster import Addresses
from tests.server.api.live import Live, serving


@pytest.fixture(scope="session")
def live(addresses: Addresses, database_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The application over this worker's database."""
    with serving(addresses, database_name, tmp_path_factory.mktemp("live")) as running:
        yield running
