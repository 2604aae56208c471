"""Breaks the core in place: snippets of its source are replaced, and the functions they stand in get the new code."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tests.simulation.mutants.worlds import ANY


class Outdated(AssertionError):
    """A mutant whose snippet the core does not have any more: it would break nothing, and be worth nothing."""


@dataclass(frozen=True, slots=True)
class Edit:
    """In `module` the snippet `old`, which is there exactly once, becomes `new`; within functions only."""

    module: ModuleType
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: `broken` says in a sentence what; a violation of one of `kinds` must find it.

    `world` names the scenarios that make it likely (worlds.py). Where the simulation cannot see it at all, `test`
    is the test that does, and `kinds` are empty. Seeds are tried from `first` on: for what few scenarios can see.
    """

    name: str
    broken: str
    edits: tuple[Edit, ...]
    kinds: frozenset[str]
    world: str = ANY
    test: str = ""
    first: int = 0


@contextmanager
def broken(mutant: Mutant) -> Iterator[int]:
    """Within, the core has this fault, whoever imported what of it before; how many functions were changed."""
    before = []
    try:
        for function, code in _changes(mutant):
            before.append((function, function.__code__))
            function.__code__ = code
        yield len(before)
    finally:
        for function, code in before:
            function.__code__ = code


def _changes(mutant: Mutant) -> list[tuple[FunctionType, CodeType]]:
    by_module: defaultdict[ModuleType, list[Edit]] = defaultdict(list)
    for edit in mutant.edits:
        by_module[edit.module].append(edit)
    found = []
    for module, edits in by_module.items():
        path = Path(str(module.__file__))
        source = changed = path.read_text("utf-8")
        for edit in edits:
            if changed.count(edit.old) != 1:
                raise Outdated(
                    f"{mutant.name}: {module.__name__} has {changed.count(edit.old)} times {edit.old!r}"
                )
            changed = changed.replace(edit.old, edit.new)
        names = _differing(mutant, source, changed)
        codes = dict(_codes(compile(changed, str(path), "exec", dont_inherit=True)))
        live = dict(_functions(module))
        found += [(live[name], codes[name]) for name in names]
    return found


def _differing(mutant: Mutant, source: str, changed: str) -> list[str]:
    """The functions that differ between two sources; Outdated where anything else does, or nothing."""
    (rest, before), (other_rest, after) = _taken_apart(source), _taken_apart(changed)
    names = [name for name, text in after.items() if before.get(name) != text]
    if rest != other_rest or before.keys() != after.keys() or not names:
        raise Outdated(f"{mutant.name} changes nothing, or more than the bodies of functions")
    return names


def _taken_apart(source: str) -> tuple[str, dict[str, str]]:
    """What a module holds beside the bodies of its functions, and those, by their qualified names."""
    tree, bodies = ast.parse(source), {}

    def walk(node: ast.Module | ast.ClassDef, prefix: str) -> None:
        for child in node.body:
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                bodies[prefix + child.name] = ast.unparse(ast.Module(child.body, []))
                child.body = [ast.Pass()]
            elif isinstance(child, ast.ClassDef):
                walk(child, f"{prefix}{child.name}.")

    walk(tree, "")
    return ast.unparse(tree), bodies


def _codes(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    """The functions of a compiled module and of its classes."""
    for const in code.co_consts:
        if isinstance(const, CodeType) and "<" not in const.co_qualname:
            yield const.co_qualname, const
            yield from _codes(const)


def _functions(holder: Any) -> Iterator[tuple[str, FunctionType]]:
    """The same of a living module, under what decorates them."""
    home = holder.__name__ if isinstance(holder, ModuleType) else holder.__module__
    for value in vars(holder).values():
        if isinstance(value, type) and value.__module__ == home:
            yield from _functions(value)
        bare = getattr(value, "fget", None) or getattr(value, "__func__", value)
        bare = getattr(bare, "__wrapped__", bare)
        if isinstance(bare, FunctionType) and bare.__module__ == home:
            yield bare.__code__.co_qualname, bare
