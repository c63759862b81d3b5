"""The one place that states the version."""

from pathlib import Path

VERSION = "0.2.0"


def version_text() -> str:
    """The version for people, with the commit where the build has written it."""
    file = Path(__file__).with_name("commit.txt")
    if not file.exists():
        return VERSION
    return f"{VERSION} (commit {file.read_text(encoding='ascii').strip()})"
