"""What one venue exports, another imports; and whatever else a file may be."""

from domain.tenants.plans import PlanCode
from kit.runtime import Runtime
from tests.api.accounts.test_api_keys import create as create_key
from tests.api.analytics.exporting import download, exported, rows_of
from tests.api.imports.importing import counts, imported, outcomes, prepare, read, undone
from tests.support.client import Api, live
from tests.support.factories import Person, api_id, make_venue
from tests.support.work import run_due_jobs

CUSTOMERS = "Name,Email,Phone,Notes\n'=Ada,ada@example.com,'+44 20 7946 0001,'-1\n"
CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:weekly
DTSTART;TZID=W. Europe Standard Time:20270323T100000
DURATION:PT1H
RRULE:FREQ=WEEKLY;COUNT=3
LOCATION:Room 1
ATTENDEE;CN=Ada:mailto:ada@example.com
END:VEVENT
BEGIN:VEVENT
UID:clash
DTSTART:20270330T083000Z
DURATION:PT1H
LOCATION:Room 1
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20270330
LOCATION:Room 1
END:VEVENT
END:VCALENDAR
"""
CHANGED = "subscription ($id: ID!) { importChanged(id: $id) { status progress createdCount } }"
AUDIT = "{ auditLog(first: 50) { nodes { type actor { kind } changes { field } } } }"
LISTED = "{ customers(first: 50) { nodes { name email phone notes tags } } }"


async def test_what_one_venue_exports_another_imports(api: Api, runtime: Runtime) -> None:
    first, second = await make_venue(runtime), await make_venue(runtime)
    await imported(api, runtime, first.owner, "CUSTOMERS", CUSTOMERS)
    made = await exported(api, runtime, first.owner, "CUSTOMERS")
    file = (await download(api, made["url"])).content

    result = await imported(api, runtime, second.owner, "CUSTOMERS", file)
    again = await imported(api, runtime, first.owner, "CUSTOMERS", file)

    assert counts(result) == (3, 0, 0, 0)
    assert counts(again) == (0, 0, 3, 0)
    moved = await exported(api, runtime, second.owner, "CUSTOMERS")
    names = ("Name", "Email", "Phone", "Notes")
    ada = dict(zip(names, ("=Ada", "ada@example.com", "+44 20 7946 0001", "-1"), strict=True))
    assert ada in [{name: row[name] for name in names} for row in await rows_of(api, moved)]


async def test_bookings_from_our_own_export_are_known_or_moved(api: Api, runtime: Runtime) -> None:
    first, second = await make_venue(runtime), await make_venue(runtime)
    await imported(api, runtime, first.owner, "BOOKINGS", CALENDAR, "ICS")
    made = await exported(api, runtime, first.owner, "BOOKINGS")
    file = (await download(api, made["url"])).content

    again = await imported(api, runtime, first.owner, "BOOKINGS", file)
    moved = await imported(api, runtime, second.owner, "BOOKINGS", file)

    assert counts(again) == (0, 0, 3, 0)
    assert counts(moved) == (3, 0, 0, 0)


async def test_a_calendar_becomes_bookings(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    tried = await imported(api, runtime, venue.owner, "BOOKINGS", CALENDAR, "ICS", dryRun=True)
    made = await imported(api, runtime, venue.owner, "BOOKINGS", CALENDAR, "ICS")
    again = await imported(api, runtime, venue.owner, "BOOKINGS", CALENDAR, "ICS")

    assert outcomes(tried) == outcomes(made)
    assert outcomes(made) == [
        (3, "CREATED", []),
        (3, "CREATED", []),
        (3, "CREATED", []),
        (11, "ERROR", ["SLOT_TAKEN"]),
        (17, "ERROR", ["INVALID"]),
    ]
    assert counts(again) == (0, 0, 3, 2)
    assert (await undone(api, runtime, venue.owner, made["id"]))["undoneCount"] == 3


async def test_a_phone_finds_its_customer_who_gets_what_they_lack(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime)
    await imported(api, runtime, venue.owner, "CUSTOMERS", "Name,Phone\nAda,+49 30 1234567\n")
    more = 'Name,Email,Phone,Tags\nAda L.,ada@example.com,030 1234567,"Gold, VIP"\n'

    made = await imported(api, runtime, venue.owner, "CUSTOMERS", more)
    found = (await api(LISTED, token=venue.owner.token)).payload["nodes"]
    after = await undone(api, runtime, venue.owner, made["id"])
    left = (await api(LISTED, token=venue.owner.token)).payload["nodes"]

    assert (counts(made), after["undoneCount"]) == ((0, 1, 0, 0), 1)
    phone = "+49 30 1234567"
    assert found[0] == {
        "name": "Ada", "email": "ada@example.com", "phone": phone, "notes": None,
        "tags": ["gold", "vip"],
    }  # fmt: skip
    assert left[0] == {"name": "Ada", "email": None, "phone": phone, "notes": None, "tags": []}


async def test_the_plan_limits_rooms_and_bookings(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, plan=PlanCode.STARTER)
    file = "Name,Capacity\n" + "".join(f"New {each},2\n" for each in range(10))

    tried = await imported(api, runtime, venue.owner, "ROOMS", file, dryRun=True)
    made = await imported(api, runtime, venue.owner, "ROOMS", file)

    assert counts(tried) == counts(made)
    assert made["createdCount"] < 10
    assert outcomes(made)[-1][1:] == ("ERROR", ["PLAN_LIMIT_REACHED"])


async def test_whoever_may_no_longer_add_rows_adds_none(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    prepared = (await prepare(api, venue.manager, "CUSTOMERS")).payload
    role = f'changeUserRole(id: "{api_id(venue.manager.user)}", role: STAFF)'
    demoted = await api(
        f"mutation {{ {role} {{ userErrors {{ code }} }} }}", token=venue.owner.token
    )
    assert demoted.refusals == []

    await api.http.put(prepared["uploadUrl"], content=b"Name\nAda\n")
    await run_due_jobs(runtime)

    made = await read(api, venue.owner, prepared["import"]["id"])
    assert (made["status"], made["failure"], counts(made)) == ("FAILED", "NOT_ALLOWED", (0,) * 4)


async def test_dates_of_two_readings_refuse_the_file(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    file = "Room,Start,Duration\nRoom 1,31/03/2027 10:00,60\nRoom 1,05/04/2027 10:00,60\n"

    refused = await imported(api, runtime, venue.owner, "BOOKINGS", file)
    made = await imported(api, runtime, venue.owner, "BOOKINGS", file, dateFormat="DMY")

    assert (refused["failure"], refused["failureMessage"]) == (
        "AMBIGUOUS_DATES",
        "Day and month may be the other way round: set `dateFormat`. "
        "The first such date is on line 3.",
    )
    assert counts(made) == (2, 0, 0, 0)


async def test_columns_are_mapped_and_rooms_given(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    file = "Wann\tLang\tWer\n2027-03-02 10:00\t1:30\tAda\n"
    mapping = [
        {"field": "STARTS_AT", "column": "wann"},
        {"field": "DURATION_MINUTES", "column": "Lang"},
        {"field": "NAME", "column": "WER"},
    ]
    room = api_id(venue.rooms[1])

    made = await imported(api, runtime, venue.owner, "BOOKINGS", file, mapping=mapping, roomId=room)
    lost = await imported(
        api,
        runtime,
        venue.owner,
        "BOOKINGS",
        file,
        mapping=[{"field": "NAME", "column": "Who"}],
        roomId=room,
    )

    assert counts(made) == (1, 0, 0, 0)
    assert (
        lost["failure"] == "MISSING_COLUMNS" and "'Wann', 'Lang', 'Wer'" in lost["failureMessage"]
    )


async def test_an_import_is_told_live_and_by_the_log(
    server: str, api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime)
    prepared = (await prepare(api, venue.owner, "BOOKINGS", "ICS")).payload

    async with live(server, token=venue.owner.token) as client:
        stream = await client.subscribe(CHANGED, {"id": prepared["import"]["id"]})
        states = [(await stream.next())["importChanged"]]
        await api.http.put(prepared["uploadUrl"], content=CALENDAR.encode())
        await run_due_jobs(runtime)
        while states[-1]["status"] != "DONE":
            states.append((await stream.next())["importChanged"])

    assert states[0] == {"status": "AWAITING_UPLOAD", "progress": 0, "createdCount": 0}
    assert states[-1] == {"status": "DONE", "progress": 100, "createdCount": 3}
    entries = (await api(AUDIT, token=venue.owner.token)).payload["nodes"]
    created = [each for each in entries if each["type"] == "BOOKING_CREATED"]
    assert {each["actor"]["kind"] for each in created} == {"USER"}
    assert all("silent" in [each["field"] for each in one["changes"]] for one in created)


async def test_a_program_imports_what_its_key_allows(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    allowed = ("imports:read", "imports:write", "rooms:read", "rooms:write")
    secret = (await create_key(api, venue.owner.token, *allowed)).payload["secret"]
    program = Person(venue.owner.user, secret, venue.owner.session)

    made = await imported(api, runtime, program, "ROOMS", "Name,Capacity\nAttic,3\n")
    refused = await prepare(api, program, "CUSTOMERS")

    assert counts(made) == (1, 0, 0, 0)
    assert refused.codes == ["FORBIDDEN"]
