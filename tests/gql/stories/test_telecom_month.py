"""A month at the telecom company by GraphQL alone."""

from __future__ import annotations

from tests.gql.stories.house import ENABLE, House


def test_x(house: House) -> None:
    admin = house.person("admin@huaxin.example")
    print(admin.do(ENABLE, plugin="telecom"))
    print(admin.ask("{ tenant { today } units { nodes { id code } } me { id } people { nodes { id login } } }"))
