"""A range query's JSON read at once and read piece by piece: the same matrix, or the same error."""

import json
from typing import Any

import numpy as np
import pytest

from plugin.errors import AnswerInvalid
from plugin.prometheus import range_answer
from plugin.prometheus.matrix import Matrix
from plugin.prometheus.range_answer import RangeData

FINE = {"metric": {"job": "a", "empty": ""}, "values": [[60, "1"], [120, "NaN"], [180, "+Inf"]]}
OTHER = {"metric": {"job": "b"}, "values": [[60.0, "2.5e-3"], [180, "-7"]]}


def body(*series: dict[str, Any], **fields: object) -> bytes:
    data = {"resultType": "matrix", "result": list(series)}
    return json.dumps({"status": "success", "data": data, **fields}).encode()


def read(text: bytes) -> Matrix:
    return Matrix.parse(range_answer.decode(text)["data"], 0, 240, 60)


def read_piece_by_piece(text: bytes) -> Matrix:
    return Matrix.parse(json.loads(text)["data"], 0, 240, 60)


@pytest.mark.parametrize(
    "text",
    [
        body(),
        body(FINE, OTHER),
        body({"metric": {"job": "x"}, "values": []}, OTHER),
        body(OTHER, {"metric": {"job": 5}, "values": [[60, "1"]]}),
        body(OTHER, {"metric": {"job": "\ud800"}, "values": [[60, "1"]]}),
        body(OTHER, {"metric": {"job": "ü"}, "values": [[180, "1"], [60, "2"], [60, "3"]]}),
        body(FINE, warnings=["half of it"], infos=["advice"], isPartial=True, stats={"a": [1]}),
    ],
)
def test_both_ways_read_the_same(text: bytes) -> None:
    is_unicode = rb"\ud800" not in text  # half of a pair is plain JSON at best
    assert isinstance(range_answer.decode(text)["data"], RangeData) is is_unicode
    for _ in range(2):  # the second time, the labels are known
        one = read(text)
        two = read_piece_by_piece(text)
        assert one.labels == two.labels
        for name in ("ends", "times", "values", "living", "unreadable"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


@pytest.mark.parametrize(
    "series",
    [
        {"metric": {"job": "a"}, "values": [[61, "1"]]},
        {"metric": {"job": "a"}, "values": [[60, "one"]]},
        {"metric": {"job": "a"}, "values": [[60]]},
        {"metric": ["a"], "values": [[60, "1"]]},
        {"metric": {"job": "a"}},
        {"metric": {"job": "a"}, "histograms": [[60, {}]]},
        FINE,  # twice
    ],
)
def test_both_ways_refuse_the_same(series: dict[str, Any]) -> None:
    said = []
    for way in (read, read_piece_by_piece):
        with pytest.raises(AnswerInvalid) as caught:
            way(body(FINE, series))
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_other_answers_are_plain_json() -> None:
    text = b'{"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}}'
    assert range_answer.decode(text) == json.loads(text)
    with pytest.raises(ValueError):
        range_answer.decode(b"<html>")
    partial = range_answer.decode(body(isPartial=True, warnings=["w"]))
    assert partial["isPartial"] is True and partial["warnings"] == ["w"]
