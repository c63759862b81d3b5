"""Addresses in messages and logs."""

import pytest

from plugin.public_addresses import public_part, public_url, written_url


def test_a_public_address_has_neither_user_nor_password_nor_query() -> None:
    url = "https://me:hunter2@prom.example:9090/prefix/?token=hunter2#hunter2"
    assert public_url(url) == "https://prom.example:9090/prefix"


def test_a_written_address_says_that_it_has_a_query() -> None:
    assert written_url("http://me:hunter2@h:1/x?token=hunter2") == "http://h:1/x?<secret>"
    assert written_url("http://h:1/x/") == "http://h:1/x/"


@pytest.mark.parametrize(
    "text",
    [
        'http://me:hunter2"v1/write',
        "http://me:hunter2",
        "http://me:hunter2/",
        "me:hunter2",
        "http//me:hunter2",
        "http://h/a:hunter2",
        "http://[::1]:hunter2",
        "http://h hunter2",
    ],
)
def test_what_may_be_a_password_is_no_public_part(text: str) -> None:
    assert public_part(text) == ""


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("prometheus:9090", "prometheus:9090"),
        ("htp://prometheus", "htp://prometheus"),
        ("https://[::1]:9090/a~b/", "https://[::1]:9090/a~b/"),
        ("http://h:1/graph?token=hunter2", "http://h:1/graph?…"),
        ("http://h/#hunter2", "http://h/?…"),
    ],
)
def test_the_rest_is_shown_without_its_query(text: str, part: str) -> None:
    assert public_part(text) == part
