"""The verbs on a portal, without a dump: doctor, sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hubdump.cli.shared import (
    PORTAL,
    Dump,
    Exclude,
    InSandbox,
    Json,
    Only,
    Quiet,
    WhichPortal,
    answer,
    app,
    epilog,
)
from hubdump.errors import Exit, UsageError

if TYPE_CHECKING:
    from hubdump.reporter import Reporter


@app.command(epilog=epilog("hubdump doctor --probe"))
def doctor(
    dump: Dump = None,
    sandbox: InSandbox = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="Learn how this HubSpot behaves, by at most 60 reads.")
    ] = False,
    to: Annotated[Path, typer.Option("--to", help="With --probe: the file to write.")] = Path("probe.json"),
    scopes: Annotated[
        bool, typer.Option("--scopes", help="Only list the scopes that a run needs: no token, no network.")
    ] = False,
    only: Only = None,
    exclude: Exclude = None,
    portal: WhichPortal = PORTAL,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what stands in the way of a complete run: token, scopes, limits, disk, targets."""

    def work(reporter: Reporter) -> int:
        from hubdump import doctor, settings
        from hubdump.access import access_of, folder_of, reached_portal
        from hubdump.clock import SystemClock

        if scopes:
            selection = settings.load(HUBDUMP_ONLY=only or None, HUBDUMP_EXCLUDE=exclude or None)
            _tell_scopes(reporter, selection.only, selection.exclude, as_json=json)
            return Exit.COMPLETE
        if only or exclude:
            raise UsageError(
                "--only and --exclude belong to --scopes.", "hubdump doctor --scopes --only TYPE"
            )
        with reached_portal(sandbox, portal, "few", 100) as (url, credentials):
            chosen = settings.load(HUBSPOT_BASE_URL=url, HUBDUMP_DIR=dump)
            access = access_of(chosen, credentials)
            if probe:
                reporter.line(f"Asking {access.base_url}: at most 60 reads, about half a minute")
                found = doctor.probe(access, to, SystemClock(), reporter.emit)
                for line in _probed(found, to):
                    reporter.line(line)
                return Exit.COMPLETE
            folder = folder_of(chosen.dump, sandbox=sandbox)
            findings = doctor.examine(access, folder, SystemClock(), reporter.emit)
        for finding in findings:
            reporter.line(f"{'ok   ' if finding.good else 'WRONG'}  {finding.what}: {finding.text}")
            if finding.hint:
                reporter.line(f"       hint: {finding.hint}")
        return doctor.status_of(findings)

    answer(work, json=json, quiet=quiet, verbose=0, progress=False)


def _tell_scopes(reporter: Reporter, only: Sequence[str], exclude: Sequence[str], *, as_json: bool) -> None:
    """The scopes on stdout, one a line, and what to do with them on stderr."""
    import msgspec

    from hubdump import scopes

    found, more = scopes.needed(only, exclude), scopes.optional(only, exclude)
    if as_json:
        told = {"type": "scopes", "scopes": found, "optional": more}
        reporter.line(msgspec.json.encode(told).decode())
        return
    for scope in found:
        reporter.line(scope)
    reporter.say(
        "Make a service key in HubSpot (Development > Keys > Service keys) with these scopes, and put "
        "HUBSPOT_ACCESS_TOKEN=... into .env. Leave out what HubSpot does not offer: your subscription lacks it."
    )
    if more:
        reporter.say(f"With these too, sensitive properties are read: {', '.join(more)}")
    if "files" in found:
        reporter.say(
            "With files.ui_hidden.read too, hubdump run --files fetches hidden files: attachments are."
        )


def _probed(found: dict[str, Any], to: Path) -> Iterator[str]:
    """What a probe tells at its end: how much it learned, and where the sandbox believed otherwise."""
    from hubdump.sandbox import BELIEFS

    yield f"{len(found['beliefs'])} answers, {len(found['open'])} left open, in {to}"
    known = {name: value for name, value in found["beliefs"].items() if name in BELIEFS}
    for name, value in known.items():
        if value != BELIEFS[name].default:
            yield f"other than the sandbox believes: {name}={value} (not {BELIEFS[name].default})"
    yield f"next: hubdump sandbox --beliefs {to}"


@app.command(name="sandbox", epilog=epilog("hubdump sandbox --port 8080 --portal seven"))
def serve_sandbox(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free one.")] = 0,
    token: Annotated[
        list[str] | None,
        typer.Option("--token", help="A bearer token it accepts, T or T:scope+scope; again for more apps."),
    ] = None,
    portal: Annotated[
        str, typer.Option("--portal", help="Its name, or counts: calls=2500,notes=1.")
    ] = "script",
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another portal.")] = 7,
    latency_ms: Annotated[int, typer.Option("--latency-ms", min=0, help="How long each answer takes.")] = 0,
    latency: Annotated[
        str, typer.Option("--latency", help="The same as 100, 80-300 or lognormal:100:40.")
    ] = "",
    overload: Annotated[
        Literal["on", "off"], typer.Option("--overload", help="Whether 5xx and latency rise with load.")
    ] = "on",
    faults: Annotated[str, typer.Option("--faults", help="none, few, many, hostile, or a list.")] = "few",
    tier: Annotated[
        str,
        typer.Option(
            "--tier", help="Whose limits: free, pro, enterprise, addon, oauth, unlimited (none at all)."
        ),
    ] = "pro",
    without: Annotated[
        list[str] | None,
        typer.Option("--without", help="A type or a family of the API that its tier lacks; again for more."),
    ] = None,
    life: Annotated[str, typer.Option("--life", help="What happens while it is read.")] = "",
    belief: Annotated[
        list[str] | None, typer.Option("--belief", help="A switch, name=value, or worst (docs/beliefs.md).")
    ] = None,
    beliefs: Annotated[
        Path | None, typer.Option("--beliefs", help="A JSON file of beliefs, as a probe writes it.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Say where it is as one line of JSON.")] = False,
) -> None:
    """Serve an emulated portal on 127.0.0.1, to test any HubSpot integration with."""

    def work(reporter: Reporter) -> int:
        import msgspec

        from hubdump.sandbox import SandboxConfig, SandboxError, belief_file, serve

        try:
            read, limits = belief_file.read(beliefs, tier) if beliefs else ((), None)
            config = SandboxConfig(
                portal=portal,
                seed=seed,
                latency_ms=latency_ms,
                faults=faults,
                tier=tier,
                beliefs=(*read, *(belief or ())),
                tokens=tuple(token or ()),
                latency=latency,
                overload=overload == "on",
                limits=limits,
                life=life,
                without=tuple(without or ()),
            )

            def ready(port: int) -> None:
                url = f"http://127.0.0.1:{port}"
                said = {"url": url, "token": config.first_token, "portal": portal, "seed": seed}
                token_line = f"Its token is {config.first_token}"
                plain = (f"A HubSpot portal ({portal}) is at {url}", token_line, "Ctrl-C ends it.")
                for line in [msgspec.json.encode(said).decode()] if json else plain:
                    reporter.line(line)

            serve(config, port, ready)
        except SandboxError as error:
            raise UsageError(str(error), "See: hubdump sandbox --help") from error
        return Exit.COMPLETE

    answer(work, json=False, quiet=False, verbose=0, progress=False)
