"""What else differs: batches by id, counts, the edge, the clock, and what may be read at all."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from hubdump.clock import Clock
from hubdump.probe.asking import Asker, Seen
from hubdump.probe.findings import Findings
from hubdump.probe.lists import Sample

NOBODY = "1"
# Between these a URL is known to pass, and known to be refused (measured by others: 16,200 characters).
_URL_FROM, _URL_TO = 8_000, 17_000
_URL_STEPS = 4
VERSIONS = ("v3", "2026-03", "2026-09")
_ROOM = 120  # the path and its other parameters


async def account(asker: Asker, findings: Findings, clock: Clock) -> Seen:
    """The account's details; how far HubSpot's clock is from ours."""
    before_s = clock.wall_s()
    seen = await asker.get("account-info", "", "details")
    date = seen.headers.get("date", "")
    if date:
        ahead_s = parsedate_to_datetime(date).timestamp() + 0.5 - (before_s + clock.wall_s()) / 2
        skew_s = round(ahead_s) if abs(ahead_s) > 2 else 0
        findings.say("date-skew-s", skew_s, "the Date header against this machine's clock")
    return seen


async def batches(asker: Asker, findings: Findings, sample: Sample) -> None:
    """The order of a batch's results, and its status when one of its records is nobody's."""
    asked = sample.ids[:10][::-1]
    seen = await asker.batch(sample.type, [*asked, NOBODY])
    given = [str(record["id"]) for record in seen.results]
    if len(given) >= 5:
        findings.choose(
            "batch-order", given == asked, "aligned", "shuffled", f"{len(given)} records in reverse"
        )
    if (seen.body or {}).get("errors"):
        findings.say("dated-partial-status", seen.status, "a batch in which one id is nobody's")


async def usage(asker: Asker) -> dict[str, int]:
    """HubSpot's own counts of records, by type id; none where they cannot be read."""
    seen = await asker.get("crm", "limits", "records")
    rows = (seen.body or {}).get("hubspotDefinedObjectTypes") or seen.results
    return {str(row.get("objectTypeId")): int(row.get("usage") or 0) for row in rows}


async def counts(asker: Asker, findings: Findings, sample: Sample, used: int | None) -> None:
    """Whether HubSpot's own counts have archived records in them; `used` is the count of the sample's type."""
    archived = await asker.list(sample.type, limit=len(sample.records), archived="true")
    live = await asker.search(sample.type, limit=1)
    total, gone = (live.body or {}).get("total"), len(archived.results)
    if used is None or total is None:
        findings.leave("usage-counts-archived", "there is no count to compare")
    elif archived.next or not gone or used not in {total, total + gone}:
        findings.leave(
            "usage-counts-archived", "the count is neither with nor without the archived ones seen"
        )
    else:
        findings.choose("usage-counts-archived", used == total, "no", "yes", f"{gone} archived records")


async def access(asker: Asker, findings: Findings) -> dict[str, int]:
    """What may be read with this token; the status of each API version."""
    generic = await asker.list("engagements", limit=1)
    findings.choose(
        "generic-engagements",
        generic.status == 200,
        "yes",
        "no",
        f"a list of `engagements`: {generic.status}",
    )
    usage = await asker.get("account-info", "", "api-usage/daily/private-apps")
    findings.choose(
        "usage-for-service-keys", usage.status == 200, "yes", "no", f"daily usage: {usage.status}"
    )
    return {version: (await asker.list("contacts", version, limit=1)).status for version in VERSIONS}


async def edge(asker: Asker, findings: Findings) -> None:
    """How long a URL may be, by halving; what the refusal says."""
    passes, refused, text = _URL_FROM, _URL_TO, None
    for length in [_URL_TO] + [0] * _URL_STEPS:
        chars = length or (passes + refused) // 2
        seen = await asker.list("contacts", limit=1, properties="x" * (chars - _ROOM))
        if seen.status == 200:
            passes = chars
        elif seen.status == 414:
            refused, text = chars, seen.text
        else:
            findings.leave("url-chars-max", f"a URL of {chars} characters: {seen.status}")
            return
    if text is None:
        findings.leave("url-chars-max", f"URLs of {_URL_TO} characters pass")
        return
    findings.say("url-chars-max", refused, f"{passes} characters pass, {refused} do not")
    findings.choose("body-of-414", bool(text), "html", "empty", "what the 414 said")
