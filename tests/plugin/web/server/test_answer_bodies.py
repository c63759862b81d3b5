import os
from pathlib import Path

import pytest

from plugin.web.server import answer_bodies
from plugin.web.server.answer_bodies import PIECE_BYTES, AnswerMemory, FileBody, MemoryBody

CONTENT = bytes(range(256)) * 1024


def whole(body: MemoryBody | FileBody) -> bytes:
    return b"".join(bytes(body.piece(at)) for at in range(0, len(body), PIECE_BYTES))


def test_what_finds_no_room_goes_to_a_file_and_room_comes_back() -> None:
    memory = AnswerMemory(2 * len(CONTENT) + 100)
    bodies = [memory.hold(CONTENT) for _ in range(3)]
    assert [type(body) for body in bodies] == [MemoryBody, MemoryBody, FileBody]
    assert [whole(body) for body in bodies] == [CONTENT] * 3  # type: ignore[arg-type]
    assert isinstance(memory.hold(b"short"), MemoryBody)
    bodies[0].release()
    bodies[0].release()
    assert memory.used == len(CONTENT) + len(b"short")
    assert isinstance(memory.hold(CONTENT), MemoryBody)
    bodies[2].release()
    bodies[2].release()


def test_the_file_has_no_name_and_a_full_disk_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    memory = AnswerMemory(0, tmp_path)
    body = memory.hold(CONTENT)
    assert isinstance(body, FileBody) and os.listdir(tmp_path) == [] and whole(body) == CONTENT
    assert memory.used_by_files == len(CONTENT)
    monkeypatch.setattr(answer_bodies, "MAX_FILES_BYTES", len(CONTENT))
    with pytest.raises(OSError, match="slow clients"):
        memory.hold(CONTENT)
    body.release()
    body.release()
    assert memory.used_by_files == 0
    nowhere = AnswerMemory(0, tmp_path / "gone")
    with pytest.raises(OSError):
        nowhere.hold(CONTENT)
    assert nowhere.used_by_files == 0
