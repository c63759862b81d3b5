"""Label sets: one object for each while it is in use, and no hash of another process."""

import copy
import gc
import weakref

from plugin.series import Labels


def test_a_label_set_in_use_is_one_object() -> None:
    labels = Labels.of({"job": "a", "instance": "b", "empty": ""})
    assert Labels.of({"instance": "b", "job": "a"}) is labels
    assert Labels.of({"job": "a"}) is not labels
    reference = weakref.ref(labels)
    del labels
    gc.collect()
    assert reference() is None


def test_a_copy_brings_no_hash_of_the_process_that_made_it() -> None:
    labels = Labels.of({"job": "a"})
    assert hash(labels) == hash(copy.copy(labels))
    assert "_hash" in vars(labels) and "_hash" not in vars(Labels(labels.pairs))
    kind, pairs = labels.__reduce__()
    assert kind(*pairs) == labels
