"""From a config to objects: who gets which field, and what no single part can refuse."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from configs import (
    common,
    digits_curriculum,
    digits_dynamic,
    digits_fgsm_pgd,
    digits_fine_tuning,
    digits_standard,
    digits_unsecured,
)
from fosc_tf import build, config_check, data
from fosc_tf.building.division import augmentation
from fosc_tf.defenses import registry
from fosc_tf.errors import UserError
from fosc_tf.objectives import adversarial
from fosc_tf.schedules import learning_rate
from fosc_tf.training import AdversarialTrainer, CoupledSGD, optimizer
from fosc_tf.types import Defense
from tests import small_run
from tests.data.three_parts import refused


def changed(config, **fields):
    config.update_from_flattened_dict(
        {name.replace("__", "."): value for name, value in fields.items()}
    )
    return config


def small(npz, leaf=digits_dynamic, **fields):
    """32 images to train on, 24 held out, 40 to test on."""
    small = {"data__npz": str(npz), "data__batch_size": 8, "data__held_out": 24}
    small["model__name"] = "digits_mlp"
    return changed(leaf.get_config(), **(small | fields))


def test_parts_of_the_data(npz):
    experiment = build.build(small(npz))
    assert experiment.steps_per_epoch == 4
    assert (len(experiment.train.image), len(experiment.held_out.image)) == (32, 24)
    assert not set(experiment.train.ids) & set(experiment.held_out.ids)
    assert sum(len(label) for _, label in experiment.held_out_batches()) == 24
    tested = np.concatenate([image for image, _ in experiment.test_batches()])
    np.testing.assert_array_equal(tested, experiment.arrays.x_test)


def test_training_on_the_first_examples_is_training_on_a_file_cut_to_them(npz, tmp_path):
    whole = small_run.arrays()
    cut = small_run.npz(tmp_path, **{name: whole[name][:40] for name in ("x_train", "y_train")})
    found = []
    for config in (small(npz, data__examples=40), small(cut)):
        keras.utils.set_random_seed(0)
        experiment = build.build(config)
        assert experiment.steps_per_epoch == 2
        assert sorted([*experiment.train.ids, *experiment.held_out.ids]) == list(range(40))
        experiment.trainer.fit(
            experiment.batches(epoch=0), steps_per_epoch=2, epochs=2, initial_epoch=0, verbose=0
        )
        found.append([experiment.held_out.image, *experiment.trainer.network.get_weights()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_batches_go_on_from_any_position(npz):
    experiment = build.build(small(npz))
    whole = [batch["id"].numpy() for batch in experiment.batches(epoch=0).take(8)]
    rest = [batch["id"].numpy() for batch in experiment.batches(epoch=1, position=2).take(2)]
    np.testing.assert_array_equal(whole[6:], rest)
    assert sorted(np.concatenate(whole[:4])) == sorted(experiment.train.ids)


def test_learning_rate_drops_as_the_epochs_begin(npz):
    fields = {"optimizer__drop_epochs": (2, 3), "optimizer__drop_factor": 0.1}
    made = build.build(small(npz, optimizer__learning_rate=0.5, **fields)).trainer.optimizer
    assert isinstance(made, CoupledSGD)
    assert made.coupled_weight_decay == 1e-4
    assert made.momentum == 0.9
    rates = []
    for step in (0, 7, 8, 11, 12):
        made.iterations.assign(step)
        rates.append(float(made.learning_rate))
    assert rates == pytest.approx([0.5, 0.5, 0.05, 0.05, 0.005])


def test_optimizer_and_schedule_by_name(npz):
    fields = {"name": "adam", "schedule": "cyclic", "drop_epochs": (), "beta_1": 0.5}
    fields |= {"learning_rate": 0.5, "clip_norm": 2.0, "weight_decay": 0.01}
    fields = {f"optimizer__{name}": value for name, value in fields.items()}
    made = build.build(small(npz, total_epochs=24, **fields)).trainer.optimizer
    assert isinstance(made, keras.optimizers.Adam)
    assert (made.beta_1, made.clip_norm, made.coupled_weight_decay) == (0.5, 2.0, 0.01)
    rates = []
    for step in (0, 24, 48, 72, 96):  # of four steps an epoch
        made.iterations.assign(step)
        rates.append(float(made.learning_rate))
    assert rates == pytest.approx([0, 0.25, 0.5, 0.25, 0])


def test_optimizer_and_schedule_of_a_user(npz, monkeypatch):
    def halved(learning_rate, *, clock):
        return learning_rate / 2 / clock.steps_per_epoch

    def lion(*, learning_rate, beta_3):
        return keras.optimizers.Lion(learning_rate, beta_2=beta_3)

    monkeypatch.setitem(optimizer.OPTIMIZERS._factories, "lion", lion)
    monkeypatch.setitem(learning_rate.RATES._factories, "halved", halved)
    fields = {"name": "lion", "schedule": "halved", "drop_epochs": (), "learning_rate": 0.8}
    config = small(npz, **{f"optimizer__{name}": value for name, value in fields.items()})
    config.optimizer.weight_decay = 0.0
    with config.unlocked():
        config.optimizer.beta_3 = 0.25
    made = build.build(config).trainer.optimizer
    assert (float(made.learning_rate), made.beta_2) == (pytest.approx(0.1), 0.25)
    with config.unlocked():
        config.optimizer.beta_4 = 0.25
    with pytest.raises(UserError, match=r"field of optimizer must be a known one(.|\n)*beta_4"):
        build.build(config)


def test_defense_gets_its_fields_and_the_lengths_of_the_run(npz):
    config = small(npz, total_epochs=10, defense__control_epochs=4, defense__c_max=0.8)
    changed(config, defense__epsilon=0.1, defense__num_steps=3, defense__norm="l2")
    trainer = build.build(config).trainer
    parameters = trainer.defense.attack.parameters()
    assert parameters["epsilon"] == 0.1
    assert parameters["step_size"] == 0.025
    assert parameters["num_steps"] == 3
    assert parameters["norm"] == "l2"
    # Four steps an epoch, four epochs until 0.
    thresholds = [float(trainer.defense.schedules["threshold"](step)) for step in (0, 3, 4, 15, 16)]
    assert thresholds == pytest.approx([0.8, 0.8, 0.6, 0.2, 0.0])


def test_curriculum_spans_the_whole_run(npz):
    config = small(npz, digits_curriculum, total_epochs=6, defense__num_steps=2)
    lesson = build.build(config).trainer.defense.attack.num_steps.strength
    assert [int(lesson(epoch * 4)) for epoch in range(6)] == [0, 0, 1, 1, 2, 2]


def test_defense_gets_the_facts_of_the_run_that_it_asks_for(npz, monkeypatch):
    seen = {}

    def asks(
        *,
        steps_per_epoch=None,
        total_epochs=None,
        num_examples=None,
        image_shape=None,
        num_classes=None,
        batch_size=None,
        augment=None,
        **others,
    ):
        facts = locals()
        seen.update({name: facts[name] for name in facts if name != "seen"})
        return Defense(attack=None, objective=adversarial)

    monkeypatch.setitem(registry._DEFENSES._factories, "asks", asks)
    build.build(small(npz, digits_unsecured, defense__name="asks", data__augment=True))
    # 32 images to train on and 24 held out: ids run over all 56.
    assert seen == {
        "steps_per_epoch": 4,
        "total_epochs": 30,
        "num_examples": 56,
        "image_shape": (8, 8, 1),
        "num_classes": 10,
        "others": {},
        "batch_size": 8,
        "augment": data.CropFlip(pad=1, flip=False),
    }


def test_weights_are_moved_and_averaged_where_the_config_says_so(npz):
    plain = build.build(small(npz)).trainer.defense
    assert (plain.perturbation, plain.average) == (None, None)
    fields = {"perturbation__gamma": 0.01, "perturbation__from_epoch": 2}
    fields |= {"average__decay": 0.9, "average__from_epoch": 29}
    trainer = build.build(small(npz, **fields)).trainer
    moved, average = trainer.defense.perturbation, trainer.defense.average
    assert (moved.gamma, moved.from_epoch) == (0.01, 2)
    assert (average.decay, average.from_epoch) == (0.9, 29)
    assert moved.clock is average.clock
    assert moved.clock.steps_per_epoch == 4
    assert len(trainer.average_state) == len(trainer.network.weights)


def test_seed_decides_the_weights(npz):
    def weights(seed):
        return build.build(small(npz, seed=seed)).trainer.network.get_weights()[0]

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def test_trainer_of_a_defense_that_brings_its_own(npz, monkeypatch):
    class Other(AdversarialTrainer):
        pass

    def other_order():
        return Defense(attack=None, objective=adversarial, trainer=Other)

    monkeypatch.setitem(registry._DEFENSES._factories, "other_order", other_order)
    config = changed(small(npz, digits_unsecured), defense__name="other_order")
    assert type(build.build(config).trainer) is Other


@pytest.mark.parametrize(
    ("dataset", "augment", "expected"),
    [
        ("cifar10", True, data.CropFlip(pad=4, flip=True)),
        ("svhn", True, data.CropFlip(pad=4, flip=False)),
        ("digits", True, data.CropFlip(pad=1, flip=False)),
        ("mnist", True, data.CropFlip(pad=4, flip=False)),
        ("cifar10", False, None),
    ],
)
def test_augmentation_is_the_datasets_own(dataset, augment, expected):
    config = changed(common.cifar("standard"), data__name=dataset, data__augment=augment)
    assert augmentation(config.data) == expected


# (changed field, rule, what would be right, received)
FIELDS = [
    ({"total_epochs": 0}, "total_epochs must be a whole number", "1", "total_epochs=0"),
    ({"seed": -1}, "seed must be a whole number", "seed=0", "seed=-1"),
    ({"seed": 2**32}, "seed must be below 2**32", "seed=0", "seed=4294967296"),
    ({"data__batch_size": 0}, "data.batch_size", "1", "data.batch_size=0"),
    ({"data__batch_size": -8}, "data.batch_size", "1", "data.batch_size=-8"),
    ({"data__batch_size": 33}, "batch_size", "at most 32", "batch_size=33"),
    ({"data__held_out": -1}, "data.held_out", "0", "data.held_out=-1"),
    ({"data__held_out": 56}, "held_out must leave images", "at most 55", "held_out=56"),
    ({"evaluation__batch_size": 0}, "evaluation.batch_size", "1", "evaluation.batch_size=0"),
    ({"evaluation__examples": -1}, "evaluation.examples", "0", "evaluation.examples=-1"),
    ({"evaluation__check_examples": -1}, "evaluation.check_examples", "0", "check_examples=-1"),
    ({"evaluation__held_out_every": -1}, "evaluation.held_out_every", "0", "held_out_every=-1"),
    ({"evaluation__attacks": ()}, "at least one attack", "pgd-20", "evaluation.attacks=()"),
    ({"evaluation__attacks": (20,)}, "attack must be a known one", "pgd-K", "attack='20'"),
    ({"evaluation__attacks": ("pdg-20",)}, "attack must be", "nearest: pgd-K", "'pdg-20'"),
    ({"evaluation__held_out_attack": "clean"}, "attack must be", "pgd-K", "'clean'"),
    ({"evaluation__held_out_attack": "clean@9"}, "attack must be", "pgd-K", "'clean@9'"),
    ({"evaluation__checkpoints": ()}, "at least one network", "('last',)", "none of them"),
    ({"evaluation__epsilons": ("(1/255,2/255)",)}, "epsilons must be", "(0.1,0.2)", "(1/255,2"),
    ({"evaluation__checkpoints": ("frist",)}, "checkpoint must be", "last", "frist"),
    (
        {"evaluation__checkpoints": ("best",), "evaluation__held_out_every": 31},
        "best network is chosen on held-out images",
        "('last',)",
        "held_out_every=31, total_epochs=30",
    ),
    ({"evaluation__epsilons": (0.1, 2.0)}, "epsilon must lie in (0, 1]", "2/255", "epsilon=2"),
    ({"evaluation__attacks": ("fgsm",) * 2}, "name each once", "without repetition", "fgsm, fgsm"),
    ({"evaluation__epsilons": (0.3, 0.3)}, "name each once", "without repetition", "0.3, 0.3"),
    (
        {"defense__norm": "l2", "defense__epsilon": 128.0},
        "epsilon must be at most 8, the l2 diameter",
        "epsilon=128/255",
        "epsilon=128",
    ),
    ({"report__sweep_attack": "pdg-20"}, "attack must be", "nearest: pgd-K", "'pdg-20'"),
    ({"report__sweep_attack": "clean"}, "attack of the sweep must be", "pgd-K", "'clean'"),
    ({"report__sweep_examples": -1}, "report.sweep_examples", "0", "sweep_examples=-1"),
    ({"evaluation__epsilon": 2.0}, "epsilon must lie in (0, 1]", "2/255", "epsilon=2"),
    ({"evaluation__norm": "l0"}, "norm must be a known one", "linf", "'l0'"),
    ({"checkpoint__keep": 0}, "checkpoint.keep", "1", "checkpoint.keep=0"),
    ({"checkpoint__every_steps": -5}, "checkpoint.every_steps", "0", "every_steps=-5"),
    ({"log__fosc_every": -1}, "log.fosc_every", "0", "log.fosc_every=-1"),
    ({"log__images": -1}, "log.images", "0", "log.images=-1"),
    ({"optimizer__learning_rate": 0.0}, "learning_rate", "0.01", "learning_rate=0.0"),
    ({"optimizer__learning_rate": -0.1}, "learning_rate", "0.01", "learning_rate=-0.1"),
    ({"optimizer__learning_rate": float("nan")}, "learning_rate", "0.01", "nan"),
    ({"optimizer__momentum": 1.0}, "momentum", "0.9", "momentum=1.0"),
    ({"optimizer__momentum": -0.5}, "momentum", "0.9", "momentum=-0.5"),
    ({"optimizer__weight_decay": -1e-4}, "weight_decay", "1e-4", "weight_decay=-0.0001"),
    ({"optimizer__weight_decay": float("nan")}, "weight_decay", "1e-4", "nan"),
    ({"optimizer__drop_factor": 0.0}, "drop_factor", "0.1", "drop_factor=0.0"),
    ({"optimizer__drop_epochs": (0, 5)}, "ascending epochs from 1", "(20, 40)", "(0, 5)"),
    ({"optimizer__drop_epochs": (9, 5)}, "ascending epochs from 1", "(20, 40)", "(9, 5)"),
    ({"optimizer__drop_epochs": (5, 5)}, "ascending epochs from 1", "(20, 40)", "(5, 5)"),
    ({"optimizer__drop_epochs": ("a",)}, "ascending epochs from 1", "(20, 40)", "('a',)"),
    ({"optimizer__name": "agd"}, "optimizer must be", "adam", "'agd'"),
    ({"optimizer__schedule": "cosin"}, "learning rate must be", "nearest: cosine", "'cosin'"),
    ({"optimizer__clip_norm": -1.0}, "clip_norm", "1.0", "clip_norm=-1.0"),
    ({"optimizer__peak_at": 1.5}, "peak_at", "a share of the run", "peak_at=1.5"),
    ({"optimizer__schedule": "cosine"}, "drop_epochs does nothing", "()", "(20, 26)"),
    ({"optimizer__name": "adam", "optimizer__momentum": 0.5}, "momentum does", "0.9", "=0.5"),
    ({"optimizer__warm_up_epochs": 30.0}, "end before the run", "below their length", "30 epochs"),
    ({"perturbation__gamma": -0.1}, "perturbation.gamma", "0.01", "gamma=-0.1"),
    ({"average__decay": 1.0}, "average.decay", "0.999", "decay=1.0"),
    ({"defense__c_max": 0.0}, "c_max must be", "0.5", "c_max=0.0"),
    ({"defense__c_max": "automatic"}, 'or "auto"', "0.5", "'automatic'"),
    ({"defense__control_epochs": 31}, "must not exceed", "control_epochs=24", "=31 with"),
    ({"perturbation__gamma": -0.1}, "perturbation.gamma must lie", "0.01", "gamma=-0.1"),
    ({"perturbation__gamma": float("inf")}, "gamma must lie in its range [0, inf)", "0.01", "inf"),
    ({"perturbation__gamma": float("nan")}, "gamma must be a number", "0.01", "nan"),
    ({"perturbation__from_epoch": -1}, "from_epoch must be a whole", "0", "from_epoch=-1"),
    ({"perturbation__from_epoch": 30}, "below total_epochs", "from_epoch=15", "=30 with"),
    ({"average__decay": 1.0}, "average.decay must lie in its range [0, 1)", "0.999", "decay=1.0"),
    ({"average__from_epoch": 31}, "below total_epochs", "from_epoch=15", "total_epochs=30"),
    ({"defense__feasible": "bal"}, "feasible set must be", "nearest: ball", "'bal'"),
    ({"label_smoothing": 1.0}, "label_smoothing must lie in its range [0, 1)", "0.1", "=1.0"),
    ({"label_smoothing": -0.1}, "label_smoothing must lie in its range", "0.1", "=-0.1"),
    ({"monitor__action": "stop"}, "action of the monitor must be", "go_back", "'stop'"),
    ({"monitor__fall": 0.0}, "monitor.fall must lie in its range (0, 1)", "0.25", "fall=0.0"),
    (
        {"monitor__action": "go_back", "data__held_out": 0},
        "the monitor watches held-out images",
        "monitor.action='warn'",
        "data.held_out=0",
    ),
    ({"evaluation__checkpoints": ("ema",)}, "keeps no moving average", "0.999", "decay=0.0"),
    ({"log__gradient_images": -1}, "log.gradient_images", "0", "gradient_images=-1"),
    ({"data__extra": "none.npz"}, "data.extra must name a file", "y_train", "none.npz"),
    ({"data__extra_share": 1.0}, "data.extra_share must lie in its range (0, 1)", "0.5", "=1.0"),
]


@pytest.mark.parametrize(
    ("fields", "rule", "right", "received"),
    FIELDS,
    ids=[",".join(f"{name}={value}" for name, value in fields.items()) for fields, *_ in FIELDS],
)
def test_fields_that_cannot_work(npz, fields, rule, right, received):
    with pytest.raises(UserError) as caught:
        build.build(small(npz, **fields))
    error = caught.value
    assert rule in error.rule
    assert right in error.right
    assert received in error.received


def test_fgsm_epochs_beyond_the_last():
    config = changed(digits_fgsm_pgd.get_config(), total_epochs=1)
    with pytest.raises(UserError, match=r"fgsm_epochs must not exceed") as caught:
        config_check.check(config)
    # What is called right must be right.
    assert "defense.fgsm_epochs=1," in caught.value.right
    config_check.check(changed(config, defense__fgsm_epochs=1))


@pytest.mark.parametrize(
    "fields",
    [
        {"evaluation__held_out_every": 0, "data__held_out": 0},
        {"log__fosc_every": 0, "log__images": 0, "checkpoint__every_steps": 0},
        {"optimizer__drop_epochs": (), "optimizer__weight_decay": 0.0, "optimizer__momentum": 0.0},
        {"defense__control_epochs": 30, "total_epochs": 30},
        {"defense__c_max": "auto", "defense__feasible": "box", "defense__norm": "l1"},
    ],
)
def test_ends_of_the_ranges_are_accepted(npz, fields):
    build.build(small(npz, **fields))


@pytest.mark.parametrize(("wanted", "made"), [(0, 0), (3, 3), (10, 4)])
def test_every_epoch_of_four_steps_measures_fosc(npz, wanted, made):
    experiment = build.build(small(npz, log__fosc_every=wanted))
    assert (experiment.steps_per_epoch, experiment.trainer.fosc_every) == (4, made)


def test_layers_in_half_precision_give_logits_and_attacks_in_single(npz):
    experiment = build.build(small(npz, precision="mixed_bfloat16"))
    network = experiment.trainer.network
    kinds = {layer.compute_dtype for layer in network.layers if layer.weights}
    assert kinds == {"bfloat16", "float32"}
    assert network.output.dtype == "float32"
    assert all(weight.dtype == "float32" for weight in network.weights)
    assert keras.config.dtype_policy().name == "float32"
    history = experiment.trainer.fit(experiment.batches(epoch=0).take(4), verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    judged = build.network(experiment.config)  # as results and exports have it
    assert {layer.compute_dtype for layer in judged.layers} == {"float32"}
    judged.set_weights(network.get_weights())


def trained_by(experiment):
    experiment.trainer.fit(experiment.batches(epoch=0).take(3), verbose=0)
    return experiment.trainer.network.get_weights()


def test_xla_trains_what_is_trained_without(npz):
    # Without random starts: from the same seed XLA draws other numbers.
    one, other = (
        trained_by(
            build.build(small(npz, digits_unsecured, jit_compile=jit_compile, deterministic=False))
        )
        for jit_compile in (False, True)
    )
    for with_xla, without in zip(one, other, strict=True):
        np.testing.assert_allclose(with_xla, without, atol=1e-5)


def test_xla_trains_by_plain_pgd(npz):
    experiment = build.build(small(npz, digits_standard, jit_compile=True, deterministic=False))
    before = experiment.trainer.network.get_weights()
    after = trained_by(experiment)
    assert experiment.trainer.jit_compile
    assert any(np.any(one != other) for one, other in zip(before, after, strict=True))
    assert all(np.isfinite(weight).all() for weight in after)


@pytest.mark.parametrize(
    ("fields", "rule", "received"),
    [
        ({"precision": "float16"}, "precision must", "float16"),
        ({"jit_compile": True}, "XLA promises no equal bits", "deterministic=True"),
        ({"jit_compile": True, "deterministic": False}, "batches of one size only", "dynamic"),
    ],
)
def test_what_the_compiler_cannot_do(npz, fields, rule, received):
    refused(lambda: build.build(small(npz, **fields)), rule=rule, right="", received=received)


def test_fine_tuning_begins_with_trained_weights():
    config = digits_fine_tuning.get_config()
    with pytest.raises(UserError, match="begins with the weights of a trained network") as caught:
        config_check.check(config)
    assert "model.weights=FOLDER" in caught.value.right


def test_extra_images_are_a_share_of_every_batch(npz, tmp_path):
    """An epoch is one of the other images, and a memory has room for all."""
    image = np.zeros([20, 8, 8, 1], np.uint8)
    np.savez(tmp_path / "more.npz", x_train=image, y_train=np.arange(20) % 10)
    plain = build.build(small(npz))
    config = small(npz, data__extra=str(tmp_path / "more.npz"), data__extra_share=0.5)
    experiment = build.build(config)
    assert experiment.steps_per_epoch == len(plain.train.image) // (plain.batch_size // 2)
    batch = next(iter(experiment.batches(epoch=0)))
    assert int((batch["id"] >= len(plain.arrays.x_train)).numpy().sum()) == plain.batch_size // 2


def test_a_subset_is_of_the_part_that_is_trained_on_and_keeps_its_ids(tmp_path):
    whole = build.build(changed(digits_standard.get_config(), model__name="digits_mlp"))
    loss = np.full(len(whole.arrays.x_train), np.nan, np.float32)
    loss[whole.train.ids] = whole.train.ids
    run = tmp_path / "run"
    (run / "losses").mkdir(parents=True)
    np.savez(run / "losses" / "epoch_0000.npz", loss=loss, error=np.zeros(len(loss), bool))
    fields = {"subset": "hardest", "subset_examples": 200, "subset_run": str(run)}
    fields = {f"data__{name}": value for name, value in fields.items()}
    config = changed(digits_standard.get_config(), model__name="digits_mlp", **fields)
    few = build.build(config)
    assert len(few.train.ids) == 200
    assert few.steps_per_epoch == 3
    assert set(few.train.ids) < set(whole.train.ids)
    for label in range(10):
        own = whole.train.ids[whole.train.label == label]
        assert few.train.ids[few.train.label == label].tolist() == own[-20:].tolist()
    np.testing.assert_array_equal(few.held_out.ids, whole.held_out.ids)
    np.testing.assert_array_equal(few.train.image, few.arrays.x_train[few.train.ids])


@pytest.mark.parametrize(
    ("fields", "rule", "received"),
    [
        ({"subset": "hard", "subset_examples": 10}, "subset", "hard"),
        ({"subset": "random"}, "needs a number of examples", "subset_examples=0"),
        ({"subset_examples": 10}, "needs a number of examples", "subset=''"),
        ({"subset": "hardest", "subset_examples": 10}, "losses of another run", "subset_run=''"),
        ({"subset": "random", "subset_examples": 10, "subset_run": "x"}, "nothing else", "'x'"),
        ({"subset": "hardest", "subset_examples": 10, "subset_run": "x"}, "recorded", "x"),
    ],
)
def test_subsets_that_cannot_be(npz, fields, rule, received):
    config = small(npz, **{f"data__{name}": value for name, value in fields.items()})
    refused(lambda: build.build(config), rule=rule, right="", received=received)
