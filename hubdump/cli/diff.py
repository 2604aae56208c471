"""The verb that holds the dump against what somebody else made of the same portal: diff."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubdump.cli.shared import Dump, InSandbox, Json, answer, app, epilog
from hubdump.errors import Exit, UsageError

if TYPE_CHECKING:
    from hubdump.reporter import Reporter


@app.command(epilog=epilog("hubdump diff old/engagements.json"))
def diff(
    file: Annotated[
        Path,
        typer.Argument(help="JSON (an array or lines), CSV, Parquet (a file or folder), or a DuckDB file."),
    ],
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
    """Say what the dump and data that somebody else made lack of each other, and what differs. Nothing is changed."""

    def work(reporter: Reporter) -> int:
        import msgspec

        from hubdump import settings
        from hubdump.access import folder_of
        from hubdump.diff import told
        from hubdump.diff.differing import Difference
        from hubdump.diff.whole import compared

        kept = told.Kept()

        def tell(difference: Difference) -> None:
            kept.keep(difference)
            if reporter.as_json:
                reporter.line(msgspec.json.encode(told.as_json(difference)).decode())

        folder = folder_of(settings.load(HUBDUMP_DIR=dump).dump, sandbox=sandbox)
        tallies = compared(folder, file, type_, _instant_us(as_of), tell)
        status = Exit.COMPLETE if all(tally.same for tally in tallies) else Exit.INCOMPLETE
        if reporter.as_json:
            reporter.line(msgspec.json.encode(told.summary(tallies, int(status))).decode())
        else:
            for line in told.lines(tallies, kept):
                reporter.line(line)
        return status

    answer(work, json=json, quiet=False, verbose=0, progress=False)


def _instant_us(said: str) -> int | None:
    if not said:
        return None
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        raise UsageError(f"--as-of is '{said}', but must be an instant as 2026-01-31T23:59:00Z.") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)
