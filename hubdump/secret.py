"""Tokens and keys, kept from whatever prints."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """A value that cannot be printed, logged or pickled by accident; `reveal` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled, nor copied")

    __getstate__ = __reduce__
