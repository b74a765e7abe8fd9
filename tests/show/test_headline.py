"""What a report says first, and the order of its columns."""

from __future__ import annotations

import pytest

from fosc_tf.show.headline import headline, strongest_first

EVALUATION = {"epsilon": 0.2, "norm": "linf"}


def row(attack, accuracy, n=360, checkpoint="last", epsilon=0.2, **more):
    parameters = {} if attack.startswith("clean") else {"epsilon": epsilon}
    own = {"checkpoint": checkpoint, "attack": attack, "accuracy": accuracy, "n": n}
    return own | {"parameters": parameters} | more


ROWS = [
    row("clean", 0.95),
    row("fgsm", 0.7),
    row("pgd-20", 0.6),
    row("autoattack", 0.55),
    row("clean", 0.96, checkpoint="best"),
    row("pgd-20", 0.5, checkpoint="best"),
]


def test_the_last_network_and_its_worst_attack():
    found = headline(ROWS, EVALUATION)
    assert (found.network, found.clean, found.n) == ("last", 0.95, 360)
    assert found.worst == (("autoattack", 0.55, 360, 3, None),)
    assert found.facts == [
        ("95.00 %", "right without attack"),
        ("55.00 %", "right under autoattack, the worst of 3"),
        ("ε = 0.2", "radius of the ball, linf"),
        ("n = 360", "test images"),
    ]
    assert found.sentence.startswith("last network: 95.00 % right without attack, 55.00 % right")


def test_other_radii_and_transfer_do_not_count():
    further = [row("pgd-20", 0.1, epsilon=0.4), row("pgd-20", 0.2, surrogate="x")]
    assert headline([*ROWS, *further], EVALUATION) == headline(ROWS, EVALUATION)


def test_of_equal_attacks_autoattack_is_named():
    rows = [row("clean", 1.0), row("pgd-20", 0.5), row("autoattack", 0.5), row("cw-linf", 0.5)]
    assert headline(rows, EVALUATION).worst[0].attack == "autoattack"
    worse = headline([*rows, row("pgd-100x5", 0.4)], EVALUATION).worst
    assert [each.attack for each in worse] == ["pgd-100x5"]


def test_attacks_are_compared_on_the_same_images_only():
    # The first 100 are easier: PGD on all of them is not worse than AutoAttack.
    rows = [row("clean", 0.95), row("fgsm", 0.7), row("pgd-20", 0.64)]
    rows.append(row("autoattack@100", 0.7, n=100, after={"clean": 0.97, "apgd-ce": 0.72}))
    assert headline(rows, EVALUATION).facts == [
        ("95.00 %", "right without attack"),
        (
            "70.00 %",
            "right under autoattack@100 on the first 100, where 97.00 % are right without attack",
        ),
        ("64.00 %", "right under pgd-20, the worst of 2 on all 360"),
        ("ε = 0.2", "radius of the ball, linf"),
        ("n = 360", "test images"),
    ]
    names = list(dict.fromkeys(each["column"] for each in strongest_first(rows)))
    assert names == ["clean", "autoattack@100", "pgd-20", "fgsm"]


def test_an_attack_on_fewer_images_says_so():
    rows = [row("clean", 0.9, n=10000), row("autoattack@1000", 0.5, n=1000)]
    assert headline(rows, EVALUATION).facts[1:] == [
        ("50.00 %", "right under autoattack@1000 on the first 1,000"),
        ("ε = 0.2", "radius of the ball, linf"),
        ("n = 10,000", "test images"),
    ]


@pytest.mark.parametrize(
    ("rows", "numbers"),
    [
        ([row("clean", 0.9)], ["90.00 %", "ε = 0.2", "n = 360"]),
        ([row("pgd-20", 0.4, n=7)], ["40.00 %", "ε = 0.2", "n = 7"]),
        ([row("pgd-20", 0.3, checkpoint="best")], ["30.00 %", "ε = 0.2", "n = 360"]),
    ],
)
def test_what_was_not_measured_is_left_out(rows, numbers):
    assert [number for number, _ in headline(rows, EVALUATION).facts] == numbers


def test_nothing_measured_has_no_headline():
    assert headline([], EVALUATION) is None
    assert headline([row("pgd-20", 0.2, surrogate="x")], EVALUATION) is None


def test_columns_begin_with_clean_then_the_strongest_attack():
    rows = [*ROWS, row("pgd-20", 0.01, epsilon=0.4), row("fgsm", 0.02, epsilon=0.4)]
    names = list(dict.fromkeys(each["column"] for each in strongest_first(rows)))
    assert names == ["clean", "autoattack", "pgd-20", "fgsm", "pgd-20 at 0.4", "fgsm at 0.4"]
    checkpoints = [each["checkpoint"] for each in strongest_first(rows)]
    assert checkpoints[:2] == ["last", "best"]
