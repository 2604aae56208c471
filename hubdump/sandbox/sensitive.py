"""Sensitive values: the scopes that reading them needs beside the type's own, and what an app without them gets.

Definitions of sensitive properties need no such scope (documentation); that a request for a value is refused
as a whole is one connector's report, and no document says so.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace

from hubdump.sandbox.apps import forbidden
from hubdump.sandbox.records import Shelf
from hubdump.sandbox.written import Wish

# A name that no property has: as good as not asked for.
_NO_PROPERTY = ""


def readable(shelf: Shelf, wish: Wish, held: AbstractSet[str] | None, *, refusing: bool) -> Wish:
    """What of a wish an app may read; `held` are its scopes, None for all. Refused (403) where `refusing`."""
    if held is None:
        return wish
    scopes = {name: _scope(shelf, name) for name in (*(wish.properties or ()), *wish.history)}
    lacking = {name: scope for name, scope in scopes.items() if scope and scope not in held}
    if not lacking:
        return wish
    if refusing:
        raise forbidden(list(dict.fromkeys(lacking.values())))
    kept = None
    if wish.properties is not None:
        kept = tuple(_NO_PROPERTY if name in lacking else name for name in wish.properties)
    return replace(wish, properties=kept, history=tuple(name for name in wish.history if name not in lacking))


def _scope(shelf: Shelf, name: str) -> str:
    """The scope that reading a property's values needs beside the type's own; '' where none."""
    definition = shelf.definitions.get(name)
    return shelf.kind.sensitive_scope(definition.sensitivity) if definition is not None else ""
