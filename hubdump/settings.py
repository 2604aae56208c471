"""Settings: flag > environment > .env > hubdump.toml > default. The only file that reads the environment."""

from __future__ import annotations

import os
import shlex
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from dotenv import dotenv_values
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from hubdump.errors import UsageError
from hubdump.extract.bearer import Credentials, OAuthApp, ServiceKey
from hubdump.extract.plan import Linking
from hubdump.hubspot.endpoints import BASE_URL, base_url
from hubdump.hubspot.pacing import SHARE
from hubdump.model import Secret

DOTENV = Path(".env")
TOML = Path("hubdump.toml")
# What hubdump.toml calls the settings that have no name of their own elsewhere.
TOML_NAMES = {
    "share": "HUBDUMP_SHARE",
    "daily_reserve": "HUBDUMP_DAILY_RESERVE",
    "history": "HUBDUMP_HISTORY",
    "only": "HUBDUMP_ONLY",
    "exclude": "HUBDUMP_EXCLUDE",
    "to": "HUBDUMP_TO",
    "hard_delete": "HUBDUMP_HARD_DELETE",
    "layout": "HUBDUMP_LAYOUT",
    "files": "HUBDUMP_FILES",
    "associations": "HUBDUMP_ASSOCIATIONS",
    "keep_versions": "HUBDUMP_KEEP_VERSIONS",
}
RATE_DEFAULT = 120
# Less of them is one request in ten seconds.
SHARE_LEAST = 0.01
TOKENS = ("HUBSPOT_ACCESS_TOKEN", "HUBSPOT_SERVICE_KEY", "HUBSPOT_TOKEN", "HUBSPOT_PRIVATE_APP_TOKEN")
OAUTH = ("HUBSPOT_CLIENT_ID", "HUBSPOT_CLIENT_SECRET", "HUBSPOT_REFRESH_TOKEN")
GET_ONE = (
    "Make a service key in HubSpot (Development > Keys > Service keys) with read scopes, and put "
    "HUBSPOT_ACCESS_TOKEN=... into .env. To try hubdump without an account: hubdump run --sandbox"
)


# A list in hubdump.toml, words between blanks elsewhere.
Words = Annotated[tuple[str, ...], NoDecode]
Layout = Literal["fivetran", "none"]


class Settings(BaseSettings):
    """What a run is told besides its flags; each field says its rule, and its variable is its alias."""

    model_config = SettingsConfigDict(
        env_file=DOTENV,
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
    )

    rate: int | Literal["auto"] = Field(RATE_DEFAULT, alias="HUBSPOT_MAX_REQUESTS_PER_10S")
    share: float = Field(SHARE, alias="HUBDUMP_SHARE")
    daily_reserve: int = Field(0, alias="HUBDUMP_DAILY_RESERVE")
    max_retries: int | None = Field(None, alias="MAX_RETRIES", ge=0)
    base_url: str = Field(BASE_URL, alias="HUBSPOT_BASE_URL")
    dump: Path | None = Field(None, alias="HUBDUMP_DIR")
    give_up_after_s: float = Field(3600.0, alias="HUBDUMP_GIVE_UP_AFTER", gt=0)

    history: Words = Field((), alias="HUBDUMP_HISTORY")
    only: Words = Field((), alias="HUBDUMP_ONLY")
    exclude: Words = Field((), alias="HUBDUMP_EXCLUDE")
    to: Words = Field((), alias="HUBDUMP_TO")
    hard_delete: bool = Field(False, alias="HUBDUMP_HARD_DELETE")
    layout: Layout | None = Field(None, alias="HUBDUMP_LAYOUT")
    files: bool = Field(False, alias="HUBDUMP_FILES")
    associations: Linking | None = Field(None, alias="HUBDUMP_ASSOCIATIONS")
    keep_versions: bool | None = Field(None, alias="HUBDUMP_KEEP_VERSIONS")

    @field_validator("history", "only", "exclude", "to", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        return value.split() if isinstance(value, str) else value

    @field_validator("associations", mode="before")
    @classmethod
    def _associations(cls, value: object) -> object:
        if value is not None and value not in set(Linking):
            raise ValueError("changed, all or never")
        return value

    @field_validator("layout", mode="before")
    @classmethod
    def _layout(cls, value: object) -> object:
        if value is not None and value not in get_args(Layout):
            raise ValueError("fivetran or none")
        return value

    @field_validator("rate", mode="before")
    @classmethod
    def _rate(cls, value: object) -> object:
        text = str(value).strip()
        if text == "auto":
            return text
        if not text.isdecimal() or not 1 <= int(text) <= 10_000:
            raise ValueError("a whole number from 1 to 10000, or auto")
        return int(text)

    @field_validator("share", mode="before")
    @classmethod
    def _share(cls, value: object) -> object:
        try:
            share = float(str(value))
        except ValueError:
            share = 0.0
        if not SHARE_LEAST <= share <= 1:
            raise ValueError(f"a number from {SHARE_LEAST} to 1, as 0.8 for four fifths of HubSpot's limits")
        return share

    @field_validator("daily_reserve", mode="before")
    @classmethod
    def _daily_reserve(cls, value: object) -> object:
        if not str(value).strip().isdecimal():
            raise ValueError("a whole number of requests, 0 for none")
        return int(str(value))

    @field_validator("base_url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        return base_url(value)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library passes it by name
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings, InitSettingsSource(settings_cls, _toml())

    @property
    def number(self) -> int | None:
        """The user's bound on all requests in any 10 s, None for `auto`."""
        return None if self.rate == "auto" else self.rate


@dataclass(frozen=True, slots=True)
class Loose:
    """A file or folder that others on this machine may read, and what closes it."""

    path: str
    command: str


def load(**flags: Any) -> Settings:
    """The settings; flags that are None count as not given. UsageError names variable, value and rule."""
    _refuse_secrets_in_toml()
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        raise UsageError("\n".join(_told(dict(problem)) for problem in error.errors())) from None
    except (ValueError, OSError) as error:
        raise UsageError(f"{TOML} or {DOTENV} cannot be read: {error}") from error


def credentials() -> Credentials:
    """The token from the environment, else from .env; UsageError when there is none, or two that differ."""
    for source, values in (("the environment", dict(os.environ)), (str(DOTENV), _dotenv(DOTENV))):
        if found := _credentials(source, values):
            return found
    raise UsageError("There is no HubSpot token.", GET_ONE)


def credentials_in(file: Path) -> Credentials:
    """The token in a file that is written as .env is; UsageError when there is none."""
    if found := _credentials(str(file), _dotenv(file)):
        return found
    raise UsageError(f"There is no HubSpot token in {file}.", f"Put HUBSPOT_ACCESS_TOKEN=... into {file}.")


def token_named(variable: str) -> Credentials:
    """The token in a variable of the environment; UsageError when there is none."""
    if value := os.environ.get(variable, "").strip():
        return ServiceKey(Secret(_printable(variable, value)))
    raise UsageError(f"{variable} is not set here, and was to hold a HubSpot token.", GET_ONE)


def _credentials(source: str, values: Mapping[str, str]) -> Credentials | None:
    found = {name: values[name].strip() for name in TOKENS if values.get(name, "").strip()}
    if len(set(found.values())) > 1:
        raise UsageError(
            f"{' and '.join(found)} are both set in {source}, with different values. Nothing was sent.",
            "Keep one of them.",
        )
    if found:
        return ServiceKey(Secret(_printable(*next(iter(found.items())))))
    return _oauth(source, values)


def loose_files(dump: Path | None = None) -> list[Loose]:
    """What others on this machine may read though it is its owner's: the file with secrets, and the dump."""
    found = [(DOTENV, f"chmod 600 {DOTENV}")]
    if dump is not None:
        found.append((dump, f"chmod -R go= {shlex.quote(str(dump))}"))
    return [Loose(str(path), command) for path, command in found if _open_to_others(path)]


def _open_to_others(path: Path) -> bool:
    # Elsewhere modes say nothing.
    return os.name == "posix" and path.exists() and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _oauth(source: str, values: Mapping[str, str]) -> OAuthApp | None:
    found = [values.get(name, "").strip() for name in OAUTH]
    if not any(found):
        return None
    if not all(found):
        missing = [name for name, value in zip(OAUTH, found, strict=True) if not value]
        raise UsageError(f"{' and '.join(missing)} is missing in {source}: OAuth needs {', '.join(OAUTH)}.")
    return OAuthApp(found[0], Secret(found[1]), Secret(found[2]))


def _printable(name: str, value: str) -> str:
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise UsageError(f"{name} holds blanks or characters that no token has. Nothing was sent.", GET_ONE)
    return value


def _dotenv(file: Path) -> dict[str, str]:
    try:
        return {name: value for name, value in dotenv_values(file, encoding="utf-8").items() if value}
    except (ValueError, OSError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error


def _toml() -> dict[str, Any]:
    content = tomllib.loads(TOML.read_text(encoding="utf-8")) if TOML.exists() else {}
    return {TOML_NAMES.get(name, name): value for name, value in content.items()}


def _refuse_secrets_in_toml() -> None:
    try:
        text = TOML.read_text(encoding="utf-8") if TOML.exists() else ""
    except (ValueError, OSError) as error:
        raise UsageError(f"{TOML} cannot be read: {error}") from error
    for name in (*TOKENS, *OAUTH):
        if name in text:
            raise UsageError(f"{TOML} names {name}: no secret belongs into it.", f"Move it to {DOTENV}.")


def _told(problem: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in problem["loc"][:1])
    rule = str(problem["msg"]).removeprefix("Value error, ")
    return f"{name} is '{problem['input']}', but must be: {rule}."
