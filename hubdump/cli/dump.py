"""The verbs on a dump: run, status, load."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubdump.cli.plan import tell_plan
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
    NoProgress,
    Only,
    Prove,
    ProveWithin,
    Quiet,
    Share,
    Verbose,
    WhichPortal,
    answer,
    app,
    as_typed,
    epilog,
)
from hubdump.errors import Exit

if TYPE_CHECKING:
    from hubdump.reporter import Reporter
    from hubdump.targets.export import Wanted


Labels = Annotated[
    bool,
    typer.Option(
        "--labels", help="With csv, xlsx: labels of properties and options, not their internal names."
    ),
]
HardDelete = Annotated[
    bool | None,
    typer.Option(
        "--hard-delete/--no-hard-delete",
        help="No row of what is archived, gone or merged (HUBDUMP_HARD_DELETE).",
        show_default=False,
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(
        "--layout",
        metavar="fivetran|none",
        help="Views in another tool's layout, in DuckDB and PostgreSQL, in this load and all later ones "
        "(HUBDUMP_LAYOUT); none: no longer.",
        show_default=False,
    ),
]
KeepVersions = Annotated[
    bool | None,
    typer.Option(
        "--keep-versions/--no-keep-versions",
        help="Keep what later versions supersede, in this run and all later ones (HUBDUMP_KEEP_VERSIONS); "
        "no: forget those kept.",
        show_default=False,
    ),
]
TO = (
    "duckdb, json, FORMAT:PLACE (parquet:FOLDER, csv:, jsonl:, import:, xlsx:FILE), postgresql://.., dlt:NAME; "
    "again for more; none: the store alone"
)


@app.command(epilog=epilog("hubdump run --only meetings --dump backup"))
def run(
    dump: Dump = None,
    sandbox: InSandbox = False,
    only: Only = None,
    exclude: Exclude = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", help=f"Only this target (HUBDUMP_TO): {TO}.")
    ] = None,
    labels: Labels = False,
    hard_delete: HardDelete = None,
    layout: Layout = None,
    history: History = None,
    files: Files = None,
    keep_versions: KeepVersions = None,
    associations: Associations = None,
    prove: Prove = False,
    prove_within: ProveWithin = 7,
    share: Share = None,
    daily_reserve: DailyReserve = None,
    accept_deletes: Annotated[
        bool, typer.Option("--accept-deletes", help="Believe HubSpot even if many records are gone.")
    ] = False,
    portal: WhichPortal = PORTAL,
    faults: Annotated[str, typer.Option("--faults", help="With --sandbox: which errors it makes.")] = "few",
    latency_ms: Annotated[
        int, typer.Option("--latency-ms", min=0, help="With --sandbox: how slow it is.")
    ] = 100,
    record: Annotated[
        Path | None, typer.Option("--record", help="Keep the shapes of all answers here; no values, no ids.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would take, as hubdump plan does.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    no_progress: NoProgress = False,
) -> None:
    """Bring the dump up to date, resuming whatever was cut short."""

    def work(reporter: Reporter) -> int:
        from hubdump import settings
        from hubdump.access import access_of, folder_of, reached_portal
        from hubdump.clock import SystemClock
        from hubdump.extract.plan import Wishes
        from hubdump.logbook import Logbook, new_id
        from hubdump.running import Order
        from hubdump.running import run as bring_up_to_date
        from hubdump.targets import asked_for
        from hubdump.targets.layouts import checked

        with reached_portal(sandbox, portal, faults, latency_ms) as (url, credentials):
            chosen = settings.load(
                HUBSPOT_BASE_URL=url,
                HUBDUMP_DIR=dump,
                HUBDUMP_HISTORY=history or None,
                HUBDUMP_ONLY=only or None,
                HUBDUMP_EXCLUDE=exclude or None,
                HUBDUMP_TO=to or None,
                HUBDUMP_HARD_DELETE=hard_delete,
                HUBDUMP_LAYOUT=layout,
                HUBDUMP_FILES=files,
                HUBDUMP_ASSOCIATIONS=associations,
                HUBDUMP_SHARE=share,
                HUBDUMP_DAILY_RESERVE=daily_reserve,
                HUBDUMP_KEEP_VERSIONS=keep_versions,
            )
            wishes = Wishes(prove, prove_within * 86_400, accept_deletes, associations=chosen.associations)
            typed = as_typed(
                dump,
                portal if sandbox else None,
                only,
                exclude,
                history,
                associations,
                share,
                daily_reserve,
            )
            if dry_run:
                there = folder_of(chosen.dump, sandbox=sandbox), access_of(chosen, credentials)
                return tell_plan(reporter, chosen, *there, wishes, typed("run"))
            folder = folder_of(chosen.dump, sandbox=sandbox)
            _warn_of_loose_files(reporter, folder)
            order = Order(
                run=new_id(),
                dump=folder,
                access=access_of(chosen, credentials, record),
                command=typed,
                asked=checked(
                    asked_for(
                        chosen.to, folder, labels=labels, hard_delete=chosen.hard_delete, layout=chosen.layout
                    ),
                    layout,
                ),
                wishes=wishes,
                history=chosen.history,
                only=chosen.only,
                exclude=chosen.exclude,
                files=chosen.files,
                keep_versions=chosen.keep_versions,
            )
            with Logbook(order.dump, order.run, reporter.emit) as log:
                return bring_up_to_date(order, SystemClock(), log.emit).exit

    answer(work, json=json, quiet=quiet, verbose=verbose, progress=not no_progress)


@app.command(epilog=epilog("hubdump status"))
def status(dump: Dump = None, sandbox: InSandbox = False, json: Json = False) -> None:
    """Say what the dump holds and how fresh it is, without a network."""

    def work(reporter: Reporter) -> int:
        from hubdump import settings
        from hubdump.access import folder_of
        from hubdump.checking import describe

        for line in describe(folder_of(settings.load(HUBDUMP_DIR=dump).dump, sandbox=sandbox), as_json=json):
            reporter.line(line)
        return Exit.COMPLETE

    answer(work, json=json, quiet=False, verbose=0, progress=False)


@app.command(epilog=epilog("hubdump load parquet:out"))
def load(
    dump: Dump = None,
    sandbox: InSandbox = False,
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TARGET]...", help=f"Only these targets (HUBDUMP_TO): {TO}."),
    ] = None,
    to: Annotated[list[str] | None, typer.Option("--to", help="The same, as an option.")] = None,
    labels: Labels = False,
    hard_delete: HardDelete = None,
    layout: Layout = None,
    as_of: Annotated[
        str,
        typer.Option(
            "--as-of",
            help="What this run left (its name under runs/, last or previous), in as-of/RUN of the dump.",
        ),
    ] = "",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Put the dump into its targets again, without HubSpot."""

    def work(reporter: Reporter) -> int:
        from hubdump import settings
        from hubdump.access import folder_of
        from hubdump.as_of import load_as_of
        from hubdump.checking import load_again
        from hubdump.errors import UsageError
        from hubdump.targets import asked_for
        from hubdump.targets.database import is_database
        from hubdump.targets.export import NOTHING
        from hubdump.targets.layouts import checked

        named = [*(targets or []), *(to or [])]
        chosen = settings.load(
            HUBDUMP_DIR=dump,
            HUBDUMP_TO=named or None,
            HUBDUMP_HARD_DELETE=hard_delete,
            HUBDUMP_LAYOUT=layout,
        )
        folder = folder_of(chosen.dump, sandbox=sandbox)

        def asked(home: Path, inside: bool = False) -> Wanted:
            words = [_inside(word, home) for word in chosen.to] if inside else chosen.to
            wanted = asked_for(
                words, home, labels=labels, hard_delete=chosen.hard_delete, layout=chosen.layout
            )
            return checked(wanted, layout)

        if NOTHING in chosen.to:
            raise UsageError(f"'{NOTHING}' is no target: nothing was loaded.", "hubdump load duckdb")
        if as_of and any(map(is_database, chosen.to)):
            raise UsageError(
                "--as-of would put into the database what was in the place of what is. Nothing was done.",
                "Without it: hubdump load postgresql://...; or into files: hubdump load parquet --as-of RUN",
            )
        if as_of:
            load_as_of(folder, as_of, lambda home: asked(home, inside=True), reporter.emit)
        else:
            load_again(folder, asked(folder), reporter.emit)
        return Exit.COMPLETE

    answer(work, json=json, quiet=quiet, verbose=0, progress=False)


def _inside(word: str, folder: Path) -> str:
    """A target with its place in a folder, where that is not absolute."""
    format_, _, place = word.partition(":")
    return f"{format_}:{folder / place}" if place else word


def _warn_of_loose_files(reporter: Reporter, dump: Path) -> None:
    from hubdump import settings
    from hubdump.events import Noted

    for loose in settings.loose_files(dump):
        reporter.emit(
            Noted(f"{loose.path} can be read by others on this machine.", f"Close it: {loose.command}")
        )
