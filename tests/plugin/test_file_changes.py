"""What counts as a change of a file, and when it is told."""

import os
from pathlib import Path

import pytest

from plugin.file_changes import ChangingFile, file_state


class Looks:
    """A file that is read as text and looked at twice, as a scheduler does in ten seconds."""

    def __init__(self, path: Path) -> None:
        self.file = ChangingFile(path, path.read_text)
        self.text = self.file.load()

    def reads_again(self) -> bool:
        """Whether it was read again at one of two looks."""
        changed = [self.file.changed() for _ in range(2)]
        if any(changed):
            self.text = self.file.load()
        return any(changed)


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    """The folder of a ConfigMap as a kubelet mounts it: file -> ..data/file, ..data -> a folder."""
    write_generation(tmp_path, "1", "first")
    (tmp_path / "bandwatch.yml").symlink_to("..data/bandwatch.yml")
    return tmp_path


def write_generation(mount: Path, name: str, text: str) -> None:
    """What a kubelet does when the ConfigMap has changed: a new folder, and a new link over the
    old."""
    folder = mount / f"..{name}"
    folder.mkdir()
    (folder / "bandwatch.yml").write_text(text)
    (mount / "..data_tmp").symlink_to(folder.name)
    os.replace(mount / "..data_tmp", mount / "..data")


def test_a_file_that_stays_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("same")
    looks = Looks(path)
    assert not any(looks.reads_again() for _ in range(3))


def test_a_swapped_link_of_a_configmap_is_noticed(mount: Path) -> None:
    link = mount / "bandwatch.yml"
    looks = Looks(link)
    assert looks.text == "first" and not looks.reads_again()
    before = os.lstat(link)
    write_generation(mount, "2", "other")  # of the same length
    assert os.lstat(link) == before, "nothing is seen of it without following the link"
    assert looks.reads_again() and looks.text == "other"
    assert not looks.reads_again()


def test_in_place_and_by_replacement(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    looks = Looks(path)
    path.write_text("three")
    assert looks.reads_again() and looks.text == "three"
    other = tmp_path / "other"
    other.write_text("three")
    os.replace(other, path)
    assert looks.reads_again() and not looks.reads_again()


def test_what_is_being_written_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("a: 1\n")
    file = ChangingFile(path, path.read_text)
    file.load()
    for length in range(1, 4):
        path.write_text("b: 2\n" * length)
        assert not file.changed()
    assert file.changed(), "nothing was written since the last look"


def test_a_text_that_is_refused_is_tried_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("1")
    file = ChangingFile(path, lambda: int(path.read_text()))
    assert file.load() == 1
    path.write_text("one")
    assert not file.changed() and file.changed()
    with pytest.raises(ValueError, match="one"):
        file.load()
    assert not file.changed() and not file.changed()


def test_a_file_that_goes_and_comes_back_is_told_each_time(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("text")
    looks = Looks(path)
    path.rename(tmp_path / "aside")
    assert file_state(path) is None
    assert not looks.file.changed() and looks.file.changed()
    with pytest.raises(FileNotFoundError):
        looks.file.load()
    assert not looks.reads_again()
    (tmp_path / "aside").rename(path)
    assert looks.reads_again()
