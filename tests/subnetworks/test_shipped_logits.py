"""Every form that a subnetwork is shipped in gives its logits."""

import importlib.util

import numpy as np
import pytest

from fosc_tf import bounds, export, subnetworks, tflite
from tests import foreign
from tests.subnetworks.networks import images, small

IMAGE, LABEL = images(5, seed=3), np.arange(5)


@pytest.fixture(scope="module")
def network():
    """A masked network of convolutions, a residual block and batch norms."""
    return small(rate=0.8)


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("shipped") / "export"
    export.save(network, path)
    return path


def packed(network, folder):
    subnetworks.pack(network, folder / "network.bin")
    return subnetworks.unpack(folder / "network.bin")(IMAGE, training=False)


def lite(network, folder):
    if not tflite.has_converter():
        pytest.skip("this TensorFlow brings no TFLite converter")
    tflite.save(network, folder / "network.tflite")
    return tflite.load(folder / "network.tflite")(IMAGE)


def onnx(network, folder):
    if importlib.util.find_spec("onnx") is None:
        pytest.skip("the extra vnnlib is not installed")
    from onnx.reference import ReferenceEvaluator

    from fosc_tf import vnnlib

    run = ReferenceEvaluator(vnnlib.model_of(network)).run
    return np.concatenate([run(None, {"image": each[None]})[0] for each in IMAGE])


FORMS = {
    "packed": packed,
    "plain": lambda network, _: subnetworks.plain(network)(IMAGE, training=False),
    "tflite": lite,
    "onnx": onnx,
}


@pytest.mark.parametrize("form", FORMS)
def test_logits_are_the_networks(form, network, tmp_path):
    expected = network(IMAGE, training=False)
    found = FORMS[form](network, tmp_path)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_so_are_those_of_the_saved_model_here_and_where_this_project_is_not(network, exported):
    expected = network(IMAGE, training=False)
    answers = foreign.answers(exported, IMAGE, LABEL)
    for logits in (export.load(exported)(IMAGE), answers["logits"]):
        np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5)
    assert np.abs(answers["gradient"]).max() > 0


@pytest.mark.parametrize("method", ["ibp", "crown-ibp", "crown"])
def test_what_is_proved_of_it_is_proved_of_what_is_shipped(method, network):
    found, expected = (
        bounds.margins(each, IMAGE, LABEL, epsilon=0.02, method=method)
        for each in (network, subnetworks.plain(network))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
