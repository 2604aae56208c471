"""Many portals in a file: what it says, what it may not say, and where tokens are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubdump.errors import UsageError
from hubdump.extract.bearer import OAuthApp, ServiceKey
from hubdump.portals import portals_in
from tests.conftest import TOKEN


def written(folder: Path, text: str) -> Path:
    file = folder / "portals.toml"
    file.write_text(text)
    return file


def test_each_portal_has_a_dump_of_its_own_and_a_token_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_TOKEN", f" {TOKEN} ")
    (tmp_path / "beta.env").write_text(
        "HUBSPOT_CLIENT_ID=1\nHUBSPOT_CLIENT_SECRET=2\nHUBSPOT_REFRESH_TOKEN=3\n"
    )
    (tmp_path / "gamma.env").write_text(f"HUBSPOT_SERVICE_KEY={TOKEN}\n")
    text = """
        dumps = "shared"
        [portals.acme]
        token_env = "ACME_TOKEN"
        exclude = ["emails"]
        [portals.beta]
        env_file = "beta.env"
        dump = "/elsewhere/beta"
        [portals.gamma]
        env_file = "gamma.env"
        [portals.try]
        sandbox = "tiny"
    """
    acme, beta, gamma, trial = portals_in(written(tmp_path, text))
    assert [(one.name, one.dump) for one in (acme, beta, trial)] == [
        ("acme", tmp_path / "shared/acme"),
        ("beta", Path("/elsewhere/beta")),
        ("try", tmp_path / "shared/try"),
    ]
    assert (acme.exclude, trial.sandbox, trial.credentials()) == (("emails",), "tiny", None)
    keys = [acme.credentials(), gamma.credentials()]
    assert [key.token.reveal() for key in keys if isinstance(key, ServiceKey)] == [TOKEN, TOKEN]
    app = beta.credentials()
    assert isinstance(app, OAuthApp)
    assert app.client_id == "1"
    assert TOKEN not in repr((acme, gamma, *keys))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"missing required field `portals`"),
        ("portals = {}", r"There is no portal in "),
        ("portals = 7\n", r"Expected `object`, got `int`"),
        ("[portals.acme", r"cannot be read"),
        (f'[portals.acme]\ntoken = "{TOKEN}"', r"unknown field `token`"),
        ("[portals.acme]", r"acme needs one of token_env, env_file and sandbox"),
        ('[portals.acme]\ntoken_env = "A"\nsandbox = "tiny"', r"acme needs one of"),
        ('[portals."../acme"]\ntoken_env = "A"', r"'\.\./acme' is the name of no folder"),
        ('[portals.".."]\ntoken_env = "A"', r"'\.\.' is the name of no folder"),
        ('[portals.""]\ntoken_env = "A"', r"'' is the name of no folder"),
        (
            '[portals.a]\ntoken_env = "A"\n[portals.A]\ntoken_env = "B"',
            r"a and A of .* would have the same dump",
        ),
        ('[portals.a]\ntoken_env = "A"\n[portals.b]\ntoken_env = "B"\ndump = "x/../a"', r"the same dump"),
    ],
)
def test_a_file_that_is_not_as_it_must_be_is_refused_and_shows_no_token(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        portals_in(written(tmp_path, text))
    assert TOKEN not in f"{refused.value.message} {refused.value.hint}"
    assert "docs/many-portals.md" in refused.value.hint


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('token_env = "NOWHERE"', r"NOWHERE is not set here"),
        ('env_file = "nothing.env"', r"There is no HubSpot token in .*nothing\.env"),
        ('env_file = "."', r"cannot be read|There is no HubSpot token"),
    ],
)
def test_a_token_that_is_not_there_is_told_by_its_place(tmp_path: Path, said: str, told: str) -> None:
    (portal,) = portals_in(written(tmp_path, f"[portals.acme]\n{said}"))
    with pytest.raises(UsageError, match=told):
        portal.credentials()
