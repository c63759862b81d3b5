"""All replicas sign with one key: that of the first one."""

from pathlib import Path

from plugin.store import Store
from plugin.web.key_file import read_key, share_keys


def test_replicas_with_folders_of_their_own_have_one_key(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "data")
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    first = read_key(folders[0] / "session.key", "")
    read_key(folders[1] / "session.key", "")  # of its own, from before
    for folder in (*folders, folders[0]):
        share_keys(folder, ["session.key", "link.key"], store.signing_keys.agree)
    for name in ("session.key", "link.key"):
        one, other = ((folder / name).read_bytes() for folder in folders)
        assert one == other and len(one) == 32
        assert all((folder / name).stat().st_mode & 0o777 == 0o600 for folder in folders)
    assert (folders[0] / "session.key").read_bytes() == first
    assert {path.name for path in folders[1].iterdir()} == {"session.key", "link.key"}
    store.close()
