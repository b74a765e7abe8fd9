"""The view of a subnetwork: there for masked networks alone."""

import numpy as np
import pytest

from fosc_tf.analysis.settings import Settings, Subject
from fosc_tf.analysis.store import Store
from fosc_tf.analysis.view import VIEWS, Absent, Album
from fosc_tf.subnetworks import masked, patterns
from tests.subnetworks.networks import digits


def album(network, folder):
    subject = Subject("some", network, "0")
    return Album(Store(folder), Settings(epsilon=0.1), [subject], lambda n: None, {})


def test_it_holds_the_patterns_of_the_largest_layers(tmp_path):
    network = masked(digits("mnist_small"), rate=0.9)
    made = album(network, tmp_path)
    title = VIEWS["channels"].add_to(made)
    assert "some" in title
    arrays, found = np.load(tmp_path / "channels.npz"), patterns(network)
    assert arrays["name"].tolist() == list(found)
    for place, name in enumerate(found):
        np.testing.assert_array_equal(arrays[f"outputs_{place}"], found[name]["outputs"])
    assert (tmp_path / "channels.png").exists()


def test_of_other_networks_there_is_none(tmp_path):
    with pytest.raises(Absent):
        VIEWS["channels"].add_to(album(digits(), tmp_path))
