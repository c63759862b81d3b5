"""A real S3 API of this machine (moto's server), which can go away and come back with what it
holds."""

import socket
from types import TracebackType
from typing import Any, Self

HOST = "127.0.0.1"


class S3Server:
    """Use as a context manager, or start and stop it by hand."""

    def __init__(self) -> None:
        with socket.create_server((HOST, 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://{HOST}:{self.port}"
        self._server: Any = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """As an operator says where it is and who we are."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def start(self) -> None:
        import s3fs
        from moto.server import ThreadedMotoServer

        s3fs.S3FileSystem.clear_instance_cache()  # clients that a test before has made
        self._server = ThreadedMotoServer(ip_address=HOST, port=self.port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
        self._server = None

    def make_bucket(self, name: str) -> None:
        """moto keeps buckets in this process: one of a test before may be there still."""
        import s3fs

        s3fs.S3FileSystem(endpoint_url=self.url, key="test", secret="test").makedirs(
            name, exist_ok=True
        )
