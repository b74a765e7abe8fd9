"""A packed file is the network: same logits; damaged ones load nothing; sizes by hand."""

import keras
import numpy as np
import pytest

from fosc_tf.errors import UserError
from fosc_tf.subnetworks import allocation, masked, pack, plain, sizes, unpack
from fosc_tf.subnetworks.bits import decoded_mask, encoded_mask
from fosc_tf.subnetworks.costs import operations
from tests.subnetworks.networks import digits, images, residual, sequential, small

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("size", [1, 7, 8, 1000, 20_001])
def test_masks_there_and_back(share, size):
    mask = RANDOM.random(size) < share
    name, k, content = encoded_mask(mask)
    found = decoded_mask(name, k, content, size, int(mask.sum()))
    np.testing.assert_array_equal(found, mask)
    assert len(content) <= -(-size // 8)
    if size == 20_001 and share == 0.01:
        entropy = -size * (0.01 * np.log2(0.01) + 0.99 * np.log2(0.99))
        assert (name, 8 * len(content) < 1.1 * entropy) == ("gaps", True)


@pytest.mark.parametrize("weights", ["binary", "signed_kaiming", "own"])
@pytest.mark.parametrize("make", [residual, sequential, digits])
def test_logits_of_a_packed_network(make, weights, tmp_path):
    network, image = masked(make(), rate=0.9, weights=weights), images()
    network(image, training=True)
    bytes_written = pack(network, tmp_path / "a" / "network.bin")
    assert (tmp_path / "a" / "network.bin").stat().st_size == bytes_written
    loaded = unpack(tmp_path / "a" / "network.bin")
    expected = network(image, training=False).numpy()
    np.testing.assert_array_equal(loaded(image, training=False), expected)
    np.testing.assert_array_equal(plain(network)(image, training=False), expected)
    kinds = {type(layer) for layer in loaded.layers}
    assert keras.layers.Dense in kinds


def test_bits_of_a_file(tmp_path):
    network = masked(digits(), rate=0.9)
    *rows, total = sizes(network)
    file_bytes = pack(network, tmp_path / "network.bin")
    assert total["file_bytes"] == file_bytes
    kept = allocation((8192, 16384, 1280), rate=0.9)
    assert tuple(row["kept"] for row in rows) == kept
    assert total["kept"] == (8192 + 16384 + 1280) // 10
    assert total["weight_bits"] <= 1.2 * total["kept"]
    # Header and statistics of ten logits are the rest.
    rest = 8 * file_bytes - total["weight_bits"] - total["mask_bits"]
    assert 8 * 80 < rest < 8 * 2000


def test_operations_by_hand():
    found = sizes(small())
    rows = {row["layer"]: row for row in found}
    stem = rows["stem"]  # 8 x 8 to 4 x 4 of 6 channels, 3 x 3 x 1 x 6 weights
    kept = stem["kept"]
    assert stem["weights"] == 54
    assert stem["forward"] == 2 * 16 * kept + 11 * 16 * 6
    assert stem["forward_binary"] == 16 * kept + 11 * 16 * 6
    assert stem["evaluation"] == 2 * 16 * kept + 4 * 16 * 6
    assert stem["backward"] == 4 * 16 * kept + 4 * 16 * 6 + 54
    assert stem["backward_binary"] == 3 * 16 * kept + 4 * 16 * 6
    assert rows["logits"]["evaluation_binary"] == rows["logits"]["kept"] + 4 * 10
    assert rows["total"]["forward"] == sum(row["forward"] for row in found[:-1])


def test_what_the_formulas_of_the_thesis_save():
    """Of a ResNet-34 with a kept share of 0.01 of each layer, for images of 32 x 32."""
    layers, channels = [(27 * 64, 32, 64)], 64
    for filters, blocks, side in ((64, 3, 32), (128, 4, 16), (256, 6, 8), (512, 3, 4)):
        for _ in range(blocks):
            layers += [(9 * channels * filters, side, filters), (9 * filters**2, side, filters)]
            if channels != filters:
                layers.append((channels * filters, side, filters))
            channels = filters
    layers.append((5120, 1, 10))
    rows = [operations(0.01 * n, n, side * side, filters) for n, side, filters in layers]
    sums = {name: sum(row[name] for row in rows) for name in rows[0]}

    def saved(*names):
        binary = sum(sums[f"{name}_binary"] for name in names)
        return 100 * (1 - binary / sum(sums[name] for name in names))

    assert saved("forward", "backward") == pytest.approx(41.9, abs=0.05)
    assert saved("forward") == pytest.approx(33.7, abs=0.05)
    assert saved("evaluation") == pytest.approx(42.5, abs=0.05)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "network.bin"
    pack(small(), path)
    return path


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "other", "more", "none"])
def test_a_damaged_file_loads_nothing(damage, file, tmp_path):
    content = file.read_bytes()
    middle = len(content) // 2
    changed = {
        "cut": content[:-1],
        "bit": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "empty": b"",
        "other": b"PK" + content,
        "more": content + b"0",
    }
    path = tmp_path / "network.bin"
    if damage != "none":
        path.write_bytes(changed[damage])
    with pytest.raises(UserError) as error:
        unpack(path)
    assert "fosc_tf.subnetworks.pack" in error.value.right
    assert str(path) in error.value.received


def test_a_network_that_is_not_masked(tmp_path):
    for function in (lambda net: pack(net, tmp_path / "network.bin"), plain, sizes):
        with pytest.raises(UserError, match="must be masked"):
            function(digits())
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written(tmp_path):
    network = masked(digits(), rate=0.9)
    (tmp_path / "file").write_text("")
    for place in (tmp_path, tmp_path / "file" / "a.bin"):
        with pytest.raises(UserError):
            pack(network, place)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert not tmp_path.with_name(f"{tmp_path.name}.unfinished").exists()
