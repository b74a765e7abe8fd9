"""Every container that may hold batches: fit, evaluate and predict take it and do the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import UserError
from tests.training.habits import IMAGE, LABEL, history_of, trainer_of

ROWS = [slice(first, first + 16) for first in range(0, 64, 16)]
IDS = np.arange(64)


def pairs():
    return [(IMAGE[rows], LABEL[rows]) for rows in ROWS]


def dicts():
    return [{"image": IMAGE[rows], "label": LABEL[rows], "id": IDS[rows]} for rows in ROWS]


class Stream:
    """Of no known length; it begins anew at each loop."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


class Loader(Stream):
    """What torch's DataLoader looks like."""

    def __len__(self):
        return len(self.batches)


class Files(keras.utils.PyDataset):
    """One batch an index."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


def forever(batches):
    while True:
        yield from batches


def dataset(*parts):
    return tf.data.Dataset.from_tensor_slices(parts[0] if len(parts) == 1 else parts).batch(16)


ALL = {"image": IMAGE, "label": LABEL, "id": IDS}
CONTAINERS = {
    "dataset of pairs": lambda: dataset(IMAGE, LABEL),
    "dataset of dicts": lambda: dataset(ALL),
    "prefetched": lambda: dataset(IMAGE, LABEL).cache().prefetch(tf.data.AUTOTUNE),
    "dict of arrays": lambda: ALL,
    "loader of pairs": lambda: Loader(pairs()),
    "loader of dicts": lambda: Loader(dicts()),
    "loader of lists": lambda: Loader([list(pair) for pair in pairs()]),
    "stream": lambda: Stream(pairs()),
    "list of pairs": pairs,
    "list of dicts": dicts,
    "files of pairs": lambda: Files(pairs()),
    "files of dicts": lambda: Files(dicts()),
    "generator of pairs": lambda: forever(pairs()),
    "generator of dicts": lambda: forever(dicts()),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_all_do_the_same(name):
    make, plain, other = CONTAINERS[name], trainer_of(), trainer_of()
    expected = history_of(plain, validation_data=(IMAGE, LABEL))
    steps = {"steps_per_epoch": 4} if "generator" in name else {}
    given = {"epochs": 2, "verbose": 0, "shuffle": False, "batch_size": 16} | steps
    if "dict of" not in name:
        del given["batch_size"]
    # Of an endless generator Keras takes one batch too many for each validation.
    validation = dataset(IMAGE, LABEL) if steps else make()
    history = other.fit(make(), validation_data=validation, **given).history
    assert history.keys() == expected.keys()
    for key, values in expected.items():
        np.testing.assert_allclose(history[key], values, rtol=1e-5, atol=1e-7)
    steps = {"steps": 4} if steps else {}
    found = other.evaluate(make(), verbose=0, return_dict=True, **steps)
    np.testing.assert_allclose(found["loss"], expected["val_loss"][-1], rtol=1e-5)
    logits = other.predict(make(), verbose=0, **steps)
    np.testing.assert_allclose(logits, other.network(IMAGE), atol=1e-6)


@pytest.mark.parametrize(
    "images", [IMAGE, dataset(IMAGE), Loader([IMAGE[rows] for rows in ROWS]), {"image": IMAGE}]
)
def test_predict_needs_images_only(images):
    trainer = trainer_of()
    logits = trainer.predict(images, verbose=0)
    assert logits.shape == (64, 10)
    np.testing.assert_allclose(logits, trainer.network(IMAGE), atol=1e-6)


def test_labels_are_missed_in_three_parts():
    for images in (dataset(IMAGE), Loader([IMAGE[rows] for rows in ROWS])):
        for call in (trainer_of().evaluate, trainer_of().fit):
            with pytest.raises(UserError, match=r"\(image, label\) pair"):
                call(images, verbose=0)


def test_an_empty_loader_is_refused():
    for call in (trainer_of().fit, trainer_of().evaluate, trainer_of().predict):
        with pytest.raises(UserError, match="must not be empty"):
            call(Loader([]), verbose=0)


def test_a_list_of_two_arrays_validates_as_a_pair_does():
    given = {"epochs": 1, "verbose": 0}
    history = trainer_of().fit(IMAGE, LABEL, validation_data=[IMAGE, LABEL], **given).history
    assert {"val_loss", "val_accuracy"} <= history.keys()
