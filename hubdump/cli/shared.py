"""What all verbs share: the program, its common options, and how a verb ends."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
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
    help="pg_dump for HubSpot: every record of a portal, once, with all its associations.",
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
WhichPortal = Annotated[str, typer.Option("--portal", help="With --sandbox: which portal.")]
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
History = Annotated[
    list[str] | None,
    typer.Option(
        "--history",
        help="Also past values: TYPE, TYPE:PROPERTY,... or all (HUBDUMP_HISTORY); again for more.",
    ),
]
Files = Annotated[
    bool | None,
    typer.Option("--files/--no-files", help="Also the bytes of files (HUBDUMP_FILES).", show_default=False),
]
Associations = Annotated[
    str | None,
    typer.Option(
        "--associations",
        metavar="changed|all|never",
        help="Which to read (HUBDUMP_ASSOCIATIONS); else all of a pair of types once a day.",
        show_default=False,
    ),
]
Prove = Annotated[
    bool, typer.Option("--prove", help="Compare all ids with HubSpot's now, not only when that is due.")
]
ProveWithin = Annotated[
    float, typer.Option("--prove-within", min=0, help="Days after which all ids are compared again.")
]
Share = Annotated[
    float | None,
    typer.Option(
        "--share",
        help="How much of HubSpot's own limits to use, 0.8 for four fifths (HUBDUMP_SHARE; default 0.95); "
        "HUBSPOT_MAX_REQUESTS_PER_10S bounds beside it.",
        show_default=False,
    ),
]
DailyReserve = Annotated[
    int | None,
    typer.Option(
        "--daily-reserve",
        metavar="N",
        help="Stop with 75 when HubSpot answers only N requests more today (HUBDUMP_DAILY_RESERVE).",
        show_default=False,
    ),
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


def as_typed(
    dump: Path | None,
    portal: str | None,
    only: Sequence[str] | None = (),
    exclude: Sequence[str] | None = (),
    history: Sequence[str] | None = (),
    associations: str | None = None,
    share: float | None = None,
    daily_reserve: int | None = None,
) -> Callable[[str], str]:
    """How the user called us, for the commands we tell them to type; `portal` is the sandbox's.

    A run reads what is selected.
    """
    called, python = Path(sys.argv[0]), Path(sys.executable)
    own = [str(python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python), called.name]
    words = own if called.name == "main.py" else ["hubdump"]
    flags = ["--sandbox"] if portal else []
    of_portal = ["--portal", portal] if portal and portal != PORTAL else []
    flags += ["--dump", str(dump)] if dump else []
    selected = [
        word
        for flag, values in (("--only", only), ("--exclude", exclude), ("--history", history))
        for value in values or ()
        for word in (flag, value)
    ]
    for flag, given in (
        ("--associations", associations),
        ("--share", share),
        ("--daily-reserve", daily_reserve),
    ):
        selected += [flag, str(given)] if given is not None else []
    more = {"verify": of_portal, "run": [*of_portal, *selected]}
    return lambda verb: shlex.join([*words, verb, *flags, *more.get(verb, [])])
