"""The verb that says what a run would take, before it is typed: plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hubdump.cli.shared import (
    PORTAL,
    Associations,
    DailyReserve,
    Dump,
    Exclude,
    Files,
    History,
    InSandbox,
    Json,
    Only,
    Prove,
    ProveWithin,
    Quiet,
    Share,
    WhichPortal,
    answer,
    app,
    as_typed,
    epilog,
)
from hubdump.errors import Exit

if TYPE_CHECKING:
    from hubdump.extract.plan import Wishes
    from hubdump.reporter import Reporter
    from hubdump.session import Access
    from hubdump.settings import Settings


@app.command(epilog=epilog("hubdump plan --only crm"))
def plan(
    dump: Dump = None,
    sandbox: InSandbox = False,
    only: Only = None,
    exclude: Exclude = None,
    history: History = None,
    files: Files = None,
    associations: Associations = None,
    prove: Prove = False,
    prove_within: ProveWithin = 7,
    share: Share = None,
    daily_reserve: DailyReserve = None,
    portal: WhichPortal = PORTAL,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what a run would take: requests, minutes, the day's quota. Nothing is read, the dump stays as it is."""

    def work(reporter: Reporter) -> int:
        from hubdump import settings
        from hubdump.access import access_of, folder_of, reached_portal
        from hubdump.extract.plan import Wishes

        with reached_portal(sandbox, portal, "few", 100) as (url, credentials):
            chosen = settings.load(
                HUBSPOT_BASE_URL=url,
                HUBDUMP_DIR=dump,
                HUBDUMP_HISTORY=history or None,
                HUBDUMP_ONLY=only or None,
                HUBDUMP_EXCLUDE=exclude or None,
                HUBDUMP_FILES=files,
                HUBDUMP_ASSOCIATIONS=associations,
                HUBDUMP_SHARE=share,
                HUBDUMP_DAILY_RESERVE=daily_reserve,
            )
            command = as_typed(
                dump,
                portal if sandbox else None,
                only,
                exclude,
                history,
                associations,
                share,
                daily_reserve,
            )("run")
            there = folder_of(chosen.dump, sandbox=sandbox), access_of(chosen, credentials)
            wishes = Wishes(prove, prove_within * 86_400, associations=chosen.associations)
            return tell_plan(reporter, chosen, *there, wishes, command)

    answer(work, json=json, quiet=quiet, verbose=0, progress=False)


def tell_plan(
    reporter: Reporter, chosen: Settings, dump: Path, access: Access, wishes: Wishes, command: str
) -> int:
    """Say what a run with these settings would take: a table, or with --json one object; `command` is that run."""
    import msgspec

    from hubdump.clock import SystemClock
    from hubdump.estimate import told
    from hubdump.planning import Asked, foreseen

    asked = Asked(dump, access, wishes, chosen.only, chosen.exclude, chosen.history, chosen.files)
    found = foreseen(asked, SystemClock(), reporter.emit)
    if reporter.as_json:
        reporter.line(msgspec.json.encode(told.as_json(found)).decode())
        return Exit.COMPLETE
    for line in told.lines(found):
        reporter.line(line)
    reporter.say(told.advice(found, command))
    return Exit.COMPLETE
