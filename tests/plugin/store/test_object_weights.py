"""Weights in a folder, behind a `file:` URL and in an object store: they behave alike, and what
goes wrong is told with what to do."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.errors import ResourcesExhausted, StoreError, WeightsUnavailable
from plugin.store import Store, object_weights
from plugin.store.object_weights import ObjectWeights
from plugin.store.weights import WeightFiles, Weights, encoded
from tests.object_store import S3Server

STATE = {"weight": np.arange(12, dtype=np.float32).reshape(3, 4), "after.level": np.zeros(3)}
NO_CLIENT = "s3fs and moto are not installed: pip install bandwatch[s3] 'moto[server]'"


@pytest.fixture(scope="module")
def running() -> Iterator[S3Server]:
    for library in ("s3fs", "moto"):
        pytest.importorskip(library, reason=NO_CLIENT)
    with S3Server() as server:
        server.make_bucket("models")
        yield server


@pytest.fixture
def s3(running: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(object_weights, "RETRY_SECONDS", 0.01)
    return running


@pytest.fixture
def place(s3: S3Server, tmp_path: Path) -> str:
    """A prefix of this test."""
    return f"s3://models/{tmp_path.name}"


def opened(folder: Path, place: str) -> ObjectWeights:
    """As a machine sees it whose disk is this folder."""
    folder.mkdir(exist_ok=True)
    return ObjectWeights(folder, place)


def shared(folder: Path) -> str:
    """The URL of a folder that several machines reach."""
    (folder / "shared").mkdir(exist_ok=True)
    return f"file:{folder}/shared"


@pytest.fixture(params=["folder", "file", "s3"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Weights:
    folder = tmp_path / "weights"
    folder.mkdir()
    if request.param == "folder":
        return WeightFiles(folder)
    if request.param == "file":
        return ObjectWeights(folder, shared(tmp_path))
    return ObjectWeights(folder, request.getfixturevalue("place"))


def test_every_place_keeps_the_contract(made: Weights, tmp_path: Path) -> None:
    assert made.count() == 0
    path = made.write(7, STATE)
    assert path == tmp_path / "weights" / "7.safetensors"
    found = made.read(path, [2, 0])
    assert set(found) == set(STATE)
    np.testing.assert_array_equal(found["weight"], STATE["weight"][[2, 0]])
    made.write(8, STATE)
    assert made.count() == 2 and made.size_bytes() > 0
    with pytest.raises(StoreError, match="cannot be read|no such weights") as missing:
        made.read(path.with_name("9.safetensors"), [0])
    assert not isinstance(missing.value, ResourcesExhausted)
    with pytest.raises(StoreError, match="weights cannot be read"):
        made.read(path, [3])
    made.remove_unfinished()
    made.remove_unused(["8.safetensors"])
    assert made.count() == 2, "the fit of the other may still come to an end"


def test_what_no_model_refers_to_is_removed_after_an_hour(
    made: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [made.write(version, STATE) for version in (7, 8)]
    monkeypatch.setattr(object_weights, "ABANDONED_AFTER_SECONDS", -5)
    monkeypatch.setattr("plugin.store.weights.ABANDONED_AFTER_SECONDS", -5)
    made.remove_unused(["8.safetensors"])
    assert made.count() == 1 and not paths[0].exists()
    assert made.read(paths[1], [0])["weight"].shape == (1, 4)


@pytest.mark.parametrize("scheme", ["file", "s3"])
def test_another_machine_reads_what_this_one_has_written(
    scheme: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = shared(tmp_path) if scheme == "file" else request.getfixturevalue("place")
    opened(tmp_path / "one", url).write(7, STATE)
    two = opened(tmp_path / "two", url)
    path = tmp_path / "two" / "7.safetensors"
    np.testing.assert_array_equal(two.read(path, [1])["weight"], STATE["weight"][[1]])
    assert path.exists(), "the next read asks for nothing"


def test_a_damaged_copy_is_fetched_anew_and_a_damaged_object_is_told(tmp_path: Path) -> None:
    weights = opened(tmp_path / "one", shared(tmp_path))
    path = weights.write(7, STATE)
    whole = path.read_bytes()
    damaged = whole[:-1] + bytes([whole[-1] ^ 0x10])
    path.write_bytes(damaged)
    assert weights.read(path, [0])["weight"].shape == (1, 4) and path.read_bytes() == whole
    path.unlink()
    (tmp_path / "shared" / path.name).write_bytes(damaged)
    with pytest.raises(StoreError, match="damaged: its checksum"):
        weights.read(path, [0])


def test_copies_take_no_more_room_than_they_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(encoded(STATE))
    monkeypatch.setattr(object_weights, "CACHE_BYTES", 2 * size)
    weights = opened(tmp_path / "one", shared(tmp_path))
    paths = []
    for version in (1, 2, 3):
        paths.append(weights.write(version, STATE))
        os.utime(paths[-1], (version, version))
    weights.write(4, STATE)
    assert [path.exists() for path in paths] == [False, False, True]
    assert weights.read(paths[0], [0]) and weights.count() == 4


def test_a_version_is_written_once(place: str, tmp_path: Path) -> None:
    weights = opened(tmp_path / "one", place)
    weights.write(7, STATE)
    weights.write(7, STATE)  # as after an answer that was lost
    with pytest.raises(StoreError, match="other weights of this version: .* `store.weights`"):
        opened(tmp_path / "two", place).write(7, {"weight": np.zeros((3, 4))})


def unavailable(operation: Callable[[], object], words: str) -> None:
    with pytest.raises(WeightsUnavailable, match=words):
        operation()


def test_a_bucket_that_is_missing_costs_no_model(s3: S3Server, tmp_path: Path) -> None:
    weights = opened(tmp_path / "one", "s3://nowhere/here")
    path = tmp_path / "one" / "7.safetensors"
    for operation in (
        lambda: weights.read(path, [0]),
        lambda: weights.write(7, STATE),
        weights.count,
    ):
        unavailable(operation, r"s3://nowhere/here: .*nowhere does not exist: create it")


def test_without_credentials_it_is_told_how_to_give_them(
    s3: S3Server, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    weights = opened(tmp_path / "one", place)
    _forget_clients()
    unavailable(lambda: weights.write(7, STATE), "NoCredentialsError: .*give credentials as")
    _forget_clients()


def test_a_store_that_is_away_is_tried_again_and_found_when_it_is_back(
    s3: S3Server, place: str, tmp_path: Path
) -> None:
    weights = opened(tmp_path / "one", place)
    path = weights.write(7, STATE)
    s3.stop()
    try:
        assert weights.read(path, [0]), "from the copy"
        began = time.monotonic()
        unavailable(lambda: weights.write(8, STATE), "EndpointConnectionError: .*try again later")
        assert time.monotonic() - began < 10
        path.unlink()
        unavailable(lambda: weights.read(path, [0]), "try again later")
    finally:
        s3.start()
    assert weights.read(path, [0])["weight"].shape == (1, 4)
    weights.write(8, STATE)


def test_a_folder_that_is_not_mounted_costs_no_model(tmp_path: Path) -> None:
    weights = opened(tmp_path / "one", f"file:{tmp_path}/mount")
    unavailable(lambda: weights.read(tmp_path / "one" / "7.safetensors", [0]), "mount.*create it")


def test_a_client_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = opened(tmp_path / "one", "gs://models/here")
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
    unavailable(weights.count, "install `gcsfs`")


def test_a_store_keeps_its_models_elsewhere(tmp_path: Path) -> None:
    url = shared(tmp_path)
    store = Store.open(tmp_path / "data", weights=url)
    path = store.weights.write(1, STATE)
    store.close()
    assert (tmp_path / "shared" / path.name).exists()
    (tmp_path / "data" / "bandwatch.db").unlink()
    with pytest.raises(StoreError, match=f"though {url} holds 1 files of models"):
        Store.open(tmp_path / "data", weights=url)


def _forget_clients() -> None:
    """fsspec keeps them with the credentials that they have found."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
