"""Who survives, on networks whose answer is known; and that nothing is found twice."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import attacks
from fosc_tf.attacks import PGD, Attack, presets
from fosc_tf.attacks.autoattack import Square
from fosc_tf.errors import UserError
from fosc_tf.evaluation import Journal, black_box, journal, sweep, white_box
from fosc_tf.evaluation.journal import fingerprint
from fosc_tf.evaluation.radii import reach
from fosc_tf.evaluation.stages import Stages, stages
from fosc_tf.evaluation.stages import of_value as stages_of_value
from fosc_tf.evaluation.survival import Survival
from fosc_tf.types import Found
from tests.data.three_parts import refused
from tests.evaluation.linear import EASY, LABELS, SUMS, dataset, two_class


class Counting(Attack):
    """An attack that counts the images it is given."""

    def __init__(self, name):
        self.inner = next(iter(stages(name, epsilon=0.1).attacks.values()))
        self.epsilon, self.norm = self.inner.epsilon, self.inner.norm
        self.seen = []

    def parameters(self):
        return self.inner.parameters()

    def find(self, network, batch, **options):
        self.seen.append((len(batch.image), options))
        return self.inner.find(network, batch, **options)


class OnePixel:
    """Logits (0, lead(u)) of images [1, 1, 1] of one pixel u: class 0 where lead(u) < 0."""

    input_shape = (None, 1, 1, 1)

    def __init__(self, lead):
        self.lead = lead

    def __call__(self, image, training=False):
        u = tf.reshape(image, [-1])
        return tf.stack([tf.zeros_like(u), self.lead(u)], axis=1)


def of_pixels(*pixels):
    """Returns one batch of images [1, 1, 1] of class 0."""
    image = np.float32(pixels)[:, None, None, None]
    return tf.data.Dataset.from_tensors((image, np.zeros(len(pixels), np.int32)))


def classes(count):
    """Returns a network of `count` classes on images [1, 2, 1] that always answers 0."""
    image = keras.Input((1, 2, 1))
    logits = keras.layers.Dense(count)(keras.layers.Flatten()(image))
    network = keras.Model(image, logits)
    first = np.float32([2] + [0] * (count - 1))
    network.set_weights([np.zeros([2, count], np.float32), first])
    return network


ALL_ZERO = dataset(SUMS, [0] * 5)


def test_accuracy_of_a_linear_network_by_hand():
    rows = white_box(two_class(), EASY, epsilon=0.2, attacks=("clean", "fgsm", "pgd-20x2"))
    # 4 of 5 are right; an attack of 0.2 moves the sum by 0.4, which breaks 0.1 and 0.3.
    assert [row["accuracy"] for row in rows] == [0.8, 0.4, 0.4]
    assert {row["n"] for row in rows} == {5}
    assert list(rows[2]["after"].values()) == [0.8, 0.4, 0.4]


def test_several_epsilons_and_clean_once():
    rows = white_box(two_class(), EASY, epsilon=(0.04, 0.1, 0.3), attacks=("clean", "fgsm"))
    assert [row["attack"] for row in rows] == ["clean", "fgsm", "fgsm", "fgsm"]
    assert [row["accuracy"] for row in rows] == [0.8, 0.8, 0.6, 0.2]


def test_an_attack_can_be_tried_on_the_first_examples_only():
    both = Survival(two_class(), EASY, seed=0)
    whole, first = (both.masks(stages(name, epsilon=0.2))["fgsm"] for name in ("fgsm", "fgsm@3"))
    assert len(whole) == 5
    np.testing.assert_array_equal(first, whole[:3])
    (row,) = white_box(two_class(), EASY, epsilon=0.2, attacks=("fgsm@3",))
    assert (row["attack"], row["n"]) == ("fgsm@3", 3)


@pytest.mark.parametrize("name", ["fgsm@", "fgsm@0", "fgsm@ten", "clean@-1"])
def test_no_examples_to_try_on(name):
    with pytest.raises(UserError, match="a number of examples"):
        stages(name, epsilon=0.2)


def test_broken_examples_leave_the_batch_and_restarts_draw_other_numbers():
    counting = Counting("pgd-10")
    survival = Survival(two_class(), EASY, seed=3)
    plan = stages("pgd-10x2", epsilon=0.1)
    object.__setattr__(plan, "attacks", {"first": counting, "second": counting})
    survival.row(plan)
    # Batches of 2, 2, 1; the 0.1 breaks in the first stage, the last was never right.
    assert [n for n, _ in counting.seen] == [2, 1, 2, 2]
    seeds = {options["seed"] for _, options in counting.seen}
    assert len(seeds) == 2


def test_journal_makes_a_second_evaluation_free_and_equal(tmp_path):
    path = tmp_path / "journal.jsonl"
    first = white_box(two_class(), EASY, epsilon=0.2, attacks=("fgsm",), journal=Journal(path))
    counting = Counting("fgsm")
    plan = stages("fgsm", epsilon=0.2)
    counting.inner = plan.attacks["fgsm"]
    object.__setattr__(plan, "attacks", {"fgsm": counting})
    survival = Survival(two_class(), EASY, seed=0, journal=Journal(path))
    assert survival.row(plan) == first[0]
    assert counting.seen == []
    assert survival.farthest == pytest.approx(1.0)
    # Another network has other answers, whatever the journal holds.
    other = Survival(two_class(-1.0), EASY, seed=0, journal=Journal(path))
    assert other.row(plan)["accuracy"] != first[0]["accuracy"]


def test_journal_survives_a_line_cut_short(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.keep("a", np.array([True, False]))
    journal.keep("b", np.array([True, True]))
    path.write_text(path.read_text()[:-5])
    again = Journal(path)
    assert again.known("a").mask.tolist() == [True, False]
    assert again.known("b") is None
    again.keep("b", np.array([False]))
    assert Journal(path).known("b").mask.tolist() == [False]
    assert Journal(path).known("a").mask.tolist() == [True, False]


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line.replace('"10"', '"11"'),
        lambda line: line.replace("a", "b"),
        lambda line: line[:9] + line[10:],
        lambda line: "nonsense\n",
        lambda line: '["a", "11", {}]\n',
        lambda line: "\n",
        lambda line: "[" * 5000 + "\n",
    ],
)
def test_a_damaged_line_is_found_anew(tmp_path, damage):
    """A bit that has flipped would else be an accuracy that nobody measured."""
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.keep("a", np.array([True, False]))
    journal.keep("c", np.array([True]))
    first, second = path.read_text().splitlines(keepends=True)
    path.write_text(damage(first) + second)
    again = Journal(path)
    assert again.known("a") is None
    assert again.known("b") is None
    assert again.known("c").mask.tolist() == [True]
    assert path.read_text() == second
    path.write_bytes(b"\xff\xfe\x00" + second.encode())
    assert Journal(path).known("c") is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_network_that_has_diverged_has_no_accuracy(value):
    network = two_class()
    weights = network.get_weights()
    network.set_weights([*weights[:-1], np.full_like(weights[-1], value)])
    refused(
        lambda: white_box(network, EASY, epsilon=0.2, attacks=("fgsm",)),
        rule="must return finite logits",
        right="not diverged",
        received="for 2 of 2 clean images",
    )


def test_opening_a_whole_journal_writes_nothing(tmp_path):
    path = tmp_path / "journal.jsonl"
    Journal(path).keep("a", np.array([True]))
    os.utime(path, (1000, 1000))
    assert Journal(path).known("a").mask.tolist() == [True]
    assert path.stat().st_mtime == 1000


def test_a_kill_while_a_journal_is_mended_loses_nothing(tmp_path, monkeypatch):
    path = tmp_path / "journal.jsonl"
    Journal(path).keep("a", np.array([True]))
    path.write_text(path.read_text() + '["b", "1')
    before = path.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            Journal(path)
    assert path.read_bytes() == before
    assert Journal(path).known("a").mask.tolist() == [True]


@pytest.mark.parametrize(
    ("place", "name"), [(journal, "FORM"), (journal, "__version__"), (tf, "__version__")]
)
def test_what_another_version_found_is_not_known(place, name, monkeypatch):
    plan, known = stages("fgsm", epsilon=0.2), Journal()
    counting = Counting("fgsm")
    object.__setattr__(plan, "attacks", {"fgsm": counting})
    survival = Survival(two_class(), EASY, seed=0, journal=known)
    for again in (1, 1, 2):
        if again == 2:
            monkeypatch.setattr(place, name, "99.0")
        survival.row(plan)
        # Batches of 2, 2 and 1, in the last nobody is right.
        assert len(counting.seen) == 2 * again


def test_a_journal_keeps_squares_of_other_settings_apart():
    assert Square(epsilon=0.1).parameters()["p_init"] == 0.8
    assert Square(epsilon=0.1).parameters()["stretch"] is False
    ours, paper = (Square(epsilon=0.1, p_init=p, stretch=p == 0.1) for p in (0.8, 0.1))
    assert ours.parameters() | {"p_init": 0.1, "stretch": True} == paper.parameters()


def test_other_examples_are_not_taken_for_known_ones():
    journal = Journal()
    all_ones = dataset(SUMS, [1] * 5)
    for data, right in ((EASY, 0.8), (dataset(SUMS, LABELS, batch=5), 0.8), (all_ones, 0.6)):
        row = Survival(two_class(), data, seed=0, journal=journal).row(stages("fgsm", epsilon=1e-3))
        assert row["accuracy"] == right


def test_stage_order_is_part_of_what_is_known():
    journal = Journal()
    survival = Survival(two_class(), EASY, seed=0, journal=journal)
    weak, strong = stages("fgsm", epsilon=0.1), stages("fgsm", epsilon=0.3)
    both = stages("fgsm", epsilon=0.3)
    object.__setattr__(
        both, "attacks", {"weak": weak.attacks["fgsm"], "fgsm": strong.attacks["fgsm"]}
    )
    counts = [survival.row(plan)["accuracy"] for plan in (strong, both, weak)]
    assert counts == [0.2, 0.2, 0.6]


def test_stopping_when_wrong_counts_any_iterate():
    # Rises by 4 up to the corner, which is just below 0.75, then falls by 4. From 0.5 with a ball
    # of 0.25 and steps of 0.5, any start goes to 0.75 (lead 0.5, wrong), then down to 0.25 (lead
    # -1.5, right), then up again. From 0.125 it goes to 0.375 (lead -1) and stays.
    corner = 0.75 - 2.0**-20
    network = OnePixel(lambda u: 4 * (u - 0.625) - 8 * tf.nn.relu(u - corner))
    given, numbers = of_pixels(0.5, 0.125), {"epsilon": 0.25, "step_size": 0.5}
    attacks = ("pgd-1", "pgd-2", "pgd-3")
    loose = white_box(network, given, attacks=attacks, **numbers)
    strict = white_box(network, given, attacks=attacks, stop_when_wrong=True, **numbers)
    assert [row["accuracy"] for row in loose] == [0.5, 1.0, 0.5]
    assert [row["accuracy"] for row in strict] == [0.5, 0.5, 0.5]
    assert strict[1]["parameters"]["gate"] == "still_right"
    assert loose[1]["parameters"]["gate"] is None


@pytest.mark.parametrize(("name", "num_steps"), [("apgd-ce", 100), ("fab-t", 100), ("square", 1)])
def test_restarts_of_a_member_draw_other_numbers(name, num_steps):
    # A valley at 0.5: only who starts to its right finds the way over 0.53.
    network = OnePixel(lambda u: 0.05 * tf.nn.relu(0.5 - u) + tf.nn.relu(u - 0.5) - 0.03)
    survival = Survival(network, of_pixels(*[0.48] * 64), seed=0)
    masks = {}
    for tries in (1, 3):
        called = name if tries == 1 else f"{name}x{tries}"
        plan = stages(called, epsilon=0.1)
        assert plan.parameters["restarts"] == tries
        plan.attacks[name].num_steps = num_steps
        masks[tries] = survival.masks(plan)[name]
    assert 0 < masks[3].sum() < masks[1].sum()
    # The first of the three is the one.
    assert not np.any(masks[3] & ~masks[1])


def test_restarts_of_an_ensemble_are_refused():
    refused(
        lambda: stages("autoattackx5@100", epsilon=0.1),
        rule="an ensemble is one try of each member",
        right="autoattack",
        received="autoattackx5",
    )


@pytest.mark.parametrize(
    ("name", "count", "least"), [("apgd-t", 3, 4), ("apgd-dlr", 2, 3), ("apgd-tx2@3", 3, 4)]
)
def test_an_attack_that_needs_more_classes_has_no_accuracy(name, count, least):
    attack = name.removesuffix("x2@3")
    refused(
        lambda: white_box(classes(count), ALL_ZERO, epsilon=0.1, attacks=(name,)),
        rule=f"{attack} needs at least {least} classes",
        right="apgd-ce",
        received=f"{count} classes",
    )


def test_attacks_are_refused_before_the_first_of_them_runs():
    counting, known = [], Journal()
    known.keep = lambda *arguments, **numbers: counting.append(arguments)
    with pytest.raises(UserError, match="needs at least 3 classes"):
        white_box(
            two_class(), EASY, epsilon=0.1, attacks=("clean", "fgsm", "apgd-dlr"), journal=known
        )
    assert counting == []


def test_how_far_each_row_went():
    class Away(Attack):
        """Moves every pixel by `size`, whatever the ball."""

        epsilon, norm = 0.125, "linf"

        def __init__(self, size):
            self.size = size

        def parameters(self):
            return {"epsilon": 0.125, "norm": "linf", "size": self.size}

        def find(self, network, batch, **options):
            return Found.at(batch.image + self.size)

    known = Journal()
    for _ in "ab":
        survival = Survival(OnePixel(lambda u: u - 9.0), of_pixels(0.5, 1.0), seed=0, journal=known)
        plans = [Stages("away", {"away": Away(size)}, {}) for size in (0.25, 0.0625)]
        far, near = (survival.row(plan) for plan in plans)
        # 1.0 + 0.25 is 0.25 outside of [0, 1]; 0.25 is twice the radius.
        assert (far["farthest"], far["outside"]) == (2.0, 0.25)
        assert (near["farthest"], near["outside"]) == (0.5, 0.0625)
        assert (survival.farthest, survival.outside) == (2.0, 0.25)
        clean = survival.row(stages("clean", epsilon=0.1))
        assert not {"farthest", "outside"} & clean.keys()


def test_transfer_from_itself_is_white_box_and_from_the_opposite_does_nothing():
    network = two_class()
    rows = black_box(
        network,
        {"self": network, "opposite": two_class(-1.0)},
        EASY,
        epsilon=0.2,
        attacks=("fgsm",),
    )
    assert [(row["surrogate"], row["accuracy"]) for row in rows] == [
        ("self", 0.4),
        ("opposite", 0.8),
    ]


def test_surrogate_of_other_images_is_refused():
    from fosc_tf import models

    other = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
    with pytest.raises(UserError, match="surrogate other"):
        black_box(two_class(), {"other": other}, EASY, epsilon=0.2)


def test_surrogates_are_looked_at_one_by_one():
    network = two_class()

    def transfer(surrogates):
        return black_box(network, surrogates, EASY, epsilon=0.2, attacks=("fgsm",))

    assert transfer({}) == []
    # Its logits of a black image are (0, 1), which look like probabilities.
    assert len(transfer({"self": network, "opposite": two_class(-1.0)})) == 2
    refused(
        lambda: transfer({"self": network, "more": classes(3)}),
        rule="the images and classes of the defended network",
        right="images (1, 2, 1) in 2 classes",
        received="surrogate more with images (1, 2, 1) in 3 classes",
    )
    softmax = keras.Model(network.input, keras.layers.Softmax()(network.output))
    refused(
        lambda: transfer({"soft": softmax}),
        rule="logits, not probabilities",
        right="without its softmax",
        received="surrogate soft with outputs that",
    )


def test_all_surrogates_are_looked_at_before_the_first_is_used():
    known = Journal()
    with pytest.raises(UserError, match="surrogate more"):
        black_box(
            two_class(),
            {"good": two_class(), "more": classes(3)},
            EASY,
            epsilon=0.2,
            journal=known,
        )
    assert not known._found


@pytest.mark.parametrize(
    ("epsilons", "radii", "accuracies"),
    [
        ((0, 0.3, 0.1), [0.0, 0.1, 0.3], [0.8, 0.6, 0.2]),
        (np.linspace(0.0, 0.3, 2), [0.0, 0.3], [0.8, 0.2]),
        ((0,), [0.0], [0.8]),
    ],
)
def test_sweep_from_zero(epsilons, radii, accuracies):
    rows = sweep(two_class(), EASY, epsilons=epsilons, attack="fgsm")
    assert [row["attack"] for row in rows] == ["clean"] + ["fgsm"] * (len(radii) - 1)
    assert [row["parameters"]["epsilon"] for row in rows] == radii
    assert [row["accuracy"] for row in rows] == accuracies


def test_reach_ends_at_the_diameter():
    # Images of 4 numbers are at most 2 apart in l2; the multiples are 0.25, 0.5, 0.75, 1, ...
    assert reach(1.0, "l2", (2, 2, 1)) == (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
    assert reach(1.0, "l2")[-1] == 5.0
    assert reach(0.5) == (0.125, 0.25, 0.375, 0.5, 0.75, 1.0)


def test_sweep_falls_to_nothing():
    rows = sweep(two_class(), EASY, epsilons=(0.3, 0.1, 0.5), attack="fgsm")
    assert [row["parameters"]["epsilon"] for row in rows] == [0.0, 0.1, 0.3, 0.5]
    assert [row["accuracy"] for row in rows] == [0.8, 0.6, 0.2, 0.0]


@pytest.mark.parametrize("name", ["pgd-20x0", "pgd-x", "pdg-20", "x3"])
def test_names_that_are_no_attack(name):
    with pytest.raises(UserError, match=r"Right would be"):
        stages(name, epsilon=0.1)


def test_autoattack_is_at_least_as_strong_as_its_members_and_pgd():
    rows = white_box(two_class(), EASY, epsilon=0.2, attacks=("autoattack", "square", "pgd-20"))
    # Two classes: the targeted DLR attack is not defined and stays away.
    assert list(rows[0]["after"]) == ["clean", "apgd-ce", "fab-t", "square"]
    assert rows[0]["left_out"] == ["apgd-t"]
    assert "left_out" not in rows[1]
    assert rows[0]["accuracy"] == 0.4
    assert rows[0]["accuracy"] <= min(row["accuracy"] for row in rows[1:])


def test_transfer_with_autoattack_is_refused():
    for name in ("apgd-ce", "autoattack"):
        refused(
            lambda name=name: black_box(
                two_class(), {"self": two_class()}, EASY, epsilon=0.2, attacks=("fgsm", name)
            ),
            rule="stops at the surrogate's first error",
            right="pgd-20",
            received=name,
        )


def test_networks_for_images_of_any_size_lend_their_attacks():
    image = keras.Input((None, None, 1))
    logits = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(image))
    anything = keras.Model(image, logits)
    with pytest.raises(UserError, match="surrogate three"):
        black_box(anything, {"three": classes(3)}, EASY, epsilon=0.2)
    for network, surrogate in ((two_class(), anything), (anything, anything)):
        rows = black_box(network, {"any": surrogate}, EASY, epsilon=0.2, attacks=("fgsm",))
        assert rows[0]["n"] == 5


def test_networks_that_do_not_say_which_images_they_take_lend_their_attacks():
    network = two_class()

    class Subclassed(keras.Model):
        def call(self, image, training=False):
            return network(image)

    for pair in ((Subclassed(), network), (network, Subclassed()), (Subclassed(), Subclassed())):
        rows = black_box(pair[0], {"other": pair[1]}, EASY, epsilon=0.2, attacks=("fgsm",))
        assert rows[0]["accuracy"] == 0.4


@pytest.mark.parametrize("attack", [None, 3, PGD(epsilon=0.2, step_size=0.1, num_steps=2)])
def test_attacks_are_given_by_name(attack):
    refused(
        lambda: black_box(two_class(), {"self": two_class()}, EASY, epsilon=0.2, attacks=[attack]),
        rule="the attack must be a known one",
        right="pgd-K",
        received=f"attack={attack!r}",
    )
    if not isinstance(attack, PGD):
        refused(
            lambda: white_box(two_class(), EASY, epsilon=0.2, attacks=(attack,)),
            rule="an attack must be one of fosc_tf.attacks",
            right="PGD(",
            received=f"attack={attack!r}",
        )


def test_attacks_may_be_values_and_data_arrays(monkeypatch):
    """Names, a value, a lambda around one and one that a user registered: 0.8, 0.4, 0.4, 0.4."""
    monkeypatch.setattr(presets.ATTACKS, "_factories", dict(presets.ATTACKS._factories))

    @attacks.register("mine")
    def mine(*, epsilon, num_steps, norm="linf"):
        return PGD(epsilon=epsilon, step_size=epsilon, num_steps=num_steps, norm=norm)

    value = PGD(epsilon=0.2, step_size=0.1, num_steps=20)
    image, label = (np.asarray(part) for part in next(iter(EASY.unbatch().batch(5))))
    named = {"clean": "clean", "own": value, "around": lambda *a, **o: value(*a, **o)}
    rows = white_box(two_class(), (image, label), epsilon=0.2, attacks=named)
    rows += white_box(two_class(), EASY, epsilon=0.2, attacks=("mine-20", value))
    assert [row["attack"] for row in rows] == ["clean", "own", "around", "mine-20", "PGD"]
    assert [row["accuracy"] for row in rows] == [0.8, 0.4, 0.4, 0.4, 0.4]
    assert rows[3]["parameters"]["num_steps"] == 20
    again = Square(epsilon=0.2, num_steps=2, restarts=4)
    (row,) = white_box(two_class(), EASY, epsilon=0.2, attacks=[again])
    assert (row["attack"], row["parameters"]["restarts"]) == ("Square", 4)
    assert list(stages_of_value("own", again).attacks.values()) == [again]
    (row,) = white_box(two_class(), EASY, epsilon=0.2, attacks={"quick": "fgsm"})
    assert (row["attack"], row["accuracy"]) == ("quick", 0.4)
    refused(
        lambda: white_box(two_class(), EASY, epsilon=0.2, attacks={"odd": lambda *a, **o: None}),
        rule="must tell its ball",
        right="Attack",
        received="odd",
    )


def test_restarts_of_fgsm_are_refused():
    refused(
        lambda: white_box(two_class(), EASY, epsilon=0.2, attacks=("fgsmx5",)),
        rule="finds the same at every try",
        right="fgsm",
        received="fgsmx5",
    )
    assert len(stages("fgsm-rsx5", epsilon=0.2).attacks) == 5


def test_a_random_network_is_judged_by_its_mean():
    network, turn = two_class(), tf.Variable(0)

    def turning(image, training=False):
        # Two of five answers are turned round; the mean of twenty is a fifth of the plain one.
        return network(image) * tf.where(turn.assign_add(1) % 5 < 3, 1.0, -1.0)

    plan = stages("autoattack-rand", epsilon=0.05)
    assert plan.passes == 20
    survival = Survival(turning, EASY, seed=0)
    assert survival.row(plan)["after"]["clean"] == 0.8
    expected = white_box(network, EASY, epsilon=0.05, attacks=("apgd-ce",))[0]["accuracy"]
    assert survival.row(plan)["accuracy"] == expected
    assert stages("pgd-20", epsilon=0.05).passes == 1


class Masked(keras.layers.Layer):
    """Passes images on and no gradient back."""

    def call(self, image):
        return tf.custom_gradient(lambda image: (tf.identity(image), tf.zeros_like))(image)


def test_a_journal_tells_networks_of_equal_logits_by_their_gradients():
    open_, journal = two_class(), Journal()
    closed = keras.Model(open_.input, open_.layers[2](open_.layers[1](Masked()(open_.input))))

    def cut(image, training=False):
        return tf.stop_gradient(open_(image, training=training))

    found = [
        Survival(network, EASY, seed=0, journal=journal).row(stages("fgsm", epsilon=0.2))
        for network in (closed, open_)
    ]
    assert [row["accuracy"] for row in found] == [0.8, 0.4]
    sample = next(iter(EASY))[0].numpy()
    marks = [fingerprint(network, sample) for network in (open_, closed, cut, two_class())]
    assert marks[0] == marks[3]
    assert len(set(marks)) == 3
