import json

import numpy as np
import pytest
import tensorflow as tf

import fosc_tf
from fosc_tf.attacks.autoattack import APGD, FAB, AutoAttack, Square, TargetedAPGD
from fosc_tf.attacks.autoattack.ensemble import black_box_findings
from fosc_tf.attacks.autoattack.versions import members_of
from fosc_tf.errors import UserError
from tests.attacks.autoattack import small_networks as small

EPSILON = 0.06
SHAPE = (8, 8, 1)


def quick(epsilon=EPSILON, norm="linf"):
    """The standard four with few steps."""
    ball = {"epsilon": epsilon, "norm": norm}
    members = [
        APGD(**ball, num_steps=4),
        TargetedAPGD(**ball, num_steps=4),
        FAB(**ball, num_steps=3),
        Square(**ball, num_steps=20),
    ]
    return AutoAttack(**ball, members=members)


@pytest.fixture(scope="module")
def network():
    return small.Counting(small.convolutional(classes=5, shape=SHAPE, seed=3))


@pytest.fixture(scope="module")
def examples(network):
    image = small.grey_images(60, seed=1, shape=SHAPE, spread=0.5)
    label = small.predicted(network, image)
    label[:5] = (label[:5] + 1) % 5
    return image, label


@pytest.fixture(scope="module")
def attack():
    return quick()


@pytest.fixture(scope="module")
def cost():
    return {}


@pytest.fixture(scope="module")
def found(attack, network, examples, cost):
    before = int(network.images)
    found = attack(network, *examples, seed=0, batch_size=16)
    cost["images"] = int(network.images) - before
    return found


def test_standard_is_the_papers_ensemble():
    found = [(m.name, m.num_steps, m.restarts, m.num_targets) for m in members_of_standard()]
    assert found == [
        ("apgd-ce", 100, 1, 1),
        ("apgd-t", 100, 1, 9),
        ("fab-t", 100, 1, 9),
        ("square", 5000, 1, 1),
    ]
    assert members_of_standard()[-1].p_init == 0.8


def members_of_standard():
    return members_of("standard", epsilon=0.3, norm="linf")


def test_other_versions():
    plus = [(m.name, m.restarts) for m in members_of("plus", epsilon=0.3, norm="l2")]
    assert plus == [
        ("apgd-ce", 5),
        ("apgd-dlr", 5),
        ("fab", 5),
        ("square", 1),
        ("apgd-t", 1),
        ("fab-t", 1),
    ]
    rand = [(m.name, m.passes) for m in members_of("rand", epsilon=0.3, norm="linf")]
    assert rand == [("apgd-ce", 20), ("apgd-dlr", 20)]


def test_is_public():
    assert fosc_tf.attacks.AutoAttack is AutoAttack
    assert list(AutoAttack(epsilon=0.3).members) == ["apgd-ce", "apgd-t", "fab-t", "square"]


def test_something_is_broken_and_something_is_not(found):
    assert 0.05 < found.accuracy["square"] < 0.9
    assert "apgd-ce" in found.broken_by
    assert "" in found.broken_by


def test_images_are_in_the_ball_and_in_the_pixel_range(found, examples):
    image, _ = examples
    assert np.abs(found.image - image).max() <= EPSILON + 1e-6
    assert np.min(found.image) >= 0.0
    assert np.max(found.image) <= 1.0


def test_broken_means_misclassified_and_everyone_else_is_clean(found, network, examples):
    image, label = examples
    robust = found.robust.numpy()
    np.testing.assert_array_equal(small.predicted(network, found.image) == label, robust)
    np.testing.assert_array_equal(found.image[:5], image[:5])
    np.testing.assert_array_equal(found.image.numpy()[robust], image[robust])


def test_order_and_accounts(found, attack, examples):
    image, _ = examples
    assert list(found.accuracy) == ["clean", "apgd-ce", "apgd-t", "fab-t", "square"]
    assert found.accuracy["clean"] == pytest.approx(55 / 60)
    assert list(found.broken_by[:5]) == ["clean"] * 5
    left = len(image)
    for name, accuracy in found.accuracy.items():
        left -= np.sum(found.broken_by == name)
        assert accuracy == pytest.approx(left / len(image))
    np.testing.assert_array_equal(found.robust, found.broken_by == "")


def test_is_at_least_as_strong_as_each_member(found, attack, network, examples):
    image, label = examples
    broken = {}
    for name in attack.members:
        outcome = attack.members[name].search(network, image, label, seed=0)
        wrong = small.predicted(network, outcome.image) != label
        np.testing.assert_array_equal(wrong, outcome.broken)
        broken[name] = wrong
        assert found.accuracy["square"] <= 1.0 - wrong.mean() + 1e-9
    np.testing.assert_array_equal(np.any(list(broken.values()), axis=0), ~found.robust.numpy())


def test_cost_follows_the_survivors(found, cost):
    survivors = {name: round(60 * accuracy) for name, accuracy in found.accuracy.items()}
    # The looks at one example that nobody breaks, times those who are left; the checks take
    # 2 images and 3 times all.
    most = 2 + 3 * 60 + 60
    most += survivors["clean"] * (1 + 4 + 2)
    most += survivors["apgd-ce"] * (1 + 4 * (4 + 2))
    most += survivors["apgd-t"] * (1 + 4 * (3 + 3 + 5 + 1))
    most += survivors["fab-t"] * (1 + 20 + 1)
    assert cost["images"] < most
    # What FAB broke, and Square alone saw, cannot make up for a member that ran on everyone.
    everyone = 2 + 3 * 60 + 60 + survivors["clean"] * (7 + 25 + 49 + 22)
    assert cost["images"] < 0.5 * everyone


def test_seed_decides_and_batch_size_does_not(found, network, examples, attack):
    again = attack(network, *examples, seed=0, batch_size=60)
    np.testing.assert_array_equal(again.broken_by, found.broken_by)
    np.testing.assert_allclose(again.image, found.image, atol=1e-4)
    other = attack(network, *examples, seed=1, batch_size=60)
    assert np.any(other.image.numpy() != found.image.numpy())


def test_compiles_once_for_all_batches(network, examples, attack):
    image, label = examples
    attack.members["apgd-t"].search(network, image, label)
    traces = network.traces
    attack.members["apgd-t"].search(network, image[:7], label[:7])
    assert network.traces == traces


def test_members_work_within_a_graph(network, examples, attack):
    image, label = examples
    outside = attack.members["apgd-t"](network, image, label, seed=3, step=4)

    @tf.function(autograph=False)
    def inside(image, label, seed, step):
        return attack.members["apgd-t"](network, image, label, seed=seed, step=step)

    found = inside(image, label, *tf.constant([3, 4], tf.int64))
    for one, other in zip(outside[:4], found[:4], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    other_step = inside(image, label, *tf.constant([3, 5], tf.int64))
    assert np.any(found.image.numpy() != other_step.image.numpy())


def test_records_its_parameters(attack):
    assert json.loads(json.dumps(attack.parameters())) == attack.parameters()
    assert attack.parameters()["members"]["apgd-t"]["num_targets"] == 9
    assert AutoAttack(epsilon=0.3).parameters()["version"] == "standard"
    assert attack.parameters()["version"] == "custom"


def test_a_member_attacks_a_callable_that_is_no_model(network, examples):
    image, label = (part[:8] for part in examples)
    exported = tf.function(lambda x: network(x, training=False))
    found = APGD(epsilon=EPSILON, num_steps=3)(lambda x, training: exported(x), image, label)
    wrong = small.predicted(network, found.image) != label
    assert wrong.any()
    np.testing.assert_array_equal(wrong, found.loss.numpy() > 0)


@pytest.mark.parametrize(
    ("classes", "names"), [(2, ["apgd-ce", "fab-t", "square"]), (3, ["apgd-ce", "fab-t", "square"])]
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_few_classes(classes, names):
    network, weight = small.random_linear(classes, seed=classes)
    image = small.grey_images(30, seed=5)
    label = small.predicted(network, image)
    away = small.distances(weight, image, label, dual=1)
    found = quick(epsilon=0.02)(network, image, label)
    assert list(found.accuracy) == ["clean", *names]
    assert any("apgd-t needs more classes" in note for note in found.notes)
    clear = np.abs(away / 0.02 - 1.0) > 0.02
    np.testing.assert_array_equal(found.robust.numpy()[clear], away[clear] > 0.02)


def test_a_random_network_is_broken_by_its_mean():
    network, weight = small.random_linear(2, seed=2)
    image = small.grey_images(40, seed=5)
    label = small.predicted(network, image)
    away = small.distances(weight, image, label, dual=1)

    def random(image, training):
        return network(image, training=training) + 0.02 * tf.random.normal([tf.shape(image)[0], 2])

    members = [APGD(epsilon=0.03, num_steps=4, passes=10)]
    found = AutoAttack(epsilon=0.03, members=members)(random, image, label)
    assert found.notes == ()
    # The noise of a mean of 10 shifts boundaries by about 0.02 / sqrt(10 * 2) logits.
    edge = 0.05 / np.abs(weight[:, 0] - weight[:, 1]).sum()
    clear = np.abs(away - 0.03) > edge
    assert clear.sum() > 30
    np.testing.assert_array_equal(found.robust.numpy()[clear], away[clear] > 0.03)


@pytest.mark.parametrize(("member", "num_steps"), [(APGD, 5), (Square, 60)])
def test_nobody_leaves_on_a_noisy_look(member, num_steps):
    network, _ = small.random_linear(2, seed=2)
    image = small.grey_images(20, seed=5)
    label = small.predicted(network, image)
    leaves, stays = (
        member(epsilon=0.1, num_steps=num_steps, passes=passes)(network, image, label)
        for passes in (1, 3)
    )
    broken = leaves.loss.numpy() > 0
    assert broken.any()
    assert np.all(stays.loss.numpy()[broken] > 0)
    assert np.all(stays.loss.numpy() >= leaves.loss.numpy() - 1e-5)
    assert np.any(stays.loss.numpy()[broken] > leaves.loss.numpy()[broken] + 1e-3)
    if member is APGD:
        assert np.all(stays.num_gradients == num_steps)
        assert np.all(leaves.num_gradients.numpy()[broken] < num_steps)


def test_warns_of_random_networks(network, examples):
    def random(image, training):
        return network(image, training=training) + 0.01 * tf.random.normal([1, 5])

    attack = AutoAttack(epsilon=EPSILON, members=[APGD(epsilon=EPSILON, num_steps=1)])
    image, label = (part[:4] for part in examples)
    with pytest.warns(UserWarning, match="answers at random"):
        found = attack(random, image, label)
    assert len(found.notes) == 1


def test_warns_of_hidden_gradients():
    network, _ = small.random_linear(4, seed=2)

    def staircase(image, training):
        # The gradient of a rounded image is zero, and so white boxes stand still.
        stairs = image + tf.stop_gradient(tf.round(20.0 * image) / 20.0 - image) - image
        return network(stairs + tf.stop_gradient(image), training=training)

    image = small.grey_images(40, seed=6)
    label = small.predicted(staircase, image)
    epsilon = 0.05
    members = [APGD(epsilon=epsilon, num_steps=2), Square(epsilon=epsilon, num_steps=100)]
    with pytest.warns(UserWarning, match="masked") as raised:
        found = AutoAttack(epsilon=epsilon, members=members)(staircase, image, label)
    assert len(raised) == len(found.notes) == 2
    assert "40 of 40 examples have a zero input gradient" in found.notes[0]
    assert "square after them should not be the stronger attack" in found.notes[1]


def test_only_white_boxes_before_a_black_box_are_compared_with_it():
    def flags(**accuracy):
        return [each.note for each in black_box_findings(accuracy) if not each.passed]

    assert flags(clean=0.9, square=0.5, **{"apgd-ce": 0.4}) == []
    assert flags(clean=0.9, **{"apgd-ce": 0.5}, square=0.5) == []
    (note,) = flags(clean=0.9, **{"apgd-ce": 0.5}, square=0.4)
    assert "white boxes 50.0%, square after them 40.0%" in note


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epsilon": 8}, "epsilon must lie in"),
        ({"epsilon": 0.1, "norm": "L2"}, "norm"),
        ({"epsilon": 0.1, "version": "standart"}, "nearest: standard"),
        ({"epsilon": 0.1, "members": []}, "one at least"),
        ({"epsilon": 0.1, "members": ["apgd-ce"]}, "list of attacks of the ensemble"),
        ({"epsilon": 0.1, "members": APGD(epsilon=0.1)}, "list of attacks of the ensemble"),
        ({"epsilon": 0.1, "members": [APGD(epsilon=0.1)] * 2}, "names of their own"),
        ({"epsilon": 0.1, "members": [APGD(epsilon=0.2)]}, "within one ball"),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(UserError, match=message) as error:
        AutoAttack(**arguments)
    assert error.value.rule
    assert error.value.right
    assert error.value.received


def test_mistakes_in_calls(attack, network, examples):
    image, label = examples
    with pytest.raises(UserError, match="batch_size"):
        attack(network, image, label, batch_size=0)
    with pytest.raises(UserError, match="seed must be a whole number"):
        attack(network, image, label, seed=0.5)
    with pytest.raises(UserError, match="logits"):
        attack(lambda x, training: tf.nn.softmax(network(x, training)), image, label)
    with pytest.raises(UserError):
        attack(network, image * 255, label)


def test_a_network_of_nothing_but_nan_is_broken_without_an_attack(attack, examples):
    image, _ = examples
    broken = small.linear(np.full([image[0].size, 3], np.nan), shape=image.shape[1:])
    found = attack(broken, image, np.zeros(len(image), int))
    assert found.accuracy["clean"] == 0.0
    assert set(found.broken_by) == {"clean"}
