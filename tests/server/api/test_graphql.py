"""What the service hands to its GraphQL engine."""

from __future__ import annotations

import email
import email.policy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from steward_graphql.execution.engine import Engine, Request
from steward_tenants.access.permissions import PEOPLE_MANAGE, PEOPLE_VIEW
from steward_tenants.database.database import Database
from steward_tenants.signin.caller import Caller
from steward_tenants.signin.mail import FolderMailer
from tests import plain_http
from tests.factories import actor_with, make_member, make_tenant
from tests.server.api.live import Live
from tests.server.api.test_crossing import PASSWORD, make_person


async def test_an_invitation_leads_to_the_service(live: Live, database: Database, tmp_path: Path) -> None:
    tenant_id = await make_tenant(database)
    boss = await make_member(database, tenant_id)
    caller = Caller(
        tenant_id, actor_with(PEOPLE_MANAGE, PEOPLE_VIEW, user=boss), None, datetime.now(UTC) + timedelta(hours=1)
    )
    engine: Engine = live.app.state.graphql
    text = """mutation ($login: String!) { createPerson(input: {fields: {login: $login, name: "赵一"}}) {
      mailedTo url userErrors { code } } }"""
    login = f"zhao-{uuid4().hex[:10]}@example.test"
    mailer, engine._mailer = engine._mailer, FolderMailer(tmp_path, sender="steward@example.test")
    try:
        answer = live.run(engine.execute(Request(text, None, {"login": login}), caller))
    finally:
        engine._mailer = mailer
    assert json.loads(answer.body)["data"]["createPerson"] == {"mailedTo": login, "url": None, "userErrors": []}
    (file,) = list(tmp_path.iterdir())  # noqa: ASYNC240
    letter = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    body = letter.get_body(("plain",))
    assert body is not None
    assert f"{live.url}/invitation#token=" in body.get_content()


def test_a_link_on_a_foreign_page_reads_nothing(live: Live) -> None:
    """A browser sends the cookie along with it, and reading may be recorded; a program's token is nobody's cookie."""
    _, user = live.run(make_person(live))
    signed_in = plain_http.post(f"{live.url}/sign-in", json={"login": user.login, "password": PASSWORD}, timeout=30)
    token = signed_in.json()["access_token"]
    address = {"query": "{ viewer { name } }"}
    with plain_http.Client(base_url=live.url, cookies={"steward_session": token}) as page:
        for site, status in ((None, 200), ("none", 200), ("same-origin", 200), ("same-site", 200), ("cross-site", 403)):
            headers = {} if site is None else {"Sec-Fetch-Site": site}
            answer = page.get("/graphql", params=address, headers=headers)
            assert answer.status_code == status, site
        assert answer.json()["errors"][0]["extensions"]["code"] == "foreign_origin"
    headers = {"Sec-Fetch-Site": "cross-site", "Authorization": f"Bearer {token}"}
    assert plain_http.get(f"{live.url}/graphql", params=address, headers=headers).status_code == 200
