import numpy as np
import tensorflow as tf

from fosc_tf.attacks.autoattack import noise


def keys(count=2000, seed=0, stream=0, first=0):
    return noise.keys(seed, stream, position=tf.range(first, first + count, dtype=tf.int64))


def test_splitmix_by_hand():
    # The finaliser of SplitMix64 in Python's long integers, for a word with its top bit set.
    word = (1 << 63) + 5
    z = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
    expected = z ^ (z >> 31)
    assert int(noise._mix(tf.constant([word], tf.uint64))[0]) == expected


def test_an_example_draws_the_same_in_any_company():
    alone = noise.uniform(keys(1, first=37), 5, 3)
    among = noise.uniform(keys(100), 5, 3)
    np.testing.assert_array_equal(alone[0], among[37])


def test_uniform_moments_and_range():
    draws = noise.uniform(keys(), 1, 100).numpy()
    assert draws.min() >= 0.0
    assert draws.max() < 1.0
    # 200,000 draws: a mean is off by 1 / sqrt(12 * 200,000) = 0.00065 at one sigma.
    assert abs(draws.mean() - 0.5) < 0.003
    assert abs(draws.std() - 12**-0.5) < 0.003


def test_normal_moments():
    draws = noise.normal(keys(), 1, 100).numpy()
    assert abs(draws.mean()) < 0.01
    assert abs(draws.std() - 1.0) < 0.01
    assert abs((draws**4).mean() - 3.0) < 0.1


def test_signs():
    draws = noise.signs(keys(), 1, 10).numpy()
    assert set(np.unique(draws)) == {-1.0, 1.0}
    assert abs(draws.mean()) < 0.03


def test_nothing_correlates():
    base = noise.uniform(keys(), 1, 50).numpy()
    others = {
        "step": noise.uniform(keys(), 2, 50),
        "seed": noise.uniform(keys(seed=1), 1, 50),
        "stream": noise.uniform(keys(stream=1), 1, 50),
        "position": noise.uniform(keys(first=1), 1, 50),
    }
    for name, other in others.items():
        assert abs(np.corrcoef(base.ravel(), other.numpy().ravel())[0, 1]) < 0.02, name
    assert abs(np.corrcoef(base[:, 0], base[:, 1])[0, 1]) < 0.1


def test_negative_seeds_and_tensors():
    first = noise.uniform(keys(3, seed=-1), 0, 1)
    np.testing.assert_array_equal(first, noise.uniform(keys(3, seed=tf.constant(-1)), 0, 1))
    assert np.any(first.numpy() != noise.uniform(keys(3, seed=1), 0, 1).numpy())


def test_words_do_not_commute():
    one, other = (
        noise.uniform(keys(3, seed=a, stream=b), 0, 1).numpy() for a, b in ((1, 2), (2, 1))
    )
    assert np.any(one != other)
