"""What all verbs share: the program, its common options, and how a verb ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from hubdump.errors import EXIT_MEANINGS, Exit, HubdumpError, Interrupted

if TYPE_CHECKING:
    from hubdump.reporter import Reporter

STATUSES = "Exit statuses: " + " · ".join(f"{int(code)} {text}" for code, text in EXIT_MEANINGS.items())
PORTAL = "script"

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="pg_dump for HubSpot: every engagement of a portal, once, with all its associations.",
    epilog=STATUSES,
)

Dump = Annotated[
    Path | None,
    typer.Option(
        "-d",
        "--dump",
        help="The folder of the dump (HUBDUMP_DIR; default data, with --sandbox data-sandbox).",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Say everything as JSON lines on stdout.")]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", help="Only this type, collection, or group of them (HUBDUMP_ONLY); again for more."
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", help="Not this type, collection or group (HUBDUMP_EXCLUDE); again for more."),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Only errors and how it ended.")]
Verbose = Annotated[int, typer.Option("-v", "--verbose", count=True, help="Every page too.")]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Plain lines even on a terminal.")]
InSandbox = Annotated[bool, typer.Option("--sandbox", help="Use the embedded portal: no token, no network.")]


def epilog(example: str) -> str:
    return f"Example: {example}\n\n{STATUSES}"


def answer(
    work: Callable[[Reporter], int], *, json: bool, quiet: bool, verbose: int, progress: bool
) -> NoReturn:
    """Do the work of a verb, tell its error, and end with its exit status."""
    from hubdump.reporter import choose

    with choose(json=json, quiet=quiet, verbose=verbose, progress=progress) as reporter:
        try:
            status = int(work(reporter))
        except KeyboardInterrupt:
            status = int(Exit.INTERRUPTED)
            reporter.error(Interrupted("Interrupted. Everything committed is kept."))
        except HubdumpError as error:
            status = int(error.exit)
            reporter.error(error)
    raise SystemExit(status)
