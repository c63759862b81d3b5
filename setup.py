"""What pyproject.toml cannot say: the commit in what is built, and archives that are the same each
time."""

import gzip
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
COMMIT_FILE = "plugin/commit.txt"
EPOCH = "SOURCE_DATE_EPOCH"  # unix seconds that archives carry, as reproducible-builds.org has it


def git(*arguments: str) -> str:
    """What git says of this checkout; empty where there is none, as in an unpacked archive."""
    if not (ROOT / ".git").exists():
        return ""
    try:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def write_commit(folder: Path) -> None:
    """Nothing where the commit is not known: an archive has the file from its own build."""
    commit = os.environ.get("BANDWATCH_COMMIT") or git(
        "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"
    )
    if commit:
        path = folder / COMMIT_FILE
        path.unlink(missing_ok=True)  # it may be a link to the file that it was copied from
        path.write_text(f"{commit}\n")


class BuildPy(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # it would write into the checkout, and grow old there
            write_commit(Path(self.build_lib))


class Sdist(sdist):
    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        write_commit(Path(base_dir))

    def make_archive(self, base_name: str, *_: Any, **options: Any) -> str:
        """A .tar.gz in order of names, that belongs to nobody in particular and has one time."""
        seconds = int(os.environ[EPOCH])
        folder = Path(options["base_dir"])

        def neutral(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
            if ".egg-info" in entry.name:  # differs in a build from the archive, which needs none
                return None
            entry.mtime = seconds
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            return entry

        path = f"{base_name}.tar.gz"
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with (
            open(path, "wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=seconds) as stream,
            tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            archive.add(folder, filter=neutral)  # sorted by name
        return path


os.environ.setdefault(EPOCH, git("log", "-1", "--format=%ct") or "1577836800")
setup(cmdclass={"build_py": BuildPy, "sdist": Sdist})
