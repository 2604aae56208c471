"""The currencies of a portal: its own, and what others are worth in it."""

from __future__ import annotations

from dataclasses import dataclass

from hubdump.sandbox.answers import Response, ok
from hubdump.sandbox.calls import Call
from hubdump.sandbox.items import Body, Collection, Items, chance, since_ms
from hubdump.sandbox.moments import iso
from hubdump.sandbox.portal import Portal

COMPANY = "USD"
_OTHERS = ("EUR", "GBP", "JPY", "CHF", "SEK", "BRL", "INR", "CAD")


def _rate(portal: Portal, _: str, index: int) -> Body:
    number = chance(portal, "currencies", "", index)
    made = iso(since_ms(number))
    return {
        "id": str(910_000 + 7 * index), "fromCurrencyCode": _OTHERS[index % len(_OTHERS)],
        "toCurrencyCode": COMPANY, "conversionRate": round(0.01 + number % 200_000 / 100_000, 6),
        "effectiveAt": made, "visibleInUI": True, "createdAt": made, "updatedAt": made,
    }  # fmt: skip


def _company(_: Portal, __: str, ___: int) -> Body:
    made = "2021-01-04T09:10:11.012Z"
    return {"id": "900001", "currencyCode": COMPANY, "createdAt": made, "updatedAt": made}


RATES = Collection(
    "currencies", lambda body: str(body["id"]), _rate, lambda portal, _: portal.spec.items["currencies"]
)
COMPANY_CURRENCY = Collection("company_currency", lambda body: str(body["id"]), _company, lambda _, __: 1)


@dataclass(frozen=True, slots=True)
class Currencies:
    """Answers for currencies."""

    items: Items

    def current(self, _: Call) -> Response:
        """What each currency is worth now; the specification has no pages here."""
        return ok({"results": list(self.items.there(RATES))})

    def company(self, _: Call) -> Response:
        return ok(next(self.items.there(COMPANY_CURRENCY)))

    def codes(self) -> list[str]:
        """The other currencies of the portal, as account details name them."""
        return sorted({str(body["fromCurrencyCode"]) for body in self.items.there(RATES)})
