"""`bandwatch check` and the files of our own server."""

import socket
from pathlib import Path

import pytest

from plugin.cli import main
from plugin.config import Config
from plugin.errors import ConfigError
from plugin.web.server import Server, listen

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


@pytest.mark.parametrize("watched", [True, False])
def test_run_watches_its_file_only_where_it_is_told_to(
    watched: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bandwatch.yml"
    file.write_text("prometheus: {url: http://localhost:9090}\nwatches: [{name: a, query: up}]\n")
    options: dict[str, object] = {}

    class StandIn:
        """A service that ends at its start."""

        def __init__(self, _: object, **settings: object) -> None:
            options.update(settings)

        def try_reload(self) -> None: ...

        def start(self) -> None:
            raise ConfigError("it has seen enough")

        def stop(self) -> bool:
            server = options["server"]
            assert isinstance(server, Server)
            server.close()
            return True

    monkeypatch.setattr("plugin.app.Service", StandIn)
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    anywhere = ["--web.listen-address", "127.0.0.1:0"]
    assert main(["run", str(file), *anywhere, *(["--config.watch"] if watched else [])]) == 1
    changed = options["config_changed"]
    if not callable(changed):
        assert not watched and changed is None
        return
    file.write_text(file.read_text().replace("name: a", "name: b"))
    assert watched and [changed(), changed()] == [False, True]


def test_a_service_that_cannot_be_built_listens_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bandwatch.yml"
    (tmp_path / "data").write_text("no folder")
    file.write_text(
        "prometheus: {url: http://localhost:9090}\nwatches: [{name: a, query: up}]\n"
        f"store: {{path: {tmp_path}/data}}\nweb: {{listen_address: '127.0.0.1:0'}}\n"
    )
    servers: list[Server] = []

    def keep(config: Config) -> Server:
        servers.append(listen(config))
        return servers[-1]

    monkeypatch.setattr("plugin.web.server.listen", keep)
    assert main(["run", str(file)]) == 1
    assert "check `store.path`" in capsys.readouterr().err
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", servers[0].port), timeout=5)
