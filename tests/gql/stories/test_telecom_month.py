"""A month at the telecom company by GraphQL alone: an account manager's day, a hand-over and its undoing, an import and
its undoing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.gql.stories.house import ENABLE, House, Person, demo_rows

BOSS, ZHAO, SUN = "chen.li@huaxin.example", "zhao.ning@huaxin.example", "sun.yue@huaxin.example"
ADMIN = "admin@huaxin.example"
CLIENTS = 24
FORMS = ("form:telecom.vpn_group", "form:telecom.communication_profile")


def test_a_month_at_the_telecom_company(house: House) -> None:
    admin, boss, zhao, sun = (house.person(login) for login in (ADMIN, BOSS, ZHAO, SUN))
    assert admin.do(ENABLE, plugin="telecom")["enabled"] is True
    today = date.fromisoformat(admin.ask("{ tenant { today } }")["tenant"]["today"])
    fill(boss, today)

    client = stale_client(zhao, today)
    look_at(zhao, client, today)
    write_a_note(zhao, client)
    report(zhao, client, today)
    add_a_contact(zhao, client)
    out_of_reach(zhao, sun, client)
    hand_over_and_back(boss, zhao, sun, client, today)
    import_and_undo(admin, boss)


def fill(boss: Person, today: date) -> None:
    """The team lead takes over the first clients of the demo company, half for each account manager."""
    rows = demo_rows("telecom", today, ("ENT-EAST", "ENT-EAST"), (ZHAO, SUN))
    codes = {row["code"] for row in rows["client"][:CLIENTS]}
    assert len(boss.take("client", rows["client"][:CLIENTS])) == CLIENTS
    for target in ("contact", "contract", *FORMS):
        boss.take(target, [row for row in rows[target] if row["client"] in codes])
    assert boss.ask("{ clients { totalCount } records { totalCount } }")["clients"]["totalCount"] == CLIENTS


def stale_client(zhao: Person, today: date) -> str:
    """Contracts that end soon, the nearest first; the trigger and the filter speak of the same clients."""
    found = zhao.ask(
        """{
          triggers { key title { zhCN } }
          triggerRows(key: "clients.contract_ending", first: 100) {
            rows { clientId clientName dueOn figures client { name owner { login } } }
            faults { plugin }
          }
          clients(first: 100, filter: {contractEndsWithin: 90}) { nodes { id } }
          mine: clients { totalCount }
        }"""
    )
    rows = found["triggerRows"]["rows"]
    assert found["mine"]["totalCount"] == CLIENTS // 2
    assert ("clients.contract_ending", "合同即将到期") in {
        (one["key"], one["title"]["zhCN"]) for one in found["triggers"]
    }
    assert found["triggerRows"]["faults"] == []
    assert rows
    assert {row["clientId"] for row in rows} == {node["id"] for node in found["clients"]["nodes"]}
    assert {row["client"]["owner"]["login"] for row in rows} == {ZHAO}
    assert [row["dueOn"] for row in rows] == sorted(row["dueOn"] for row in rows)
    assert all(date.fromisoformat(row["dueOn"]) <= today + timedelta(days=90) for row in rows)
    identifier: str = rows[0]["clientId"]
    return identifier


def look_at(zhao: Person, client: str, today: date) -> None:
    """A client with what hangs on it: phones masked, typed records, the contract that ends."""
    found = zhao.ask(
        """query ($client: ID!, $from: Date!) { client(id: $client) {
          name status tier openArrears
          contacts(orderBy: [{field: MAIN, direction: DESC}]) { nodes { name phone main roles } }
          contracts(filter: {endOn: {gte: $from}}, orderBy: [{field: END_ON}], first: 1) { nodes { number standing endOn amount } }
          records { totalCount nodes { __typename id title ... on TelecomVpnGroup { groupNumber agreementEnd } } }
          telecomVpnGroups { aggregate { sum { membersNow } } }
          telecomVpnMembers
        } }""",
        client=client,
        **{"from": today.isoformat()},
    )["client"]
    phones = {one["phone"] for one in found["contacts"]["nodes"]}
    assert phones
    assert all(phone.startswith("••••") for phone in phones)
    assert found["contacts"]["nodes"][0]["main"] is True
    (contract,) = found["contracts"]["nodes"]
    assert contract["standing"] == "ACTIVE"
    assert {one["__typename"] for one in found["records"]["nodes"]} <= {
        "TelecomVpnGroup",
        "TelecomCommunicationProfile",
    }
    assert found["telecomVpnMembers"] == found["telecomVpnGroups"]["aggregate"]["sum"]["membersNow"]


def write_a_note(zhao: Person, client: str) -> None:
    """Sent twice under one key it is one note; the key with another text is refused."""
    note = """mutation ($client: ID!, $body: String!) {
      writeNote(input: {clientId: $client, body: $body, idempotencyKey: "visit-1"}) {
        note { id body author { name } client { noteCount } } userErrors { code messageEn }
      }
    }"""
    first = zhao.do(note, client=client, body="已电话沟通，约下周三上门谈续约。")["note"]
    assert (first["author"]["name"], first["client"]["noteCount"]) == ("赵宁", 1)
    assert zhao.do(note, client=client, body="已电话沟通，约下周三上门谈续约。")["note"] == first
    assert zhao.refused(note, client=client, body="另一条")[0]["code"] == "idempotency_key_reused"


def report(zhao: Person, client: str, today: date) -> None:
    """A draft has gaps; filing it names each of them, and the filed record is the draft's."""
    draft = zhao.do(
        """mutation ($client: ID!) {
          saveTelecomCompetitorReportDraft(input: {clientId: $client, values: {competitor: "远通通信", urgent: true}}) {
            record { id state version competitor offer urgent } userErrors { code path }
          }
        }""",
        client=client,
    )["record"]
    assert (draft["state"], draft["version"], draft["offer"], draft["urgent"]) == ("draft", 1, None, True)
    file = """mutation ($client: ID!, $record: ID!, $version: Int, $values: TelecomCompetitorReportValues!) {
      saveTelecomCompetitorReport(input: {clientId: $client, recordId: $record, version: $version, values: $values}) {
        record { id state version competitor strength reportedOn client { id } }
        userErrors { code path message messageEn }
      }
    }"""
    values = {
        "competitor": "远通通信",
        "offer": "专线首年八折。",
        "strength": "STRONG",
        "urgent": True,
        "source": "客户走访",
        "reportedOn": today.isoformat(),
    }
    (wrong,) = zhao.refused(file, client=client, record=draft["id"], version=1, values={**values, "offer": ""})
    assert wrong["path"] == ["values", "offer"]
    assert wrong["message"] != wrong["messageEn"]
    filed = zhao.do(file, client=client, record=draft["id"], version=1, values=values)["record"]
    assert (filed["id"], filed["state"], filed["version"], filed["strength"]) == (draft["id"], "filed", 2, "STRONG")
    (late,) = zhao.refused(file, client=client, record=draft["id"], version=1, values=values)
    assert late["code"] == "form_record_changed"
    listed = zhao.ask(
        """query ($client: ID!) { telecomCompetitorReports(filter: {client: {id: {eq: $client}}, urgent: {eq: true},
          strength: {in: [STRONG]}}) { nodes { id } } }""",
        client=client,
    )["telecomCompetitorReports"]["nodes"]
    assert listed == [{"id": draft["id"]}]


def add_a_contact(zhao: Person, client: str) -> None:
    """A phone goes in whole and comes out masked; seeing it whole is on record."""
    made = zhao.do(
        """mutation ($client: ID!) {
          addContact(input: {clientId: $client, fields: {name: "林若云", position: "采购主管", phone: "13800001234"}}) {
            contact { id name phone version client { contacts { totalCount } } } userErrors { code path }
          }
        }""",
        client=client,
    )["contact"]
    assert (made["name"], made["phone"]) == ("林若云", "••••1234")
    shown = zhao.do(
        """mutation ($client: ID!) {
          revealClient(input: {clientId: $client}) { contacts { id phone } userErrors { code message } }
        }""",
        client=client,
    )["contacts"]
    assert {"id": made["id"], "phone": "13800001234"} in shown


def out_of_reach(zhao: Person, sun: Person, client: str) -> None:
    """What is another's does not exist, in reads and in writes; `visibility` says why."""
    hidden = sun.ask(
        """query ($client: ID!) {
          client(id: $client) { name }
          node(id: $client) { id }
          clients(filter: {id: {eq: $client}}) { totalCount }
          contacts(filter: {clientId: {eq: $client}}) { totalCount }
          records(filter: {clientId: {eq: $client}}) { totalCount }
        }""",
        client=client,
    )
    none = {"totalCount": 0}
    assert hidden == {"client": None, "node": None, "clients": none, "contacts": none, "records": none}
    (wrong,) = sun.refused(
        """mutation ($client: ID!) {
          writeNote(input: {clientId: $client, body: "x"}) { note { id } userErrors { code message } }
        }""",
        client=client,
    )
    assert wrong == {"code": "client_not_found", "message": "找不到该客户。"}
    why = """query ($client: ID!, $field: String) { visibility(type: "Client", id: $client, field: $field) {
      shown mayReveal text { zhCN } reasons { about allows roleKey scope text { zhCN } } } }"""
    told = sun.ask(why, client=client)["visibility"]
    assert (told["shown"], told["text"]["zhCN"]) == ("HIDDEN", "不可见，原因如下。")
    (reason,) = told["reasons"]
    assert (reason["about"], reason["allows"], reason["scope"]) == ("row", False, "OWN")
    assert "客户经理" in reason["text"]["zhCN"]
    told = zhao.ask(why, client=client, field="phone")["visibility"]
    assert (told["shown"], told["mayReveal"]) == ("MASKED", True)


def hand_over_and_back(boss: Person, zhao: Person, sun: Person, client: str, today: date) -> None:
    """The team lead sees what was written, hands the client over, and takes that back."""
    seen = boss.ask(
        """query ($client: ID!) {
          client(id: $client) { notes { nodes { authorName body } } telecomCompetitorReports { totalCount } }
          people(filter: {login: {eq: "sun.yue@huaxin.example"}}) { nodes { id } }
          clients { groups(by: [OWNER_ID]) { count } }
        }""",
        client=client,
    )
    assert [note["authorName"] for note in seen["client"]["notes"]["nodes"]] == ["赵宁"]
    assert seen["client"]["telecomCompetitorReports"]["totalCount"] == 1
    (heir,) = seen["people"]["nodes"]
    plan = """mutation ($client: ID!, $to: ID!, $on: Date!) {
      planHandOver(input: {selection: {clientIds: [$client]}, toOwnerId: $to, effectiveOn: $on, reason: "片区调整"}) {
        handOver { id status clientCount items { nodes { outcome fromOwnerName toOwnerName client { owner { id } } } } }
        userErrors { code path message }
      }
    }"""
    denied = zhao.refused(plan, client=client, to=heir["id"], on=today.isoformat())
    assert denied[0]["code"] == "forbidden"
    made = boss.do(plan, client=client, to=heir["id"], on=today.isoformat())["handOver"]
    assert (made["status"], made["clientCount"]) == ("APPLIED", 1)
    assert made["items"]["nodes"] == [
        {"outcome": "MOVED", "fromOwnerName": "赵宁", "toOwnerName": "孙悦", "client": {"owner": {"id": heir["id"]}}}
    ]
    mine = "query ($client: ID!) { client(id: $client) { ownership { totalCount } contacts { totalCount } } }"
    assert zhao.ask(mine, client=client)["client"] is None
    assert sun.ask(mine, client=client)["client"]["contacts"]["totalCount"] > 1
    undo = """mutation ($id: ID!) {
      undoHandOver(input: {handOverId: $id, reason: "调整取消"}) { handOver { status undoneAt } userErrors { code message } }
    }"""
    assert boss.refused(undo, id=made["id"])[0]["code"] == "hand_over_over"
    back = boss.do(
        """mutation ($id: ID!, $on: Date!) {
          reverseHandOver(input: {handOverId: $id, effectiveOn: $on, reason: "调整取消"}) {
            handOver { status items { nodes { outcome toOwnerName } } } userErrors { code message }
          }
        }""",
        id=made["id"],
        on=today.isoformat(),
    )["handOver"]
    assert back == {"status": "APPLIED", "items": {"nodes": [{"outcome": "MOVED", "toOwnerName": "赵宁"}]}}
    planned = boss.do(plan, client=client, to=heir["id"], on=(today + timedelta(days=7)).isoformat())["handOver"]
    assert planned["status"] == "SCHEDULED"
    assert boss.do(undo, id=planned["id"])["handOver"]["status"] == "UNDONE"
    assert sun.ask(mine, client=client)["client"] is None
    assert zhao.ask(mine, client=client)["client"] is not None


def import_and_undo(admin: Person, boss: Person) -> None:
    """A file of three rows, one of them bad: checked, written, looked at, undone. Who may not enter clients by hand
    does not import them either, and brings in what is theirs: products."""
    text = "客户编码,客户名称,类型,客户等级,区域\nDR001,江城海棠印务有限公司,commercial,B,东湾区\n"
    text += "DR002,江城松月餐饮有限公司,commercial,C,东湾区\nDR003,,moon,C,东湾区\n"
    file = admin.upload("客户.csv", text.encode(), "text/csv")
    (wrong,) = admin.refused(START, file=file, target="client")
    assert (wrong["code"], wrong["message"]) == ("forbidden", "您没有“维护客户资料”权限。")
    assert wrong["messageEn"] == "You lack the permission “Maintain clients”."
    products = admin.upload("产品.csv", "产品编码,产品名称,类别,计量单位\nYT,云听会议,应用,个\n".encode(), "text/csv")
    imported(admin, products, "product", '{ products(filter: {code: {eq: "YT"}}) { totalCount } }', rows=1, bad=0)

    file = boss.upload("客户.csv", text.encode(), "text/csv")
    coded = '{ clients(filter: {code: {startsWith: "DR"}}) { totalCount } }'
    done = imported(boss, file, "client", coded, rows=2, bad=1)
    bad = [row for row in done["effects"]["nodes"] if row["outcome"] == "REFUSED"]
    assert [row["rowNumber"] for row in bad] == [4]
    assert {one["path"][0] for one in bad[0]["problems"]} == {"name", "kind"}


def imported(who: Person, file: str, target: str, counted: str, *, rows: int, bad: int) -> Any:
    """The batch of a file once it was written; afterwards it is undone."""

    def there() -> int:
        (found,) = who.ask(counted).values()
        many: int = found["totalCount"]
        return many

    started = who.do(START, file=file, target=target)
    batch = started["importBatch"]["id"]
    assert None not in started["importBatch"]["columns"].values()
    assert who.finish(started["run"]["id"])["status"] == "DONE"
    assert there() == 0
    apply = """mutation ($id: ID!, $skip: Boolean) {
      applyImport(input: {batchId: $id, skipBad: $skip}) {
        run { id } importBatch { id } userErrors { code path message }
      }
    }"""
    if bad:
        assert who.refused(apply, id=batch, skip=False)[0]["code"] == "import_rows_refused"
    applied = who.do(apply, id=batch, skip=True)
    assert applied["importBatch"]["id"] == batch
    assert who.finish(applied["run"]["id"])["status"] == "DONE"
    done = who.ask(LOOK, id=batch)["import"]
    assert (done["status"], there()) == ("APPLIED", rows)
    undo = who.do(
        """mutation ($id: ID!) {
          undoImport(input: {batchId: $id}) { run { id } importBatch { target } userErrors { code message } }
        }""",
        id=batch,
    )
    assert who.finish(undo["run"]["id"])["status"] == "DONE"
    assert (who.ask(LOOK, id=batch)["import"]["status"], there()) == ("UNDONE", 0)
    return done


START = """mutation ($file: ID!, $target: String!) {
  startImport(input: {fileId: $file, target: $target}) {
    importBatch { id status fileName columns } run { id status } userErrors { code path message messageEn }
  }
}"""
LOOK = """query ($id: ID!) { import(id: $id) {
  status counts errorFileId runs { nodes { status } }
  effects {
    nodes { rowNumber outcome rowId problems }
    groups(by: [OUTCOME]) { key { outcome } count }
  }
} }"""
