"""Which scopes a run needs for what is selected: known before there is a token, and without a network."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hubdump import around
from hubdump.catalog import STANDARD, with_sensitive
from hubdump.errors import UsageError
from hubdump.model import CUSTOM, ObjectType
from hubdump.store.discovered import SCOPES as CUSTOM_SCOPES

# Every run begins with the account details.
ACCOUNT = around.by_name("account").scopes
# A custom object by its type id or by its fully qualified name; what else it is called only a portal knows.
_IS_CUSTOM = re.compile(r"(2-\d+|p\d+_\w+)\Z")


def needed(only: Sequence[str], exclude: Sequence[str]) -> tuple[str, ...]:
    """The scopes, sorted; UsageError for a word that names nothing, and where nothing is left."""
    types = _types(only, exclude)
    # Associations need the scopes of both sides; what leads to other types that nobody selected is told, no error.
    far = {type_.name for type_ in STANDARD.types if type_.central} if types else set()
    scopes = {scope for name in types | far for scope in STANDARD.by_name(name).scopes}
    rows = around.selected(only, exclude)
    scopes.update(scope for row in rows for scope in row.scopes)
    custom = _reads_custom(only, exclude)
    if not (types or rows or custom):
        raise UsageError("Nothing is left to extract: --only and --exclude leave nothing.")
    return tuple(sorted({*scopes, *ACCOUNT, *(CUSTOM_SCOPES if custom else ())}))


def optional(only: Sequence[str], exclude: Sequence[str]) -> tuple[str, ...]:
    """The scopes, sorted, by which sensitive properties of what is selected are read too, where there are any."""
    types = [STANDARD.by_name(name) for name in _types(only, exclude)]
    if _reads_custom(only, exclude):
        types.append(with_sensitive(ObjectType("", "", ""), CUSTOM))
    return tuple(sorted({one for type_ in types for one in (type_.sensitive, type_.highly_sensitive) if one}))


def _types(only: Sequence[str], exclude: Sequence[str]) -> set[str]:
    """The names of HubSpot's own types that are selected."""
    wanted = _named(only) if only else {type_.name for type_ in STANDARD.types}
    return wanted - _named(exclude)


def _named(words: Sequence[str]) -> set[str]:
    own = (word for word in around.others(words, STANDARD.knows) if not _IS_CUSTOM.match(word))
    return {name for word in own for name in STANDARD.named(word)}


def _reads_custom(only: Sequence[str], exclude: Sequence[str]) -> bool:
    named = any(word == CUSTOM or _IS_CUSTOM.match(word) for word in only)
    return (named or not only) and CUSTOM not in exclude
