"""A label that is not text, stored by an older version, hides its series and no other."""

from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from plugin.series import Labels
from plugin.store import Store
from plugin.store.server import DatabaseServer


@pytest.mark.parametrize("labels", ['{"job": "\\ud800"}', '{"\\udc00": "x"}', '{"job": 5}'])
def test_a_stored_series_with_a_label_that_is_not_text_is_left_out(
    tmp_path: Path, server: DatabaseServer | None, labels: str
) -> None:
    with closing(Store.open(tmp_path, server=server)) as store:
        bad, good = store.series.register(
            "web", [Labels.of({"job": "old"}), Labels.of({"job": "api"})], 60
        )
        with store.series._database.writing() as connection:
            connection.execute(
                text("UPDATE series SET labels = :labels WHERE id = :id"),
                {"labels": labels, "id": bad.id},
            )
    with closing(Store.open(tmp_path, server=server)) as store:
        assert [record.id for record in store.series.all()] == [good.id]
        assert [record.id for record in store.series.of("web")] == [good.id]
        with store.series._database.reading() as connection:
            assert store.series.labels(connection, [bad.id]) == {bad.id: Labels(())}
