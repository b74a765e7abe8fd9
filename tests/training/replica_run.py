"""Trains by every registered defense on one and on two replicas, in a process of its own.

python -m tests.training.replica_run      # prints a JSON object with what it found

See `two_replicas`.
"""

import contextlib
import dataclasses

import numpy as np
import tensorflow as tf

from tests.training import two_replicas

SIZE, STEPS, EPOCHS = 16, 2, 2


COMPOSED = ("amata", "curriculum", "fgsm_pgd", "fine_tuning", "mart", "n_fgsm")
"""Made of nothing but schedules and parts of others, that are trained here."""
FOR_WORKERS = ("standard, batch norm", "dynamic_memory, by share")
"""The variants that only `worker_run` trains."""
EVALUATED = ("standard", "standard, batch norm", "dynamic, batch norm")
"""`evaluate` knows nothing of defenses: it is called after these only."""
ALL_PARTS = "memory, perturbation, average, mixed gradients"


def variants(defenses, arguments_of):
    """Returns {id: (name, arguments, network)}: every defense, and those that do more if asked.

    With `ALL_PARTS` in the id `train` puts `with_all_parts` around the defense.
    """
    names = [name for name in defenses.names() if name not in COMPOSED]
    found = {name: (name, arguments_of(name), "digits_mlp") for name in names}
    for name in ("cc_ibp", "mtl_ibp", "sabr"):
        # At a radius of 1e-6 the regularisers of the warm-up, which `ibp` shows, raise rounding to
        # 1e-6; a weight so near 0 then turns its sign, and the slope of its magnitude with it.
        found[name] = (name, arguments_of(name) | {"warm_up": 0.0}, "digits_mlp")
    extra = {"c_max": "auto", "self_weighted": True, "feasible": "box"}
    found["dynamic, all options"] = ("dynamic", arguments_of("dynamic") | extra, "digits_mlp")
    by_share = {"stop_share": 0.4, "num_steps": 3, "refresh": 0.2}
    found["dynamic_memory, by share"] = (
        "dynamic_memory",
        arguments_of("dynamic_memory") | by_share,
        "digits_mlp",
    )
    found["dynamic, annealed"] = (
        "dynamic",
        arguments_of("dynamic") | {"least_steps": 1},
        "digits_mlp",
    )
    for name in ("standard", "dynamic", "grad_align", "ibp"):
        found[f"{name}, batch norm"] = (name, arguments_of(name), "mnist_cnn")
    found["standard, binary"] = ("standard", arguments_of("standard"), "binary")
    found["standard, pruned"] = ("standard", arguments_of("standard"), "pruned")
    found[ALL_PARTS] = ("dynamic", arguments_of("dynamic"), "digits_mlp")
    found[f"{ALL_PARTS}, batch norm"] = ("dynamic", arguments_of("dynamic"), "mnist_cnn")
    return found


def with_all_parts(defense):
    """Returns the defense with a memory, moved weights, their average, and two gradients in one."""
    from fosc_tf.memory import Memory, Spec
    from fosc_tf.objectives import adversarial
    from fosc_tf.replicas import num_replicas, sum_over_replicas
    from fosc_tf.training import AdversarialTrainer, WeightAverage, WeightPerturbation

    class Bisects(AdversarialTrainer):
        """Descends half-way between the gradients at adversarial and at clean images."""

        def gradients(self, batch, found, step):
            judged, hard = super().gradients(batch, found, step)
            with tf.GradientTape() as tape:
                clean = adversarial(self.network, batch, None, step)
                loss = tf.reduce_mean(clean.loss) / num_replicas()
            soft = tape.gradient(loss, self.network.trainable_variables)
            both = [sum_over_replicas(each) for each in (hard, soft)]
            scale = [tf.linalg.global_norm(each) for each in both]
            mixed = [0.5 * (a / scale[0] + b / scale[1]) for a, b in zip(*both, strict=True)]
            return judged, [each / num_replicas() for each in mixed]

    specs = {
        "visits": Spec(dtype="int32"),
        "last": Spec((8, 8, 1)),
        "coarse": Spec((8, 8, 1), "int8", span=0.3),
    }

    def remember(batch, found, judged, step):
        del judged, step
        away = found.image - batch.image + 0.1 * batch.context["last"]
        return {"visits": batch.context["visits"] + 1, "last": away, "coarse": away}

    return dataclasses.replace(
        defense,
        trainer=Bisects,
        memory=Memory(SIZE * STEPS, specs),
        remember=remember,
        perturbation=WeightPerturbation(0.05),
        average=WeightAverage(0.5),
    )


def made(name):
    """Returns a network of that name; `binary` and `pruned` are made by `fosc_tf.subnetworks`."""
    import keras

    from fosc_tf import models, subnetworks

    def network(name):
        return models.get(name, input_shape=(8, 8, 1), num_classes=10)

    if name == "binary":
        found = subnetworks.binary_connect(network("digits_mlp"), last_batch_norm=False)
        random = np.random.default_rng(0)
        for each in found.trainable_variables:
            # Far enough from 0 that rounding turns none, up to 1, where they are clipped.
            sign = random.choice([-1.0, 1.0], each.shape)
            each.assign(sign * random.uniform(0.5, 1.0, each.shape))
        # Sums of hundreds of signs are no logits that differ little from rounding alone.
        return keras.Model(found.input, keras.layers.Rescaling(0.01)(found.output))
    if name == "pruned":
        return subnetworks.masked(network("digits_mlp"), 0.9, weights="own", trained="weights")
    return network(name)


def train(variant, name, arguments, network_name, scope):
    """Returns weights, the epochs' logs, and the weights from before.

    What is remembered and averaged comes behind the weights, and the clean accuracy with the logs.
    """
    from fosc_tf import defenses
    from fosc_tf.training import AdversarialTrainer, CoupledSGD

    random = np.random.default_rng(0)
    image = random.uniform(size=(SIZE * STEPS, 8, 8, 1)).astype("float32")
    label = random.integers(0, 10, SIZE * STEPS)
    ids = np.arange(SIZE * STEPS)[::-1].copy()
    batches = tf.data.Dataset.from_tensor_slices({"image": image, "label": label, "id": ids})
    batches = batches.batch(SIZE, drop_remainder=True)
    with scope:
        network = made(network_name)
        initial = network.get_weights()
        defense = defenses.get(name, **arguments)
        if ALL_PARTS in variant:
            defense = with_all_parts(defense)
        trainer = (defense.trainer or AdversarialTrainer)(network, defense, fosc_every=1)
        trainer.compile(optimizer=CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=1e-3))
    # Outside of the scope, as a user may call it.
    logs = trainer.fit(batches, epochs=EPOCHS, verbose=0).history
    trained = network.get_weights()
    trained += [each.numpy() for each in [*trainer.memory_state, *trainer.average_state]]
    if variant in EVALUATED:
        logs["clean"] = [trainer.evaluate(batches, verbose=0, return_dict=True)["accuracy"]]
    return trained, logs, initial


def differences(one, two):
    """Returns how far apart two trainings ended; logs differ by rounding only."""
    return {
        "weights": max(_apart(a, b) for a, b in zip(one[0], two[0], strict=True)),
        "finite": all(bool(np.isfinite(weight).all()) for weight in two[0]),
        "names": sorted(one[1]) == sorted(two[1]),
        "logs": max(
            float(np.abs(np.subtract(one[1][name], two[1][name])).max()) for name in one[1]
        ),
        # Of masked layers the scores come first, which may stand still.
        "moved": max(float(np.abs(a - b).max()) for a, b in zip(two[0][:2], two[2], strict=False)),
    }


def _apart(one, other):
    """Returns the largest difference; of what is kept in 127 steps it is counted in 1e-6 steps."""
    apart = np.abs(one.astype("float64") - other.astype("float64")).max()
    # Rounding may fall to either side of a step.
    return float(1e-7 * apart if one.dtype == np.int8 else apart)


def rows(strategy):
    """Returns what two replicas see of the global batch, joined, and what one replica sees."""
    from fosc_tf.attacks import Mixed, ball, budget, starts
    from fosc_tf.training.reduction import gather_over_replicas, mean_over_replicas
    from fosc_tf.types import Batch

    image = tf.fill([8, 2, 2, 1], 0.5)
    step, seed = tf.constant(0, tf.int64), tf.constant([3, 4], tf.int64)

    def noise(part):
        batch = Batch(part, tf.zeros([part.shape[0]], tf.int32), {})
        return starts.uniform(batch, ball.get("l2"), tf.constant(0.2), seed, step)

    def of_replica():
        part = image[:4]
        mine = tf.distribute.get_replica_context().replica_id_in_sync_group
        values = tf.constant([[1.0, 2.0], [3.0, 6.0]])[mine]
        steps = budget.steps_per_example(Mixed(3), step, tf.constant(4))
        share = mean_over_replicas(values)
        return noise(part), steps, share, gather_over_replicas(values)

    found = [strategy.experimental_local_results(x) for x in strategy.run(tf.function(of_replica))]
    return {
        "noise": float(np.abs(np.concatenate(found[0]) - noise(image)).max()),
        "noise differs": bool(np.any(found[0][0] != found[0][1])),
        "steps": np.concatenate(found[1]).tolist(),
        "mean": float(sum(found[2])),
        "gathered": [one.numpy().tolist() for one in found[3]],
    }


def aligned(strategy):
    """Returns the mean misalignment on one and on two replicas, three of the first dropped."""
    from fosc_tf import models
    from fosc_tf.objectives import gradient_alignment
    from fosc_tf.training.reduction import mean_over_replicas
    from fosc_tf.types import Batch, Found

    image, seen = np.random.default_rng(0).uniform(size=(2, 8, 8, 8, 1)).astype("float32")
    seen[:3] = 0.0
    objective = gradient_alignment(1.0, lambda batch, step: batch.image)
    with strategy.scope():
        network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)

    def share(places):
        batch = Batch(tf.gather(image, places), tf.zeros_like(places), {})
        found = Found.at(batch.image)._replace(seen={"gradient": tf.gather(seen, places)})
        judged = objective(network, batch, found, tf.constant(0, tf.int64))
        return mean_over_replicas(judged.terms["misalignment"])

    def of_replica():
        mine = tf.distribute.get_replica_context().replica_id_in_sync_group
        return share(tf.range(4) + 4 * mine)

    shares = strategy.experimental_local_results(strategy.run(tf.function(of_replica)))
    return [float(sum(shares)), float(share(tf.range(8)))]


def clipped(strategy):
    """Returns how far weights go whose gradients, all replicas' together, may have norm 1."""
    import keras

    from fosc_tf.training import optimizer

    with strategy.scope():
        theta = keras.Variable([0.0, 0.0])
        sgd = optimizer.get("sgd", learning_rate=1.0, momentum=0.0, clip_norm=1.0)
        sgd.build([theta])

    def of_replica():
        mine = tf.distribute.get_replica_context().replica_id_in_sync_group
        sgd.apply_gradients([(tf.constant([[3.0, 0.0], [0.0, 4.0]])[mine], theta)])

    strategy.run(tf.function(of_replica))
    return theta.numpy().tolist()


def normalised(strategy):
    """Returns how far the logits of a synchronized network are from those of one of no strategy."""
    from fosc_tf import models
    from fosc_tf.models.folding import folded

    def made():
        return models.get("mnist_cnn", input_shape=(8, 8, 1), num_classes=10)

    random = np.random.default_rng(0)
    image = tf.constant(random.uniform(size=(4, 8, 8, 1)), tf.float32)
    plain = made()
    plain.set_weights([w + random.uniform(0.0, 0.1, w.shape) for w in plain.get_weights()])
    with strategy.scope():
        network = made()
        network.set_weights(plain.get_weights())
    expected = plain(image, training=False)

    def off(logits):
        return float(np.abs(logits / expected - 1.0).max())

    return {
        "synchronized": [one.get_layer("bn1").synchronized for one in (network, plain)],
        "folds": folded(network) is not network,
        "itself": off(network(image, training=False)),
        "folded": off(folded(network)(image)),
    }


def odd_batch(strategy):
    """Returns the message to a batch of three for two replicas, when fit is called anywhere."""
    from fosc_tf import defenses, models
    from fosc_tf.training import AdversarialTrainer

    with strategy.scope():
        network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
        trainer = AdversarialTrainer(network, defenses.get("unsecured"))
        trainer.compile(optimizer="sgd")
    image, label = np.zeros([3, 8, 8, 1], "float32"), np.zeros(3, "int32")
    return two_replicas.message_of(lambda: trainer.fit(image, label, verbose=0))


def main():
    """Prints everything as JSON."""
    strategy = two_replicas.strategy()
    from fosc_tf import defenses
    from tests.defenses.arguments import arguments_of

    found = {"rows": rows(strategy), "odd batch": odd_batch(strategy)}
    found |= {"normalised": normalised(strategy), "aligned": aligned(strategy)}
    found |= {"clipped": clipped(strategy), "defenses": {}}
    for name, given in variants(defenses, arguments_of).items():
        if name not in FOR_WORKERS:
            one = train(name, *given, contextlib.nullcontext())
            found["defenses"][name] = differences(one, train(name, *given, strategy.scope()))
    two_replicas.tell(found)


if __name__ == "__main__":
    main()
