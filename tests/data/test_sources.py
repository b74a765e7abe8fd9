import hashlib
import io
import math
import time
import types
import urllib.error
import urllib.request
import zipfile

import numpy as np
import psutil
import pytest
import tensorflow as tf

from fosc_tf.data import load
from fosc_tf.errors import UserError
from tests.data.real_files import real_file
from tests.data.three_parts import refused

GENERATOR = np.random.default_rng(0)
MNIST = {
    "x_train": GENERATOR.integers(0, 256, (6, 28, 28), dtype=np.uint8),
    "y_train": np.arange(6),
    "x_test": GENERATOR.integers(0, 256, (3, 28, 28), dtype=np.uint8),
    "y_test": np.arange(3),
}


@pytest.fixture
def npz(tmp_path):
    def write(**changes):
        path = tmp_path / "set.npz"
        arrays = MNIST | changes
        np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
        return path

    return write


def test_digits_sizes_and_exact_pixels():
    arrays = load("digits")
    assert arrays.x_train.shape == (1437, 8, 8, 1)
    assert arrays.x_test.shape == (360, 8, 8, 1)
    assert (arrays.y_train.shape, arrays.y_test.shape) == ((1437,), (360,))
    assert arrays.x_train.dtype == np.float32
    assert arrays.y_train.dtype == np.int32
    from sklearn.datasets import load_digits

    raw = load_digits()
    both = np.concatenate([arrays.x_train, arrays.x_test])
    np.testing.assert_array_equal(both[..., 0] * 16, raw.images)
    np.testing.assert_array_equal(np.concatenate([arrays.y_train, arrays.y_test]), raw.target)
    assert arrays.source == "scikit-learn load_digits"


def test_npz_round_trip(npz):
    arrays = load("mnist", npz=npz())
    for part in ("train", "test"):
        image, label = getattr(arrays, f"x_{part}"), getattr(arrays, f"y_{part}")
        np.testing.assert_array_equal(image[..., 0], MNIST[f"x_{part}"])
        np.testing.assert_array_equal(label, MNIST[f"y_{part}"])
        assert image.shape[1:] == (28, 28, 1)
        assert (image.dtype, label.dtype) == (np.uint8, np.int32)


def test_npz_may_hold_a_channel_axis_column_labels_floats_and_other_keys(npz):
    plain = load("mnist", npz=npz())
    arrays = load(
        "mnist",
        npz=npz(
            x_train=MNIST["x_train"][..., None],
            y_train=MNIST["y_train"][:, None].astype(np.uint8),
            x_test=np.asfortranarray(MNIST["x_test"] / 255),
            remark=np.array("kept out"),
        ),
    )
    np.testing.assert_array_equal(arrays.x_train, plain.x_train)
    np.testing.assert_array_equal(arrays.y_train, plain.y_train)
    assert arrays.x_test.dtype == np.float32
    np.testing.assert_array_equal(arrays.x_test, (plain.x_test / 255).astype(np.float32))


def test_npz_in_the_home_folder(npz, monkeypatch):
    path = npz()
    monkeypatch.setenv("HOME", str(path.parent))
    assert len(load("mnist", npz="~/set.npz").x_train) == 6


def test_npz_serves_the_digits_too(npz):
    image = np.zeros((2, 8, 8), np.uint8)
    path = npz(x_train=image, y_train=np.arange(2), x_test=image, y_test=np.arange(2))
    assert load("digits", npz=path).x_train.shape == (2, 8, 8, 1)


def test_fingerprint_follows_the_contents_and_not_the_container(npz, tmp_path):
    one = load("mnist", npz=npz()).sha256
    assert one == load("mnist", npz=npz(y_train=MNIST["y_train"].astype(np.uint8))).sha256
    np.savez_compressed(tmp_path / "small.npz", **MNIST)
    assert one == load("mnist", npz=tmp_path / "small.npz").sha256
    changed = MNIST["x_test"].copy()
    changed[2, 27, 27] ^= 1
    assert one != load("mnist", npz=npz(x_test=changed)).sha256
    assert one != load("mnist", npz=npz(y_train=MNIST["y_train"][::-1])).sha256


def test_fingerprint_by_hand(npz):
    digest = hashlib.sha256()
    for key, dtype, shape in (
        ("x_train", "|u1", "(6, 28, 28, 1)"),
        ("y_train", "<i4", "(6,)"),
        ("x_test", "|u1", "(3, 28, 28, 1)"),
        ("y_test", "<i4", "(3,)"),
    ):
        digest.update(f"{key} {dtype} {shape}".encode())
        digest.update(MNIST[key].astype(dtype).tobytes())
    assert load("mnist", npz=npz()).sha256 == digest.hexdigest()


def test_unknown_name_wins_over_the_file(npz):
    refused(lambda: load("minst", npz=npz()), rule="data set", right="mnist", received="minst")


def test_missing_file(tmp_path):
    refused(
        lambda: load("mnist", npz=tmp_path / "none.npz"),
        rule="a file that exists",
        right="np.savez",
        received="none.npz",
    )
    refused(lambda: load("mnist", npz=tmp_path), rule="exists", right="np.savez", received="npz=")


def broken(kind, path):
    content = path.read_bytes()
    if kind == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "damaged":
        path.write_bytes(content[:500] + bytes(100) + content[600:])
    elif kind == "text":
        path.write_text("x_train")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "pickled":
        arrays = MNIST | {"y_test": np.array([0, 1, "two"], object)}
        np.savez(path, **arrays)
    elif kind == "single":
        with path.open("wb") as file:
            np.save(file, MNIST["x_train"])


@pytest.mark.parametrize("kind", ["truncated", "damaged", "text", "empty", "pickled", "single"])
def test_unreadable_files(kind, npz):
    path = npz()
    broken(kind, path)
    error = refused(
        lambda: load("mnist", npz=path),
        rule="complete .npz file",
        right="np.savez",
        received="set.npz",
    )
    assert "Error" in error.received or "BadZipFile" in error.received
    assert error.__suppress_context__  # the user sees no second traceback


def test_wrong_keys(npz):
    refused(
        lambda: load("mnist", npz=npz(y_test=None, labels=np.arange(3))),
        rule="must hold x_train, y_train, x_test, y_test",
        right="np.savez",
        received="without y_test; it holds labels, x_test, x_train, y_train",
    )


@pytest.mark.parametrize(
    ("changes", "rule", "right", "received"),
    [
        ({"x_train": np.zeros((6, 8, 8), np.uint8)}, "images of mnist", "28, 28, 1]", "[6, 8, 8]"),
        ({"x_train": np.zeros((6, 1, 28, 28))}, "images of mnist", "28, 28, 1]", "[6, 1, 28, 28]"),
        ({"x_train": np.zeros((6, 28, 28, 3))}, "images of mnist", "28, 28, 1]", "[6, 28, 28, 3]"),
        ({"x_test": np.zeros(3)}, "x_test", "28, 28, 1]", "[3]"),
        ({"x_test": np.full((3, 28, 28), 255.0)}, "x_test", "divide 0..255 by 255", "255"),
        ({"x_test": np.full((3, 28, 28), np.nan)}, "no NaN", "[0, 1]", "2352 NaN"),
        ({"x_test": np.full((3, 28, 28), -0.5)}, "[0, 1]", "[0, 1]", "-0.5"),
        ({"x_test": np.zeros((3, 28, 28), np.int64)}, "hold floats", "uint8", "int64"),
        ({"y_train": np.arange(6) + 5}, "y_train", "from 0 to 9", "from 5 to 10"),
        ({"y_train": np.arange(6) - 1}, "y_train", "from 0 to 9", "from -1 to 4"),
        ({"y_train": np.arange(6) / 2}, "hold integers", "from 0 to 9", "float64"),
        ({"y_train": np.eye(6)}, "one axis", "argmax", "[6, 6]"),
        ({"y_train": np.arange(5)}, "equally long", "6 labels", "6 images, 5 labels"),
        (
            {"x_test": np.zeros((0, 28, 28), np.uint8), "y_test": np.zeros(0, int)},
            "not be empty",
            "uint8",
            "[0, 28, 28, 1]",
        ),
    ],
)
def test_wrong_arrays(npz, changes, rule, right, received):
    error = refused(
        lambda: load("mnist", npz=npz(**changes)), rule=rule, right=right, received=received
    )
    assert "set.npz" in error.rule


def test_real_mnist():
    arrays = load("mnist", npz=real_file("mnist.npz"))
    assert arrays.x_train.shape == (60000, 28, 28, 1)
    assert arrays.x_test.shape == (10000, 28, 28, 1)
    assert arrays.x_train.dtype == np.uint8
    assert arrays.y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(arrays.y_test).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009
    ]  # fmt: skip


def test_real_cifar10():
    arrays = load("cifar10", npz=real_file("cifar10_subset.npz"))
    assert arrays.x_train.shape == (4660, 32, 32, 3)
    assert arrays.y_train[:5].tolist() == [6, 9, 9, 4, 1]  # frog, truck, truck, deer, automobile
    refused(
        lambda: load("cifar10", npz=real_file("cifar10_jpeg.npz")),
        rule="must hold",
        right="np.savez",
        received="without x_train, x_test",
    )


def prepare(folder, version="3.0.0"):
    """Writes MNIST as TensorFlow Datasets prepares it, in a version older than the installed."""
    tfds = pytest.importorskip("tensorflow_datasets")
    path = folder / "mnist" / version
    path.mkdir(parents=True)
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(28, 28, 1)),
            "label": tfds.features.ClassLabel(num_classes=10),
        }
    )
    splits = []
    for part in ("train", "test"):
        image, label = MNIST[f"x_{part}"][..., None], MNIST[f"y_{part}"]
        with tf.io.TFRecordWriter(str(path / f"mnist-{part}.tfrecord-00000-of-00001")) as writer:
            for example in zip(image, label, strict=True):
                encoded = features.encode_example(
                    dict(zip(("image", "label"), example, strict=True))
                )
                writer.write(features.serialize_example(encoded))
        splits.append(tfds.core.SplitInfo(name=part, shard_lengths=[len(label)], num_bytes=0))
    tfds.folder_dataset.write_metadata(data_dir=path, features=features, split_infos=splits)
    return path


@pytest.fixture
def asked(monkeypatch):
    """Cuts the network off and returns the list of addresses that were asked."""
    addresses = []

    def urlopen(request, timeout):
        addresses.append(request.full_url)
        raise urllib.error.URLError("no network here")

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return addresses


def test_prepared_data_are_used_without_network(tmp_path, npz, asked):
    prepare(tmp_path)
    arrays = load("mnist", dir=tmp_path)
    assert arrays.sha256 == load("mnist", npz=npz()).sha256
    assert arrays.source == "tfds mnist 3.0.0"
    assert asked == []


def test_no_network_and_no_data(tmp_path, asked):
    start = time.monotonic()
    error = refused(
        lambda: load("cifar10", dir=tmp_path / "tfds"),
        rule="cifar10 needs data",
        right="data.npz=FILE.npz",
        received="no answer from https://www.cs.toronto.edu/~kriz/ (no network here)",
    )
    assert "data.dir=FOLDER" in error.right
    assert "data.name=digits" in error.right
    assert str(tmp_path / "tfds") in error.received
    assert error.__suppress_context__
    assert len(asked) == 1
    assert time.monotonic() - start < 20  # the retries of a download last 200 s
    assert not (tmp_path / "tfds").exists()


@pytest.mark.parametrize(("code", "downloads"), [(404, True), (503, False)])
def test_a_refusal_is_an_answer_and_a_broken_proxy_is_none(tmp_path, monkeypatch, code, downloads):
    tfds = pytest.importorskip("tensorflow_datasets")
    tried = []

    class Builder:
        def is_prepared(self):
            return False

        def download_and_prepare(self):
            tried.append(True)
            raise RuntimeError("disk full\nmore")

    def urlopen(request, timeout):
        raise urllib.error.HTTPError(request.full_url, code, "no", {}, None)

    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: Builder())
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    refused(
        lambda: load("mnist", dir=tmp_path),
        rule="mnist needs data",
        right="data.npz=",
        received="RuntimeError: disk full" if downloads else "HTTP Error 503",
    )
    assert bool(tried) == downloads


def test_with_network_data_are_prepared_and_then_read(tmp_path, npz, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")

    def download_and_prepare(builder):
        builder.info.read_from_directory(prepare(tmp_path, str(builder.version)))

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", download_and_prepare)
    monkeypatch.setattr(urllib.request, "urlopen", lambda request, timeout: io.BytesIO())
    arrays = load("mnist", dir=tmp_path)
    assert arrays.sha256 == load("mnist", npz=npz()).sha256


def test_damaged_prepared_data(tmp_path, asked):
    path = prepare(tmp_path)
    record = path / "mnist-test.tfrecord-00000-of-00001"
    record.write_bytes(record.read_bytes()[:100])
    refused(
        lambda: load("mnist", dir=tmp_path),
        rule="mnist needs data",
        right="data.npz=",
        received="DataLossError",
    )
    assert asked == []


# What a small file would unpack to: arrays of the wrong shape or length, or more than memory holds.
BOMBS = {
    "images": ({"x_train": (10**6, 28)}, "must hold images of mnist"),
    "labels": ({"y_train": (10**8,)}, "equally long"),
    "one-hot": ({"y_test": (3, 10**8)}, "must have one axis"),
    "all": ({"x_train": (10**6, 28, 28), "y_train": (10**6,)}, "785,002,355 bytes unpacked, of"),
}


@pytest.mark.parametrize("case", BOMBS)
def test_what_is_no_data_set_or_too_large_is_not_unpacked(tmp_path, monkeypatch, case):
    shapes, words = BOMBS[case]
    path, block = tmp_path / "set.npz", bytes(10**6)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, array in MNIST.items():
            shape, dtype = shapes.get(key, array.shape), np.dtype(np.uint8)
            header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, header)
                whole, rest = divmod(math.prod(shape), len(block))
                for _ in range(whole):
                    member.write(block)
                member.write(block[:rest])
    assert path.stat().st_size < 2**20

    def never(*args, **options):
        raise AssertionError("unpacked")

    monkeypatch.setattr(np.lib.format, "read_array", never)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: types.SimpleNamespace(available=10**8))
    with pytest.raises(UserError) as caught:
        load("mnist", npz=path)
    assert words in str(caught.value)


def test_a_header_that_promises_more_than_there_is(tmp_path):
    path = tmp_path / "set.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for key in MNIST:
            header = {"descr": "|u1", "fortran_order": False, "shape": (10**12, 28, 28)}
            with archive.open(f"{key}.npy", "w") as member:
                np.lib.format.write_array_header_1_0(member, header)
                member.write(bytes(100))
    with pytest.raises(UserError, match="complete") as caught:
        load("mnist", npz=path)
    assert "another size" in caught.value.received
