"""Names that no naming convention of others changes: small letters, digits, single underscores."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

# PostgreSQL holds no more.
LENGTH_MAX = 63
_PLAIN = re.compile(r"_?[a-z][a-z0-9]*(_[a-z0-9]+)*")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OTHER = re.compile(r"[^a-z0-9]+")
_SUFFIX = 20


def plain(names: Iterable[str]) -> dict[str, str]:
    """A plain name for each of these, which stand together: itself where it is one.

    A hump becomes an underscore. A name that others have, or that is too long, gets a suffix made of the name itself.
    """
    found = {name: name for name in names}
    taken = {name for name in found if is_plain(name)}
    for name in found.keys() - taken:
        found[name] = ""
    for name in (name for name, one in found.items() if not one):
        plainer, chars = _plainer(name), 4
        while not is_plain(plainer) or plainer in taken:
            suffix = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:chars]
            plainer = f"{_plainer(name)[: LENGTH_MAX - _SUFFIX].rstrip('_')}_x{suffix}"
            chars += 1
        taken.add(plainer)
        found[name] = plainer
    return found


def is_plain(name: str) -> bool:
    return len(name) <= LENGTH_MAX and bool(_PLAIN.fullmatch(name))


def _plainer(name: str) -> str:
    words = _OTHER.sub("_", _HUMP.sub("_", name).lower()).strip("_")
    if not words or words[0].isdigit():
        words = f"x{words}"
    return f"_{words}" if name.startswith("_") else words
