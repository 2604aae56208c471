"""The verb that proves: verify, its levels, and how it says what it found."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubdump.cli.shared import (
    PORTAL,
    Dump,
    InSandbox,
    Json,
    Quiet,
    WhichPortal,
    answer,
    app,
    epilog,
)
from hubdump.errors import UsageError

if TYPE_CHECKING:
    from hubdump.reporter import Reporter
    from hubdump.targets.database import Database
    from hubdump.verify.findings import Asked, Finding

LEVELS = ("local", "totals", "ids", "full")
PIECES_MAX = 1000
SCHEMA = 1
_SUBSET = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,3})\Z")
_MARKS = {"right": "ok   ", "wrong": "WRONG", "unchecked": "?    "}


@app.command(epilog=epilog("hubdump verify --level ids --subset 1/7"))
def verify(
    dump: Dump = None,
    sandbox: InSandbox = False,
    level: Annotated[
        str,
        typer.Option(
            "--level",
            help="local (this disk, no calls), totals (HubSpot's counts, a sample), ids (every id and version: "
            "the proof) or full (every value and association too).",
        ),
    ] = "ids",
    subset: Annotated[
        str,
        typer.Option(
            "--subset", help="With ids or full: only this piece of the ids, as 1/7; another each night."
        ),
    ] = "1/1",
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="With totals: draw the sample of that seed again.")
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="URL",
            help="Also look into a database that the dump was loaded into, whatever the level: postgresql://user@host/db.",
        ),
    ] = None,
    portal: WhichPortal = PORTAL,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Prove that nothing is missing and nothing is there twice."""

    def work(reporter: Reporter) -> int:
        from hubdump import settings
        from hubdump.access import access_of, folder_of, reached_portal
        from hubdump.checking import check_here, check_there
        from hubdump.verify.findings import Level

        began_s = time.monotonic()
        asked, databases = _asked(level, subset, seed), _databases(to or ())
        folder = folder_of(settings.load(HUBDUMP_DIR=dump).dump, sandbox=sandbox)
        findings = check_here(folder, databases)
        if asked.level is not Level.LOCAL:
            with reached_portal(sandbox, portal, "few", 100) as (url, credentials):
                chosen = settings.load(HUBSPOT_BASE_URL=url)
                findings += check_there(folder, asked, access_of(chosen, credentials), reporter.emit)
        return _told(reporter, findings, asked, time.monotonic() - began_s)

    answer(work, json=json, quiet=quiet, verbose=0, progress=False)


def _asked(level: str, subset: str, seed: int | None) -> Asked:
    """What was asked for; UsageError where it cannot be."""
    from hubdump.verify.findings import Asked, Level

    if level not in LEVELS:
        raise UsageError(f"--level is '{level}', but must be: {', '.join(LEVELS[:-1])} or {LEVELS[-1]}.")
    match = _SUBSET.match(subset)
    piece, pieces = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= piece <= pieces <= PIECES_MAX:
        raise UsageError(
            f"--subset is '{subset}', but must be as 1/7: a piece, and how many (up to {PIECES_MAX})."
        )
    if pieces > 1 and level not in {"ids", "full"}:
        raise UsageError(f"--subset goes with --level ids or full, not with {level}.")
    return Asked(Level(level), piece, pieces, secrets.randbelow(10**6) if seed is None else seed)


def _databases(asked: Sequence[str]) -> list[Database]:
    """The databases that `--to` names; UsageError where one is none."""
    from hubdump.targets.database import DLT, database, is_database

    for word in asked:
        if not is_database(word) or word.startswith(DLT):
            raise UsageError(
                "verify --to takes the URL of a PostgreSQL: postgresql://user@host/database. The files that hubdump "
                "wrote are verified anyway; into dlt's destinations it does not look."
            )
    return [database(word) for word in asked]


def _told(reporter: Reporter, findings: Sequence[Finding], asked: Asked, spent_s: float) -> int:
    """Say every finding and how it ended."""
    from hubdump.verify.findings import status_of

    status = status_of(findings)
    part = f", {asked.piece}/{asked.pieces} of the ids" if asked.pieces > 1 else ""
    verdict = f"Verified ({asked.level}{part}): {_VERDICTS[int(status)]}"
    if reporter.as_json:
        for finding in findings:
            reporter.line(_json(_finding(finding)))
        reporter.line(_json(_summary(findings, asked, int(status), verdict, spent_s)))
        return status
    for finding in findings:
        reporter.line(f"{_MARKS[finding.verdict]}  {finding.what}: {finding.text}")
    reporter.line(verdict)
    return status


_VERDICTS = {
    0: "everything is there, once.",
    1: "NOT all could be checked.",
    3: "NOT as it must be.",
}


def _finding(finding: Finding) -> dict[str, Any]:
    """One line of --json, documented in docs/dump-format.md."""
    return {
        "type": "finding",
        "check": finding.check,
        "what": finding.what,
        "verdict": finding.verdict,
        "text": finding.text,
        "ids": list(finding.ids),
    }


def _summary(
    findings: Sequence[Finding], asked: Asked, status: int, verdict: str, spent_s: float
) -> dict[str, Any]:
    verdicts = [finding.verdict for finding in findings]
    return {
        "type": "summary",
        "schema": SCHEMA,
        "exit": status,
        "verdict": verdict,
        "level": asked.level,
        "subset": f"{asked.piece}/{asked.pieces}",
        "seed": asked.seed,
        "seconds": round(spent_s, 3),
        "checks": len(verdicts),
        "wrong": sum(verdict == "wrong" for verdict in verdicts),
        "unchecked": sum(verdict == "unchecked" for verdict in verdicts),
    }


def _json(content: object) -> str:
    import msgspec

    return msgspec.json.encode(content).decode()
