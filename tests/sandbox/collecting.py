"""Collections in a word: their truth, edits of them, and all the pages of a list."""

from __future__ import annotations

from typing import Any

from tests.sandbox.asking import Asking


def truth(portal: Asking, name: str, parent: str = "") -> dict[str, Any]:
    """The bodies of a collection as truth has them."""
    told = portal.get("/_sandbox/truth", types="pets", items=name)
    bodies: dict[str, Any] = told["bodies"][name][parent]
    assert sorted(bodies) == sorted(told["items"][name].get(parent, []))
    return bodies


def edit(portal: Asking, do: str, collection: str, status: int = 200, **more: Any) -> Any:
    """What an edit of an item answers."""
    return portal.post(
        "/_sandbox/items", {"edits": [{"do": do, "collection": collection} | more]}, status
    ).get("results", [None])[0]


def listed(portal: Asking, path: str, key: str = "id", **params: str) -> dict[str, Any]:
    """Every item of a paged list by its key; none may come twice."""
    found = [item for page in portal.pages(path, **params) for item in page]
    assert len({item[key] for item in found}) == len(found)
    return {item[key]: item for item in found}
