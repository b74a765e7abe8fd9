"""The cross table against one attack at a time."""

import numpy as np

from fosc_tf import data
from fosc_tf.analysis import Setting, cross_table
from fosc_tf.analysis.cross_table import BY_NUM_STEPS, BY_STEP_SIZE
from fosc_tf.attacks import PGD
from tests.models.small_networks import images_for, small


def test_every_cell_is_its_own_attack():
    networks = {"one": small("digits_mlp", seed=1), "two": small("digits_mlp", seed=2)}
    image = images_for(networks["one"], 12)
    label = np.random.default_rng(0).integers(0, 10, 12)
    settings = [Setting(2, 4), Setting(1, 1), Setting(5, 4), Setting(2, 4)]
    batches = data.test_batches(image, label, batch_size=12)
    table = cross_table(networks, batches, epsilon=0.2, settings=settings, seed=7)
    assert table["network"].tolist() == ["one", "two"]
    assert list(zip(table["num_steps"], table["divisor"], strict=True)) == [(2, 4), (1, 1), (5, 4)]
    for row, column in ((0, 0), (0, 1), (1, 1), (1, 2)):
        network, (num_steps, divisor) = networks[["one", "two"][row]], settings[column]
        attack = PGD(epsilon=0.2, step_size=0.2 / divisor, num_steps=num_steps)
        found = attack(network, image, label, seed=7, final_fosc=True)
        choice = np.argmax(network(found.image, training=False), axis=1)
        assert table["accuracy"][row, column] == np.mean(choice == label)
        for name, values in (("loss", found.loss), ("fosc_ball", found.fosc)):
            np.testing.assert_allclose(table[name][row, column], np.mean(values), rtol=1e-5)


def test_the_papers_grid():
    assert [str(setting) for setting in BY_STEP_SIZE] == [
        f"PGD-20, ε{end}" for end in ("", "/2", "/4", "/6", "/8")
    ]
    assert [str(setting) for setting in BY_NUM_STEPS] == [f"PGD-{k}, ε/6" for k in (10, 20, 30, 40)]
