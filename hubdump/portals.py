"""Many portals in one TOML file: of each where its dump is, and where its token is found - never the token."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from hubdump import settings
from hubdump.errors import UsageError
from hubdump.extract.bearer import Credentials

_HINT = 'Of each portal: [portals.NAME] and token_env = "..." or env_file = "..." (docs/many-portals.md)'


@dataclass(frozen=True, slots=True)
class Portal:
    """A portal: its dump is a folder, its token stands in the variable `token_env` or, as in a .env, in `env_file` of
    the machine that reads it. `sandbox` is an embedded one's name, `base_url` where one is that is served.
    """

    name: str
    dump: Path
    token_env: str = ""
    env_file: Path | None = None
    base_url: str | None = None
    sandbox: str | None = None
    exclude: tuple[str, ...] = ()

    def credentials(self) -> Credentials | None:
        """Its token; None where that is the sandbox's, or as the settings say. UsageError where it is not there."""
        if self.token_env:
            return settings.token_named(self.token_env)
        return settings.credentials_in(self.env_file) if self.env_file else None


class _Portal(Struct, forbid_unknown_fields=True):
    dump: str = ""
    token_env: str = ""
    env_file: str = ""
    base_url: str | None = None
    sandbox: str | None = None
    exclude: tuple[str, ...] = ()


class _File(Struct, forbid_unknown_fields=True):
    portals: dict[str, _Portal]
    dumps: str = ""


def portals_in(path: Path) -> tuple[Portal, ...]:
    """The portals of a file, whose paths are from where it is; UsageError where it is not as it must be."""
    try:
        said = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except (OSError, ValueError) as error:  # msgspec's errors are ValueErrors too
        raise UsageError(f"{path} cannot be read: {error}", _HINT) from error
    if not said.portals:
        raise UsageError(f"There is no portal in {path}.", _HINT)
    home = path.resolve().parent
    found = tuple(_portal(name, row, home, home / said.dumps) for name, row in said.portals.items())
    _refuse_shared(path, found)
    return found


def _portal(name: str, row: _Portal, home: Path, dumps: Path) -> Portal:
    if sum(map(bool, (row.token_env, row.env_file, row.sandbox))) != 1:
        raise UsageError(f"{name} needs one of token_env, env_file and sandbox.", _HINT)
    if Path(name).name != name or name in {"", ".."}:
        raise UsageError(f"'{name}' is the name of no folder.", _HINT)
    return Portal(
        name,
        home / row.dump if row.dump else dumps / name,
        row.token_env,
        home / row.env_file if row.env_file else None,
        row.base_url,
        row.sandbox,
        row.exclude,
    )


def _refuse_shared(path: Path, found: tuple[Portal, ...]) -> None:
    """No dump is of two portals; some file systems do not tell case apart."""
    owners: dict[str, str] = {}
    for portal in found:
        other = owners.setdefault(str(portal.dump.resolve()).casefold(), portal.name)
        if other != portal.name:
            raise UsageError(
                f"{other} and {portal.name} of {path} would have the same dump, {portal.dump}.", _HINT
            )
