"""Links: only those that we have made, unchanged and in time."""

import stat
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from pydantic import SecretStr

from plugin.config import WebSettings
from plugin.domain.times import DAY
from plugin.errors import RequestError, StoreError
from plugin.web.links import KEY_FILE, ROUND_SECONDS, SignedLinks

NOW = 1_795_220_000
ABOUT = {"watch": "web", "series": 'up{job="a&b"}', "at": "1795219740000"}


def settings(token: str | None = "secret", **others: object) -> WebSettings:
    return WebSettings.model_validate(
        {
            "external_url": "https://bandwatch.example.org/b",
            **others,
            "write_token": SecretStr(token) if token else None,
        }
    )


def opened(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def test_a_link_holds_until_it_expires(tmp_path: Path) -> None:
    links = SignedLinks(settings(), tmp_path)
    url = links.url(ABOUT, NOW)
    assert url.startswith(
        "https://bandwatch.example.org/b/feedback?watch=web&series=up%7Bjob%3D%22a%26b%22%7D&at="
    )
    given = opened(url)
    assert NOW + 7 * DAY <= int(given["expires"]) < NOW + 7 * DAY + ROUND_SECONDS
    for now in (NOW, int(given["expires"])):
        links.check(given, now)
    with pytest.raises(RequestError, match="has expired") as refused:
        links.check(given, int(given["expires"]) + 1)
    assert refused.value.status == 403
    assert links.url(ABOUT, NOW + 60) == url, "a table that is read each minute shows the same link"


@pytest.mark.parametrize(
    "change",
    [
        {"watch": "wep"},
        {"series": "up{}"},
        {"at": "1795219740001"},
        {"expires": str(NOW + 900 * DAY)},
        {"incident": "1-1"},
        {"signature": ""},
        {"signature": "ü"},
        {"signature": "A" * 43},
        {"watch": ""},
        {"expires": "never"},
        {"expires": ""},
    ],
)
def test_a_link_that_was_changed_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    links = SignedLinks(settings(), tmp_path)
    with pytest.raises(
        RequestError, match="was not made by this service, or it was changed"
    ) as refused:
        links.check({**opened(links.url(ABOUT, NOW)), **change}, NOW)
    assert refused.value.status == 403


def test_names_do_not_run_into_each_other(tmp_path: Path) -> None:
    links = SignedLinks(settings(), tmp_path)
    made = [
        links.signed(about, NOW, DAY)["signature"]
        for about in (
            {"watch": "ab", "series": "c"},
            {"watch": "a", "series": "bc"},
            {"incident": "ab", "series": "c"},
            {"series": "ab\nc"},
            {"watch": 'ab","c'},
        )
    ]
    assert len(set(made)) == len(made)


def test_a_new_token_ends_all_links(tmp_path: Path) -> None:
    given = opened(SignedLinks(settings(), tmp_path).url(ABOUT, NOW))
    SignedLinks(settings(), tmp_path).check(given, NOW)
    with pytest.raises(RequestError):
        SignedLinks(settings("another"), tmp_path).check(given, NOW)
    assert not (tmp_path / KEY_FILE).exists()


def test_without_a_token_the_key_is_a_file_that_only_we_may_read(tmp_path: Path) -> None:
    given = opened(SignedLinks(settings(None), tmp_path).url(ABOUT, NOW))
    file = tmp_path / KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    SignedLinks(settings(None), tmp_path).check(given, NOW)
    with pytest.raises(RequestError):
        SignedLinks(settings(None), tmp_path / "..").check(given, NOW)
    (tmp_path.parent / KEY_FILE).unlink()
    file.write_bytes(b"")
    with pytest.raises(StoreError, match="is not a key of ours"):
        SignedLinks(settings(None), tmp_path)


def test_nobody_is_sent_where_nobody_said(tmp_path: Path) -> None:
    links = SignedLinks(settings(external_url=None), tmp_path)
    assert links.url(ABOUT, NOW) == "" and not links.offered


def test_a_link_of_an_older_version_still_holds(tmp_path: Path) -> None:
    link = {
        **ABOUT,
        "expires": "1795827600",
        "signature": "X2agBFPmDgSuy9ky-74nztQ5KfbQBVYdBG7cvuo_BE4",
    }
    SignedLinks(settings(), tmp_path).check(link, NOW)
