"""Every answer tells browsers what they may do with it."""

import pytest
from flask.testing import FlaskClient

from plugin.web.security_headers import SECURITY_HEADERS


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/-/healthy", 200),
        ("/metrics", 200),
        ("/api/v1/scores", 200),
        ("/api/v1/scores?unknown=1", 400),
        ("/nowhere", 404),
    ],
)
def test_every_answer_has_them(client: FlaskClient, path: str, status: int) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert {name: response.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


def test_a_page_has_a_policy_of_its_own(client: FlaskClient) -> None:
    response = client.get("/feedback")
    policies = response.headers.getlist("Content-Security-Policy")
    assert response.mimetype == "text/html"
    assert len(policies) == 1 and "style-src" in policies[0] and "frame-ancestors" in policies[0]
    assert response.headers.getlist("X-Content-Type-Options") == ["nosniff"]
