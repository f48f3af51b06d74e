"""Imports over the API: files become customers, rooms and bookings, row by row."""

from datetime import UTC, datetime, timedelta

from domain.bookings.lifecycle import Status
from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.imports.importing import counts, imported, outcomes, prepare, read, undone
from tests.api.notifications.notices import subjects
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import api_id, make_booking, make_venue
from tests.support.work import run_due_jobs

CUSTOMERS = """\
Name;E-Mail;Telefon;Notizen
Ada Lovelace;ADA@example.com;+44 20 7946 0001;Likes engines
Grace Hopper;grace@example.com;;
=SUM(A1);formula@example.com;;
Ada again;ada@EXAMPLE.com;+44 20 7946 0001;
;nobody@example.com;;
Bad Address;not an address;;
"""
ROOMS = "Name,Capacity,Hourly rate,Color\nAttic,4,25.00,#112233\nRoom 1,2,,\nCellar,none,,\n"
BOOKINGS = """\
Reference,Room,Starts at,Ends at,Party size,Customer,Email,Status,Note
A-1,Room 1,2027-03-02 10:00,2027-03-02 11:00,2,Ada,ada@example.com,confirmed,Window
A-2,Room 1,2027-03-02 10:30,2027-03-02 11:30,1,Bob,bob@example.com,confirmed,
A-3,Room 2,2027-03-02 10:30,2027-03-02 11:30,1,Bob,bob@example.com,pending,
A-4,Nowhere,2027-03-02 10:30,2027-03-02 11:30,1,Bob,bob@example.com,confirmed,
A-5,Room 1,2027-02-01 10:00,2027-02-01 11:00,1,Ada,ada@example.com,no-show,
A-6,Room 1,2027-03-03 10:00,2027-03-03 11:00,1,Ada,ada@example.com,cancelled,
A-1,Room 2,2027-03-04 10:00,2027-03-04 11:00,2,Ada,ada@example.com,confirmed,Window
"""
BOOKED = """{ bookings(first: 50) { nodes {
    status room { name } local { start end } partySize note customer { name email }
} } }"""
LISTED = "{ customers(first: 50) { nodes { name email phone notes } } }"


async def test_customers_are_added_once(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    tried = await imported(api, runtime, venue.manager, "CUSTOMERS", CUSTOMERS, dryRun=True)
    made = await imported(api, runtime, venue.manager, "CUSTOMERS", CUSTOMERS)
    again = await imported(api, runtime, venue.manager, "CUSTOMERS", CUSTOMERS)

    assert (made["status"], made["progress"], made["rowCount"]) == ("DONE", 100, 6)
    assert outcomes(tried) == outcomes(made)
    assert outcomes(made) == [
        (2, "CREATED", []),
        (3, "CREATED", []),
        (4, "CREATED", []),
        (5, "SKIPPED", ["DUPLICATE"]),
        (6, "ERROR", ["REQUIRED"]),
        (7, "ERROR", ["INVALID"]),
    ]
    assert counts(again) == (0, 0, 4, 2)
    assert made["rows"]["nodes"][5]["problems"][0]["column"] == "E-Mail"
    found = (await api(LISTED, token=venue.manager.token)).payload["nodes"]
    assert [each for each in found if each["name"] in ("Ada Lovelace", "=SUM(A1)")] == [
        {"name": "=SUM(A1)", "email": "formula@example.com", "phone": None, "notes": None},
        {
            "name": "Ada Lovelace",
            "email": "ADA@example.com",
            "phone": "+44 20 7946 0001",
            "notes": "Likes engines",
        },
    ]


async def test_rooms_are_added_unless_their_name_is_known(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    tried = await imported(api, runtime, venue.manager, "ROOMS", ROOMS, dryRun=True)
    made = await imported(api, runtime, venue.manager, "ROOMS", ROOMS)

    assert outcomes(tried) == outcomes(made)
    assert outcomes(made) == [
        (2, "CREATED", []),
        (3, "SKIPPED", ["DUPLICATE"]),
        (4, "ERROR", ["INVALID"]),
    ]
    names = "{ rooms { nodes { name hourlyRate { amount } } } }"
    rooms = (await api(names, token=venue.manager.token)).payload["nodes"]
    assert rooms[0] == {"name": "Attic", "hourlyRate": {"amount": "25.00"}}


async def test_bookings_are_added_where_no_rule_refuses_them(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    tried = await imported(api, runtime, venue.manager, "BOOKINGS", BOOKINGS, dryRun=True)
    assert (await api(BOOKED, token=venue.manager.token)).payload["nodes"] == []
    made = await imported(api, runtime, venue.manager, "BOOKINGS", BOOKINGS)
    again = await imported(api, runtime, venue.manager, "BOOKINGS", BOOKINGS)

    assert outcomes(tried) == outcomes(made)
    assert outcomes(made) == [
        (2, "CREATED", []),
        (3, "ERROR", ["SLOT_TAKEN"]),
        (4, "CREATED", []),
        (5, "ERROR", ["NOT_FOUND"]),
        (6, "CREATED", []),
        (7, "SKIPPED", ["INVALID"]),
        (8, "SKIPPED", ["DUPLICATE"]),
    ]
    assert counts(again) == (0, 0, 5, 2)
    assert made["rows"]["nodes"][3]["problems"] == [
        {
            "code": "NOT_FOUND",
            "message": 'No room in use is called "Nowhere": add it, or correct the name.',
            "column": "Room",
        }
    ]
    found = (await api(BOOKED, token=venue.manager.token)).payload["nodes"]
    assert [(each["status"], each["room"]["name"], each["local"]["start"]) for each in found] == [
        ("NO_SHOW", "Room 1", "2027-02-01T10:00"),
        ("CONFIRMED", "Room 1", "2027-03-02T10:00"),
        ("CONFIRMED", "Room 2", "2027-03-02T10:30"),
    ]
    assert found[1]["customer"] == {"name": "Ada", "email": "ada@example.com"}
    assert (found[1]["partySize"], found[1]["note"]) == (2, "Window")


async def test_rows_meet_what_is_booked_and_each_other(api: Api, runtime: Runtime) -> None:
    """Of a hall of two halves, and a class with two seats; a hold that is over is no obstacle."""
    venue = await make_venue(runtime, rooms=4)
    hall, half, _, lesson = venue.rooms
    parts = ", ".join(f'"{api_id(each)}"' for each in venue.rooms[1:3])
    setup = f"""mutation {{
      setRoomParts(id: "{api_id(hall)}", version: 1, partIds: [{parts}]) {{ userErrors {{ code }} }}
      updateRoom(id: "{api_id(lesson)}", version: 1, input: {{ seats: 2 }}) {{
        userErrors {{ code }}
      }}
    }}"""
    await api(setup, token=venue.owner.token)
    ten = datetime(2027, 3, 2, 9, tzinfo=UTC)
    await make_booking(runtime, venue, ten, room=half)
    over = ten + timedelta(hours=1)
    await make_booking(
        runtime, venue, over, room=half, status=Status.HELD, hold_expires_at=MONDAY_MORNING
    )
    file = """\
Reference,Room,Start,Duration,Party size
1,Room 1,2027-03-02 10:30,60,1
2,Room 3,2027-03-02 10:30,60,1
3,Room 2,2027-03-02 11:00,60,1
4,Room 1,2027-03-02 11:30,60,1
5,Room 4,2027-03-02 10:00,60,1
6,Room 4,2027-03-02 10:00,60,1
7,Room 4,2027-03-02 10:30,60,1
8,Room 1,2030-03-02 10:30,60,1
"""

    tried = await imported(api, runtime, venue.owner, "BOOKINGS", file, dryRun=True)
    made = await imported(api, runtime, venue.owner, "BOOKINGS", file)

    assert outcomes(tried) == outcomes(made)
    assert [(line, codes) for line, _, codes in outcomes(made)] == [
        (2, ["SLOT_TAKEN"]),
        (3, []),
        (4, []),
        (5, ["SLOT_TAKEN"]),
        (6, []),
        (7, []),
        (8, ["SLOT_TAKEN"]),
        (9, ["MAX_ADVANCE"]),
    ]


async def test_an_import_is_undone_except_for_what_was_changed(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    made = await imported(api, runtime, venue.manager, "BOOKINGS", BOOKINGS)
    find = "{ bookings(first: 5) { nodes { id version room { name } } } }"
    changed = (await api(find, token=venue.manager.token)).payload["nodes"][2]
    await api(
        f'mutation {{ updateBooking(id: "{changed["id"]}", version: {changed["version"]}, '
        'input: { note: "Changed" }) { userErrors { message } } }',
        token=venue.manager.token,
    )

    after = await undone(api, runtime, venue.manager, made["id"])

    assert (after["status"], after["undoneCount"]) == ("UNDONE", 2)
    found = (await api(BOOKED, token=venue.manager.token)).payload["nodes"]
    assert [each["status"] for each in found] == ["EXPIRED", "EXPIRED", "CONFIRMED"]
    again = await imported(api, runtime, venue.manager, "BOOKINGS", BOOKINGS)
    assert counts(again) == (2, 0, 3, 2)


async def test_customers_and_rooms_are_undone(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    customers = await imported(api, runtime, venue.manager, "CUSTOMERS", CUSTOMERS)
    rooms = await imported(api, runtime, venue.manager, "ROOMS", ROOMS)

    undone_customers = await undone(api, runtime, venue.manager, customers["id"])
    undone_rooms = await undone(api, runtime, venue.manager, rooms["id"])

    assert (undone_customers["undoneCount"], undone_rooms["undoneCount"]) == (3, 1)
    found = (await api(LISTED, token=venue.manager.token)).payload["nodes"]
    assert not [each for each in found if each["name"] == "Ada Lovelace"]


async def test_what_cannot_be_imported_is_refused(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    staff = await prepare(api, venue.staff, "CUSTOMERS")
    wrong = await prepare(api, venue.manager, "ROOMS", "ICS")
    workbook = await imported(api, runtime, venue.manager, "CUSTOMERS", b"PK\x03\x04workbook")
    missing = await imported(api, runtime, venue.manager, "ROOMS", "Name,Size\nAttic,3\n")

    assert staff.codes == ["FORBIDDEN"]
    assert wrong.refusals == ["INVALID"]
    assert (workbook["status"], workbook["failure"]) == ("FAILED", "UNREADABLE")
    assert (missing["failure"], missing["failureMessage"]) == (
        "MISSING_COLUMNS",
        "The file needs columns for NAME and CAPACITY. Name the columns by `mapping`.",
    )


async def test_a_link_takes_one_file(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    url = (await prepare(api, venue.manager, "CUSTOMERS")).payload["uploadUrl"]

    first = await api.http.put(url, content=b"Name\nAda\n")
    second = await api.http.put(url, content=b"Name\nBob\n")
    unknown = await api.http.put(f"{url}x", content=b"Name\nBob\n")
    other = (await prepare(api, venue.manager, "CUSTOMERS")).payload
    large = await api.http.put(other["uploadUrl"], content=b"x" * (20 * 1024 * 1024 + 1))

    statuses = [each.status_code for each in (first, second, unknown, large)]
    assert statuses == [204, 409, 404, 413]
    assert (await read(api, venue.manager, other["import"]["id"]))["status"] == "AWAITING_UPLOAD"


async def test_only_an_import_that_asks_for_it_sends_messages(
    api: Api, runtime: Runtime, settings: Settings
) -> None:
    head = "Reference,Room,Starts at,Ends at,Customer,Email,Status\n"
    row = "{},Room 1,2027-03-0{} 10:00,2027-03-0{} 11:00,Ada,ada@example.com,confirmed\n"
    venue = await make_venue(runtime)

    silent = await imported(api, runtime, venue.manager, "BOOKINGS", head + row.format("A", 2, 2))
    assert counts(silent)[0] == 1
    assert subjects(settings) == []

    told = head + row.format("B", 3, 3)
    await imported(api, runtime, venue.manager, "BOOKINGS", told, notify=True)
    await run_due_jobs(runtime)
    assert subjects(settings) == [f"Confirmed: {venue.tenant.name}, Wednesday, March 3, 2027"]
