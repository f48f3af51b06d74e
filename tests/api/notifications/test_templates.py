"""Templates of notifications over HTTP: written, refused, previewed and given up."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import pytest_asyncio
from icalendar import Calendar

from kit.runtime import Runtime
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Person, Venue, api_id, make_booking, make_venue

TEMPLATES: Final = """query ($kind: NotificationKind, $channel: Channel, $locale: String) {
    notificationTemplates(kind: $kind, channel: $channel, locale: $locale) {
      kind channel locale subject body isCustom variables version updatedAt } }"""
UPDATE: Final = """mutation ($version: Int!, $input: UpdateNotificationTemplateInput!) {
    updateNotificationTemplate(version: $version, input: $input) {
      template { subject body isCustom version }
      userErrors { code path message
        ... on TemplateChangedError { current { subject body version } } } } }"""
RESET: Final = """mutation ($version: Int!, $input: ResetNotificationTemplateInput!) {
    resetNotificationTemplate(version: $version, input: $input) {
      template { subject body isCustom version } userErrors { code path } } }"""
PREVIEW: Final = """query ($channel: Channel!, $locale: String, $booking: ID) {
    previewNotification(
      kind: BOOKING_CONFIRMED, channel: $channel, locale: $locale, bookingId: $booking
    ) { subject text html calendar encoding segments unitsLeft } }"""
RENAME: Final = """mutation {
    updateTenant(version: 1, input: { name: "Boom <b>Bar" }) { userErrors { code } } }"""
BRAND: Final = """mutation ($version: Int!, $input: UpdateTenantInput!) {
    updateTenant(version: $version, input: $input) {
      tenant { brandColor logoUrl } userErrors { path message } } }"""
PLACE: Final = {"kind": "BOOKING_CONFIRMED", "channel": "EMAIL", "locale": "de"}
NOON: Final = MONDAY_MORNING + timedelta(days=1, hours=3)


@pytest_asyncio.fixture
async def venue(api: Api, runtime: Runtime) -> Venue:
    made = await make_venue(runtime, time_zone="Europe/Berlin")
    renamed = await api(RENAME, token=made.owner.token)
    assert renamed.refusals == []
    return made


async def update(
    api: Api, person: Person, version: int, subject: str | None, body: str, **place: str
) -> Answer:
    given = {**PLACE, **place, "subject": subject, "body": body}
    return await api(UPDATE, {"version": version, "input": given}, token=person.token)


async def preview(api: Api, venue: Venue, channel: str, **given: Any) -> Any:
    answer = await api(PREVIEW, {"channel": channel, **given}, token=venue.manager.token)
    return answer.payload


async def test_a_venue_writes_a_text_of_its_own_and_gives_it_up(api: Api, venue: Venue) -> None:
    first = await update(api, venue.manager, 0, "Bis bald, {first_name}", "Am {date}.\n")
    again = await update(api, venue.admin, 1, "Bis gleich", "Um {time}.")
    same = await update(api, venue.admin, 2, "Bis gleich", "Um {time}.")
    stale = await update(api, venue.manager, 1, "Zu spät", "Zu spät.")
    mine = await api(TEMPLATES, PLACE, token=venue.manager.token)
    reset = await api(RESET, {"version": 2, "input": PLACE}, token=venue.manager.token)
    after = await update(api, venue.manager, 2, "Zu spät", "Zu spät.")

    assert first.payload["template"] == {
        "subject": "Bis bald, {first_name}",
        "body": "Am {date}.",
        "isCustom": True,
        "version": 1,
    }
    assert again.payload["template"] == same.payload["template"]
    assert same.payload["template"]["version"] == 2
    assert stale.payload["userErrors"] == [
        {
            "code": "STALE_VERSION",
            "path": ["version"],
            "message": "The template has changed since you read it; check its text and try again.",
            "current": {"subject": "Bis gleich", "body": "Um {time}.", "version": 2},
        }
    ]
    assert [each["body"] for each in mine.payload] == ["Um {time}."]
    assert reset.payload["template"]["subject"] == "Bestätigt: {venue}, {date}"
    assert (reset.payload["template"]["isCustom"], reset.payload["template"]["version"]) == (
        False,
        3,
    )
    assert after.refusals == ["STALE_VERSION"]


async def test_a_draft_is_previewed_and_not_saved(api: Api, venue: Venue) -> None:
    draft = """query ($draft: NotificationTemplateDraft!) { previewNotification(
        kind: BOOKING_CONFIRMED, channel: SMS, draft: $draft) { text segments } }"""

    shown = await api(
        draft, {"draft": {"body": "See you, {first_name}"}}, token=venue.manager.token
    )
    wrong = {"subject": "No SMS has one", "body": "{pirce}"}
    refused = await api(draft, {"draft": wrong}, token=venue.manager.token)
    used = await preview(api, venue, "SMS")

    assert shown.payload == {"text": "See you, Remy", "segments": 1}
    assert refused.codes == ["BAD_USER_INPUT"]
    assert "See you" not in used["text"]


async def test_all_texts_are_listed_and_staff_see_none(api: Api, venue: Venue) -> None:
    every = await api(TEMPLATES, token=venue.manager.token)
    austrian = await api(
        TEMPLATES, {"kind": "REFUNDED", "locale": "de-AT"}, token=venue.manager.token
    )
    staff = await api(TEMPLATES, token=venue.staff.token)

    assert len(every.payload) == 304
    assert {each["locale"] for each in austrian.payload} == {"de"}
    assert [each["channel"] for each in austrian.payload] == ["EMAIL", "SMS", "PUSH", "IN_APP"]
    assert austrian.payload[1]["subject"] is None
    assert "amount" in austrian.payload[1]["variables"]
    assert staff.codes == ["FORBIDDEN"]


async def test_unknown_variables_and_languages_are_refused(api: Api, venue: Venue) -> None:
    unknown = await update(api, venue.manager, 0, "{pirce}", "{price} {amount} {")
    language = await update(api, venue.manager, 0, "a", "b", locale="de-AT")
    sms = await update(api, venue.manager, 0, "a", "b", channel="SMS")
    staff = await update(api, venue.staff, 0, "a", "b")

    assert [(each["path"], each["message"][:40]) for each in unknown.payload["userErrors"]] == [
        (["input", "subject"], "There is no variable {pirce} here; use {"),
        (["input", "body"], "There is no variable {amount} here; use "),
        (["input", "body"], "Braces are for variables alone, and come"),
    ]
    assert language.payload["userErrors"][0]["message"] == "Texts are in en, de, es and fr."
    assert sms.payload["userErrors"][0]["path"] == ["input", "subject"]
    assert staff.codes == ["FORBIDDEN"]


async def test_two_changes_at_once_are_one(api: Api, venue: Venue) -> None:
    answers = await asyncio.gather(
        *(update(api, venue.manager, 0, "Bis bald", f"Nummer {n}") for n in range(8))
    )

    assert sorted(each.refusals for each in answers) == [[], *[["STALE_VERSION"]] * 7]


async def test_a_mail_is_previewed_with_a_booking(api: Api, runtime: Runtime, venue: Venue) -> None:
    await update(api, venue.manager, 0, "Bis <bald>\t{name}", "Für {name}.\n\n<i>{rooms}</i>")
    booking = await make_booking(runtime, venue, NOON, customer=venue.other_customer)

    shown = await preview(api, venue, "EMAIL", locale="de", booking=api_id(booking))

    name, room = venue.other_customer.name, venue.rooms[0].name
    assert shown["subject"] == f"Bis <bald> {name}"
    assert shown["text"].startswith(f"Für {name}.\n\n<i>{room}</i>\n\nWann: Dienstag, 2. März 2027")
    assert f"<p>Für {name}.</p><p>&lt;i&gt;{room}&lt;/i&gt;</p>" in shown["html"]
    assert "<b>Bar" not in shown["html"]
    assert "Boom &lt;b&gt;Bar" in shown["html"]
    assert "googleapis" not in shown["html"]
    entry: Any = Calendar.from_ical(shown["calendar"])
    assert (entry["METHOD"], entry.walk("VEVENT")[0]["DTSTART"].dt) == ("REQUEST", NOON)
    assert (shown["encoding"], shown["segments"]) == (None, None)


async def test_an_sms_is_previewed_with_an_example_and_counted(api: Api, venue: Venue) -> None:
    place = {"channel": "SMS", "locale": "en"}
    usual = await preview(api, venue, "SMS")
    await update(api, venue.manager, 0, None, "{venue}: {date}, {price} 🎤", **place)
    own = await preview(api, venue, "SMS", locale="fr-CH")
    english = await preview(api, venue, "SMS")

    assert (usual["subject"], usual["encoding"], usual["segments"]) == (None, "GSM_7", 1)
    assert own["text"].startswith("Boom <b>Bar : réservation confirmée : mar. 2 mars, 19:00-21")
    assert english["text"] == "Boom <b>Bar: Tue, Mar 2, €76.00 🎤"
    assert (english["encoding"], english["segments"], english["unitsLeft"]) == ("UCS_2", 1, 36)


async def test_mails_have_the_color_and_the_logo_of_the_venue(api: Api, venue: Venue) -> None:
    bad = {"brandColor": "purple", "logoUrl": "http://boom.example/logo.png"}
    good = {"brandColor": "#FFD54A", "logoUrl": "https://boom.example/logo.png?a=1&b=2"}

    refused = await api(BRAND, {"version": 2, "input": bad}, token=venue.owner.token)
    changed = await api(BRAND, {"version": 2, "input": good}, token=venue.owner.token)
    html = (await preview(api, venue, "EMAIL"))["html"]

    assert refused.payload["userErrors"] == [
        {"path": ["input", "brandColor"], "message": "A color must look like '#RRGGBB'."},
        {"path": ["input", "logoUrl"], "message": "The URL must begin with https://."},
    ]
    assert changed.payload["tenant"] == good
    assert 'src="https://boom.example/logo.png?a=1&amp;b=2"' in html
    assert 'bgcolor="#FFD54A"' in html


async def test_the_booking_of_another_venue_is_not_previewed(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    other = await make_venue(runtime)
    booking = await make_booking(runtime, other, NOON)

    assert await preview(api, venue, "SMS", booking=api_id(booking)) is None
