"""The verb that erases: purge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hubdump.cli.shared import Dump, InSandbox, Json, Quiet, answer, app, epilog
from hubdump.errors import Exit

if TYPE_CHECKING:
    from hubdump.reporter import Reporter


@app.command(epilog=epilog("hubdump purge contacts:123 contacts:456 --yes"))
def purge(
    records: Annotated[list[str], typer.Argument(metavar="TYPE:ID...", help="The records, as contacts:123.")],
    dump: Dump = None,
    sandbox: InSandbox = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Erase them; without it, only say what would be.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Erase records from the dump for good: its store, their history, every target. HubSpot is not asked."""

    def work(reporter: Reporter) -> int:
        from hubdump import purging, settings
        from hubdump.access import folder_of

        folder = folder_of(settings.load(HUBDUMP_DIR=dump).dump, sandbox=sandbox)
        if not yes:
            for type_, ids in purging.chosen(folder, records).items():
                for id_, state in ids.items():
                    reporter.line(f"would erase: {type_.name} {id_} ({state.name.lower()})")
            reporter.say("Nothing was erased. To erase them for good, type the same with --yes.")
            return Exit.USAGE
        done = purging.purge(folder, records, reporter.emit)
        for name, erased in done.erased.items():
            reporter.line(
                f"erased: {erased.records:,} {name}, with {erased.past_values:,} past values and"
                f" {erased.associations:,} associations, from the store and every target"
            )
        for what in done.beyond:
            reporter.line(f"not reached: {what}")
        return Exit.COMPLETE

    answer(work, json=json, quiet=quiet, verbose=0, progress=False)
