"""`bandwatch check` and the files of our own server."""

from pathlib import Path

import pytest

from plugin.cli import main

TLS = Path(__file__).parents[1] / "prometheus" / "testdata" / "tls"
TEXT = """
prometheus: {{url: "http://localhost:9090"}}
watches:
  - {{name: cpu, query: up}}
web:
  tls_server_config: {{cert_file: server.pem, key_file: "{key}"}}
"""


def test_check_reads_the_files_for_tls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bandwatch.yml"
    (tmp_path / "server.pem").write_text((TLS / "server.pem").read_text())
    file.write_text(TEXT.format(key=TLS / "server.key"))
    assert main(["check", "--syntax-only", str(file)]) == 0
    file.write_text(TEXT.format(key=TLS / "client.key"))
    assert main(["check", "--syntax-only", str(file)]) == 1
    assert (
        f"web.tls_server_config.key_file: {TLS / 'client.key'}: found " in capsys.readouterr().err
    )


@pytest.mark.parametrize("flag", ["--cert-file", "--key-file"])
def test_a_certificate_and_its_key_come_together(
    flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "x", flag, "file"]) == 1
    assert "--cert-file and --key-file: give both or none" in capsys.readouterr().err
