"""`python -m hubdump.sandbox`: the sandbox for programs that start it themselves."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from hubdump.sandbox import FAULTS, PORTALS, TIERS, SandboxConfig, SandboxError, belief_file, serve


def main() -> int:
    """Serve until told to stop; status 2 when what is asked for cannot be."""
    asked = parser().parse_args()
    try:
        config = config_of(asked)
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 2

    def ready(port: int) -> None:
        url, token = f"http://127.0.0.1:{port}", config.first_token
        said = {"url": url, "token": token, "portal": asked.portal, "seed": asked.seed}
        sys.stdout.write((json.dumps(said) if asked.json else f"{url}\n{token}") + "\n")
        sys.stdout.flush()

    try:
        serve(config, asked.port, ready, stop_on_stdin_eof=asked.until_stdin_eof)
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    defaults = SandboxConfig()
    made = argparse.ArgumentParser(prog="python -m hubdump.sandbox", description=__doc__)
    made.add_argument("--port", type=int, default=0, help="0: any free one")
    made.add_argument("--token", action="append", help="T or T:scope+scope; again for one more app")
    made.add_argument(
        "--portal", default=defaults.portal, help=f"{', '.join(PORTALS)}, or counts: calls=25,notes=1"
    )
    made.add_argument("--seed", type=int, default=defaults.seed)
    made.add_argument("--latency-ms", type=int, default=defaults.latency_ms)
    made.add_argument("--latency", default="", help="ms: 100, 80-300 or lognormal:100:40")
    made.add_argument("--overload", choices=("on", "off"), default="on")
    made.add_argument("--faults", default=defaults.faults, help="; ".join(FAULTS))
    made.add_argument("--tier", default=defaults.tier, help=f"whose limits: {', '.join(TIERS)} (none at all)")
    made.add_argument(
        "--without", action="append", default=[], help="a type or family that its tier lacks; again"
    )
    made.add_argument("--life", default="", help="what happens while the portal is read")
    made.add_argument("--belief", action="append", default=[], help="name=value, or worst")
    made.add_argument("--beliefs", type=Path, help="a JSON file of beliefs, as a probe writes it")
    made.add_argument("--json", action="store_true", help="say where it is as one line of JSON")
    made.add_argument("--until-stdin-eof", action="store_true", help="end when stdin does")
    return made


def config_of(asked: argparse.Namespace) -> SandboxConfig:
    """The config of what was asked for; a belief of its own flag wins over the file's."""
    read = belief_file.read(asked.beliefs, asked.tier) if asked.beliefs else ((), None)
    return SandboxConfig(
        portal=asked.portal,
        seed=asked.seed,
        latency_ms=asked.latency_ms,
        faults=asked.faults,
        tier=asked.tier,
        beliefs=(*read[0], *asked.belief),
        tokens=tuple(asked.token or ()),
        latency=asked.latency,
        overload=asked.overload == "on",
        limits=read[1],
        life=asked.life,
        without=tuple(asked.without),
    )


if __name__ == "__main__":
    raise SystemExit(main())
