"""What mutations are refused for is logged and counted, though the operation is executed."""

from structlog.testing import capture_logs

from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.factories import make_venue

CREATE = """mutation ($input: CreateRoomInput!) {
    createRoom(input: $input) { room { name } userErrors { code } }
}"""


async def test_refusals_are_logged_and_counted_by_code(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    nameless = {"input": {"name": "", "capacity": 0}}
    twice = """mutation ($input: CreateRoomInput!) {
        a: createRoom(input: $input) { userErrors { code } }
        b: createRoom(input: $input) { userErrors { code } }
    }"""

    with capture_logs() as logs:
        answers = [
            await api(text, nameless, token=venue.owner.token) for text in (CREATE, CREATE, twice)
        ]
    page = (await api.http.get("/metrics")).text

    codes = [
        [each["code"] for each in answer.body["data"][name]["userErrors"]]
        for answer in answers
        for name in answer.body["data"]
    ]
    logged = [line["codes"] for line in logs if line["event"] == "operation"]
    assert codes[0] and len(codes) == 4
    assert logged == [codes[0], codes[1], [*codes[2], *codes[3]]]
    for code in codes[0]:
        assert (
            f'boom_refusals_total{{code="{code}"}} {sum(each.count(code) for each in codes)}.0'
            in page
        )
