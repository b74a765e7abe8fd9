"""Who survives, on networks whose answer is known; and that nothing is found twice."""

import numpy as np
import pytest

from fosc_tf.errors import UserError
from fosc_tf.evaluation import Journal, black_box, sweep, white_box
from fosc_tf.evaluation.stages import stages
from fosc_tf.evaluation.survival import Survival
from tests.evaluation.linear import EASY, LABELS, SUMS, dataset, two_class


class Counting:
    """An attack that counts the images it is given."""

    def __init__(self, name):
        self.inner = next(iter(stages(name, epsilon=0.1).attacks.values()))
        self.seen = []

    def parameters(self):
        return self.inner.parameters()

    def __call__(self, network, image, label, **options):
        self.seen.append((len(image), options))
        return self.inner(network, image, label, **options)


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


def test_stopping_when_wrong_is_never_weaker_and_counts_any_iterate():
    loose = white_box(two_class(), EASY, epsilon=0.2, attacks=("pgd-20",))
    strict = white_box(two_class(), EASY, epsilon=0.2, attacks=("pgd-20",), stop_when_wrong=True)
    assert strict[0]["accuracy"] <= loose[0]["accuracy"]
    assert strict[0]["parameters"] != loose[0]["parameters"]


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
    assert rows[0]["accuracy"] == 0.4
    assert rows[0]["accuracy"] <= min(row["accuracy"] for row in rows[1:])
