"""Mutants of what is sent and what is believed: budgets, failures, clocks, secrets."""

from __future__ import annotations

from hubdump import session
from hubdump.extract import exchange, reading, sending
from hubdump.hubspot import client, daily, pacing, window
from tests.simulation.mutants.algorithm import LOSS
from tests.simulation.mutants.breaking import Edit, Mutant

_LIMIT = frozenset({"LIMIT"})
_ANSWERED = "            self._budgets.answered(request.budget, self._clock.now_ns())\n"
# An answer without anything in it, of whatever is asked for.
_NOTHING = (
    "__import__('msgspec').convert({'results': [], 'total': 0}, request.expects)"
    " if 'results' in request.expects.__struct_fields__ else None"
)

SENDING: tuple[Mutant, ...] = (
    Mutant(
        "client's clock",
        "What is fresh is told by this machine's clock.",
        (
            Edit(
                exchange,
                "        return self._sender.server_us\n",
                "        return int(self._clock.wall_s() * 1_000_000)\n",
            ),
        ),
        LOSS | {"UNFRESH"},
    ),
    Mutant(
        "errors swallowed",
        "After three failures a request passes for answered, with nothing.",
        (
            Edit(
                exchange,
                "            raise_what_is_final(outcome, request)\n",
                "            raise_what_is_final(outcome, request)\n"
                f"            if tries.failures >= 2 and (nothing := {_NOTHING}):\n"
                "                response = __import__('hubdump.model').model.Response(200, {}, b'{\"results\":[]}')\n"
                "                return Answer(nothing, response)\n",
            ),
        ),
        LOSS,
        "failing",
    ),
    Mutant(
        "what is no JSON is empty",
        "An answer of 200 that cannot be read passes for one with nothing in it.",
        (
            Edit(
                reading,
                "        # Its text may hold what the page does.\n",
                f"        if nothing := {_NOTHING}:\n"
                "            return Answer(nothing, replace(response, body=b'{\"results\":[]}', encoding='')), 0\n",
            ),
        ),
        LOSS,
        "failing",
    ),
    Mutant(
        "207 is a failure",
        "An answer in part counts as none, and is asked for again.",
        (Edit(reading, "if response.status in _COMPLETE:", "if response.status == 200:"),),
        frozenset({"UNDULY"}),
        "later",
    ),
    Mutant(
        "slots freed at once",
        "A request's slot is counted from when it was sent, not from when its answer came.",
        (
            Edit(sending, _ANSWERED, ""),
            Edit(sending, "            self._touch()\n", "            self._touch()\n" + _ANSWERED),
        ),
        _LIMIT,
        "hurried",
    ),
    Mutant(
        "retries beside the budgets",
        "What is sent again takes no slot.",
        (
            Edit(
                exchange,
                "outcome = await self._sender.send(request, token)\n            else",
                "outcome = await self._sender.send(request, token, probing=tries.failures > 0)\n            else",
            ),
            Edit(
                sending,
                "                await self._slots.take()\n",
                "                await self._slots.take()\n"
                "                if probing:\n                    return True\n",
            ),
            Edit(sending, _ANSWERED, "            if not probing:\n    " + _ANSWERED),
        ),
        _LIMIT,
        "hurried",
    ),
    Mutant(
        "one too many",
        "A window holds one request more than it may.",
        (Edit(window, "        if over < 0:\n", "        if over <= 0:\n"),),
        _LIMIT,
        "hurried",
    ),
    Mutant(
        "share applied twice",
        "What hubdump takes of a limit is taken of what it takes.",
        (Edit(pacing, "int(most * self._share)", "int(most * self._share * self._share)"),),
        frozenset(),
        test="tests/test_limits.py::test_a_share_of_hubspots_limits_is_taken_once",
    ),
    Mutant(
        "reserve not kept",
        "What is under way does not count against what is left to others.",
        (Edit(daily, "max(0, self.remaining - self._uncounted)", "self.remaining"),),
        frozenset(),
        test="tests/test_limits.py::test_a_reserve_is_kept_whatever_is_under_way",
    ),
    Mutant(
        "the last run's requests forgotten",
        "A process does not wait until HubSpot has forgotten those of the one before.",
        (Edit(session, "    if wait_s > 0:\n", "    if wait_s > WINDOW_S:\n"),),
        _LIMIT,
        "hurried",
    ),
    Mutant(
        "a token in an error's text",
        "What HubSpot or the network says in an error is told as it came.",
        (
            Edit(
                reading,
                '    return hidden(text.encode("utf-8", "surrogateescape"), secrets).decode("utf-8", "replace")\n',
                "    return text\n",
            ),
            Edit(reading, "hidden(text, secrets), now_s)", "text, now_s)"),
        ),
        frozenset({"LEAK"}),
        "failing",
    ),
    Mutant(
        "redirects followed",
        "A redirect is followed, with the token.",
        (Edit(client, "allow_redirects=False", "allow_redirects=True"),),
        frozenset(),
        test="tests/test_security.py::test_no_redirect_no_proxy_and_no_netrc_is_followed",
    ),
)
