"""The verb that holds the dump against what somebody else made of the same portal, or against what it was: diff."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubdump.cli.shared import Dump, InSandbox, Json, answer, app, epilog
from hubdump.errors import Exit, UsageError

if TYPE_CHECKING:
    from hubdump.reporter import Reporter


@app.command(epilog=epilog("hubdump diff previous last"))
def diff(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|RUN",
            help="JSON (an array or lines), CSV, Parquet (a file or folder), or a DuckDB file; or a run: its name in "
            "runs/, last or previous.",
        ),
    ],
    until: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]", help="After a run: a later one, up to whose end; without it, up to now."
        ),
    ] = "",
    dump: Dump = None,
    sandbox: InSandbox = False,
    type_: Annotated[
        str,
        typer.Option("--type", help="Which type it holds, where neither its name nor its content says so."),
    ] = "",
    as_of: Annotated[
        str,
        typer.Option("--as-of", help="When it was made (2026-01-31T23:59:00Z), where it does not say so."),
    ] = "",
    json: Json = False,
) -> None:
    """Say what a file that somebody else made and the dump lack of each other, and what differs; or what came to differ
    from one run to another. Nothing is changed.
    """

    def work(reporter: Reporter) -> int:
        from hubdump import settings
        from hubdump.access import folder_of
        from hubdump.diff.between import is_run

        folder = folder_of(settings.load(HUBDUMP_DIR=dump).dump, sandbox=sandbox)
        if until or is_run(folder, what):
            if type_ or as_of:
                raise UsageError("--type and --as-of are about a file, not about runs.")
            return _runs(reporter, folder, what, until)
        return _file(reporter, folder, Path(what), type_, _instant_us(as_of))

    answer(work, json=json, quiet=False, verbose=0, progress=False)


def _file(reporter: Reporter, dump: Path, file: Path, type_: str, as_of_us: int | None) -> int:
    import msgspec

    from hubdump.diff import told
    from hubdump.diff.differing import Difference
    from hubdump.diff.whole import compared

    kept = told.Kept()

    def tell(difference: Difference) -> None:
        kept.keep(difference)
        if reporter.as_json:
            reporter.line(msgspec.json.encode(told.as_json(difference)).decode())

    tallies = compared(dump, file, type_, as_of_us, tell)
    status = Exit.COMPLETE if all(tally.same for tally in tallies) else Exit.INCOMPLETE
    if reporter.as_json:
        reporter.line(msgspec.json.encode(told.summary(tallies, int(status))).decode())
    else:
        for line in told.lines(tallies, kept):
            reporter.line(line)
    return status


def _runs(reporter: Reporter, dump: Path, since: str, until: str) -> int:
    import msgspec

    from hubdump.diff import between_told
    from hubdump.diff.between import Told, between

    kept = between_told.Kept()

    def tell(told: Told) -> None:
        kept.keep(told)
        if reporter.as_json:
            reporter.line(msgspec.json.encode(between_told.as_json(told)).decode())

    found = between(dump, since, until, tell)
    if reporter.as_json:
        reporter.line(msgspec.json.encode(between_told.summary(found)).decode())
    else:
        for line in between_told.lines(found, kept):
            reporter.line(line)
    return Exit.COMPLETE


def _instant_us(said: str) -> int | None:
    if not said:
        return None
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        raise UsageError(f"--as-of is '{said}', but must be an instant as 2026-01-31T23:59:00Z.") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)
