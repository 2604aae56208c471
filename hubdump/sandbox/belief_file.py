"""Reads beliefs from a file: the part of a `probe.json` that says how one real portal behaves."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import msgspec

from hubdump.sandbox.beliefs import Beliefs
from hubdump.sandbox.config import TIERS, SandboxError, Tier


def read(path: Path, tier: str) -> tuple[tuple[str, ...], Tier | None]:
    """The file's beliefs as `name=value`, and its limits (None where it has none) over those of `tier`.

    The file is {"beliefs": {name: value}, "tier": {limit: number} or a tier's name}; both may be absent,
    other keys are ignored. SandboxError when it cannot be read or holds a name that is not known.
    """
    content = _content(path)
    found = content.get("beliefs", {})
    if not isinstance(found, dict):
        raise SandboxError(f"{path}: 'beliefs' must be an object of names and values")
    beliefs = tuple(f"{name}={value}" for name, value in found.items())
    try:
        Beliefs(beliefs)
    except SandboxError as error:
        raise SandboxError(f"{path}: {error}") from error
    return beliefs, _tier(path, content.get("tier"), tier)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise SandboxError(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise SandboxError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise SandboxError(f"{path} must hold a JSON object")
    return content


def _tier(path: Path, found: object, name: str) -> Tier | None:
    if found is None:
        return None
    if isinstance(found, str) and found in TIERS:
        return TIERS[found]
    allowed = [field.name for field in fields(Tier)]
    if not isinstance(found, dict) or not set(found) <= set(allowed):
        raise SandboxError(f"{path}: 'tier' must be one of {', '.join(TIERS)}, or hold: {', '.join(allowed)}")
    base = TIERS[name]
    for field, value in found.items():
        number = isinstance(value, int) and not isinstance(value, bool) and value > 0
        if not number and not (value is None and "daily" in field):
            raise SandboxError(f"{path}: tier {field} is {value!r}, but must be a whole number above 0")
    return replace(base, **found)
