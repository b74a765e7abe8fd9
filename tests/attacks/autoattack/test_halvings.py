from fosc_tf.attacks.autoattack.halvings import checkpoints, lengths


def test_of_100_steps_by_hand():
    # p: .22, + .19, + .16, + .13, + .10, + .07, then .06 for ever: .93, .99, 1.05 is too far.
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]


def test_round_up():
    # .22 * 10 = 2.2 -> 3, 4.1 -> 5, 5.7 -> 6, 7, 8, 8.7 -> 9, 9.3 and 9.9 -> 10.
    assert checkpoints(10) == [3, 5, 6, 7, 8, 9, 10]


def test_lengths_are_the_gaps_between_checkpoints():
    found = lengths(100)
    assert len(found) == 100
    assert {step: gap for step, gap in enumerate(found) if gap} == {
        22: 22,
        41: 19,
        57: 16,
        70: 13,
        80: 10,
        87: 7,
        93: 6,
        99: 6,
    }


def test_one_step_has_none():
    assert lengths(1) == [0]
