"""What the experiments share: every field with its unit, and the settings of each dataset.

A leaf calls `digits`, `mnist` or `cifar` with the defense it trains and returns the result. Fields
are typed and the set of fields is closed, so a mistyped override fails with the nearest name.
`--config=NAME --help` prints the comments behind the fields, here and in the leaf.
"""

from __future__ import annotations

from ml_collections import ConfigDict, FieldReference
from ml_collections.config_dict import placeholder

Config = ConfigDict


def base() -> Config:
    """Returns the fields of every experiment; the numbers are those of the digits."""
    config = Config()
    config.seed = 0  # decides weights, order, augmentation and attacks
    config.total_epochs = 30  # passes over the training part
    config.distribution = "auto"  # auto | none | mirrored (all GPUs, else all logical CPUs)
    # | multi_worker (all devices of the processes that TF_CONFIG or Slurm tell of)
    config.deterministic = True  # equal bits from run to run
    config.precision = "float32"  # of layers in training, attacks' gradients passing through them
    # too: float32 | mixed_bfloat16; results are always those of the network in float32
    config.jit_compile = False  # XLA, without deterministic; not where examples leave the batch

    config.data = Config()
    config.data.name = "digits"  # digits | mnist | fashion_mnist | cifar10 | cifar100 | svhn
    config.data.npz = ""  # file with x_train, y_train, x_test, y_test; first choice
    config.data.dir = ""  # folder of TensorFlow Datasets; "" is its default folder
    config.data.batch_size = 64  # examples of one weight update, over all replicas
    config.data.examples = 0  # the first N training images as they are stored, of which held_out is
    # taken; the others are left alone; 0 all
    config.data.subset = ""  # of the images trained on, as many of each class: "" all | easiest |
    # random | hardest
    config.data.subset_examples = 0  # how many, for subset; a multiple of the classes
    config.data.subset_run = ""  # work folder whose losses say what is easy and what is hard
    config.data.extra = ""  # .npz with x_train, y_train: further images, the same classes; "" none
    config.data.extra_share = 0.5  # of each batch; an epoch is one of the other images
    config.data.held_out = 128  # training examples kept back to choose the best epoch
    config.data.augment = False  # crop, and flip where a mirrored image keeps its class

    config.model = Config()
    config.model.name = "digits_cnn"  # see --list, or fosc_tf.models.names(); CIFAR :model=NAME
    config.model.initialization = "keras"  # of fresh weights: keras | ibp, which keeps intervals
    # from widening
    config.model.weights = ""  # to start from: work folder, export, .keras or .weights.h5; "" fresh

    config.subnetwork = Config()  # a part of the network
    config.subnetwork.rate = 0.0  # share of all weights that goes, such as 0.99; 0 trains them all
    config.subnetwork.gamma = 0.1  # of layer sizes: 1 the same share of each, 0 the same number
    config.subnetwork.weights = "binary"  # binary | signed_kaiming | own, those of model.weights
    config.subnetwork.trained = "scores"  # scores | weights, of own ones, the largest or those that
    # a run on scores chose | signs, of all weights: BinaryConnect
    config.subnetwork.last_batch_norm = placeholder(bool)  # on the logits; None: not of own weights
    config.subnetwork.rank = "score"  # score | magnitude, which scores count

    config.optimizer = Config()
    config.optimizer.name = "sgd"  # sgd | adam | adamw; see fosc_tf.training.optimizer
    config.optimizer.schedule = "steps"  # steps | constant | cyclic | cosine, of the learning rate
    config.optimizer.learning_rate = 0.05  # the highest
    config.optimizer.momentum = 0.9  # sgd
    config.optimizer.nesterov = False  # sgd
    config.optimizer.beta_1 = 0.9  # adam, adamw
    config.optimizer.beta_2 = 0.999  # adam, adamw
    config.optimizer.weight_decay = 1e-4  # w of the L2 term 0.5 * w * ||theta||^2; adamw: decoupled
    config.optimizer.clip_norm = 0.0  # largest norm of all gradients together; 0 any
    config.optimizer.drop_epochs = (20, 26)  # steps: 0-based epochs that multiply the rate
    config.optimizer.drop_factor = 0.1  # steps: by this
    config.optimizer.warm_up_epochs = 0.0  # steps, constant, cosine: from 0 to the whole rate
    config.optimizer.peak_at = 0.5  # cyclic: share of the run at which the rate is highest
    config.optimizer.scale_with_replicas = False  # batch and rate times the number of replicas

    config.label_smoothing = 0.0  # share of each label spread over all classes, such as 0.1

    config.perturbation = Config()  # of the weights while gradients are taken (AWP)
    config.perturbation.gamma = 0.0  # size relative to the weights, such as 0.01; 0 none
    config.perturbation.from_epoch = 0  # 0-based

    config.periods = Config()  # of an epsilon that rises again and again (PAS)
    config.periods.lengths = ()  # epochs, together total_epochs; () epsilon does not rise. With
    # several the learning rate begins anew too, and their last networks make an ensemble
    config.periods.peak = 2.0  # where a rise ends before it is cut at epsilon, in epsilons
    config.periods.lowest = 0.0  # where it begins, in epsilons
    config.periods.shape = "cosine"  # cosine | linear

    config.average = Config()  # moving average of the weights, kept beside them
    config.average.decay = 0.0  # such as 0.999; 0 none
    config.average.from_epoch = 0  # 0-based

    config.evaluation = Config()
    config.evaluation.attacks = ("clean", "fgsm", "pgd-10", "pgd-20", "cw-linf")  # names, @N for
    # the first N test images only; see --list
    config.evaluation.checkpoints = ("last", "best", "ema", "ensemble")  # networks that are
    # evaluated, of those that the run keeps: ema is the average, ensemble that of several periods
    config.evaluation.others = ()  # work folders or SavedModels evaluated in the same table
    config.evaluation.epsilon = 0.2  # radius over pixels in [0, 1]; follows the training epsilon
    config.evaluation.epsilons = ()  # further radii for every attack
    config.evaluation.norm = "linf"  # follows the training norm
    config.evaluation.batch_size = 256  # images
    config.evaluation.examples = 0  # test images, the first ones; 0 all
    config.evaluation.stop_when_wrong = False  # PGD stops an example at its first error
    config.evaluation.surrogates = ()  # work folders or SavedModels to transfer attacks from
    config.evaluation.check_examples = 100  # test images of the sanity checks; 0 none
    config.evaluation.held_out_attack = "pgd-10"  # chooses the best epoch, on data.held_out; of
    # certified defenses what is proved there does
    config.evaluation.held_out_every = 1  # epochs; 0 never

    config.monitor = Config()  # of catastrophic overfitting, on data.held_out
    config.monitor.action = "warn"  # off | warn | go_back: to the last good epoch, with a stronger
    # training attack from then on
    config.monitor.fall = 0.25  # share of the best held-out accuracy whose loss is a collapse

    config.certification = Config()  # --mode=certify
    config.certification.methods = (
        "ibp",
        "crown-ibp",
        "crown@100",
    )  # of proof, cheap to dear: ibp |
    # crown-ibp | linear | crown | alpha-crown | exact; @N for the first N test images only
    config.certification.attacks = ("pgd-200", "autoattack")  # which no proved image may lose to
    config.certification.alone = False  # asks each method about all, not about who is left
    config.certification.examples = 1000  # test images, the first ones; 0 all
    config.certification.time_limit = 60.0  # seconds of exact for an image
    config.certification.radius_method = "crown-ibp"  # of certified radii: crown-ibp | linear |
    # crown
    config.certification.curve_examples = 500  # test images of the curve over radii; 0 no curve
    config.certification.boxes = 0  # test images of which the largest proved boxes are found, by
    # 400 gradients of linear bounds each: for small networks

    config.analysis = Config()
    config.analysis.others = ()  # work folders or SavedModels to stand beside this network
    config.analysis.views = ()  # names, see --list; () all but the dear ones, of the weights
    config.analysis.epsilons = ()  # of the curvature; () 0 and the training epsilon
    config.analysis.eigenvalues = 20  # of the Hessian, the largest
    config.analysis.curvature_examples = 2000  # training images whose loss is curved
    config.analysis.curve_degree = 2  # of the curve to the first of others
    config.analysis.curve_epochs = 30  # that it is trained, over these images
    config.analysis.epochs = ()  # 0-based, of the FOSC densities; () an early, middle and late one
    config.analysis.num_steps = 10  # K of the PGD-K, steps of epsilon / 4
    config.analysis.upper = 0.1  # nats, end of the FOSC range [0, upper]
    config.analysis.bins = 20  # equal bins over a range
    config.analysis.traced = 20  # test images whose climbs are drawn
    config.analysis.examples = 10000  # test images looked at, at most
    config.analysis.cross_examples = 1000  # test images of the cross table, at most

    config.report = Config()
    config.report.sweep_examples = 500  # test images of the plot over epsilon; 0 no plot
    config.report.sweep_attack = "pgd-20"  # attack of that plot
    config.report.others = ()  # work folders or SavedModels in the same plot

    config.checkpoint = Config()
    config.checkpoint.every_steps = 0  # weight updates between checkpoints; 0 only at epoch ends
    config.checkpoint.keep = 3  # newest checkpoints kept

    config.log = Config()
    config.log.fosc_every = 1  # batches between full FOSC measurements, but once an epoch; 0 never
    config.log.losses = 100_000  # training images, at most, for which loss and error of each are
    # recorded in every epoch; 0 never
    config.log.images = 6  # images in TensorBoard's panel
    config.log.gradient_images = 500  # held-out images whose input gradients are looked at
    config.log.updates = 500  # weight updates measured at the beginning and at the end; 0 none
    config.log.dead_images = 500  # held-out (else training) images at which dead layers of ReLUs
    # are looked for in each epoch; 0 none
    config.log.lipschitz = False  # a bound of the network's Lipschitz constant in each epoch
    return config


def with_defense(
    config: Config,
    name: str,
    *,
    epsilon: float,
    step_share: float | None = 0.25,
    num_steps: int = 10,
    attacks: bool = True,
    has_norm: bool = True,
    **arguments: object,
) -> Config:
    """Adds the section `defense`, lets the evaluation follow it, and closes the set of fields.

    Args:
        config: of the experiment.
        name: of the defense.
        epsilon: radius of the ball.
        step_share: `step_size` in epsilons.
        num_steps: of the attack; 0 where the defense takes a single one and no such argument.
        attacks: whether the defense takes a `step_size`; else `step_share` itself is a field of it,
            or none if that is None.
        has_norm: whether it takes a `norm`; else it is linf.
        **arguments: the defense's own.
    """
    config.evaluation.epsilon = epsilon
    config.defense = Config()
    config.defense.name = name  # see --list, or fosc_tf.defenses.names()
    if name != "unsecured":
        defense = config.defense
        defense.epsilon = epsilon  # radius over pixels in [0, 1]
        if attacks:
            defense.step_size = defense.get_ref("epsilon") * step_share  # same unit; follows it
        elif step_share is not None:
            defense.step_share = step_share  # length of a step over the attack's radius
        if num_steps:
            defense.num_steps = num_steps  # K, the most steps of the attack
        if has_norm:
            defense.norm = "linf"  # of the ball: linf | l2 | l1
        for argument, value in arguments.items():
            defense[argument] = value
        config.evaluation.epsilon = defense.get_ref("epsilon") * 1.0
        if has_norm:
            config.evaluation.norm = defense.get_ref("norm") + ""
    return config.lock()


def dynamic_arguments(control_epochs: int) -> dict[str, object]:
    """Returns the fields that only Dynamic training has."""
    return {
        "c_max": FieldReference(0.5, field_type=object),  # nats, the first threshold, or "auto"
        "c_min": 0.0,  # nats, the last threshold (the paper: 0)
        "control_epochs": control_epochs,  # T', epochs until c_t is c_min
        "feasible": "ball",  # FOSC over the ball (the paper) or ball and pixel limits: box
        "self_weighted": False,  # the authors' code: weight examples by their own loss
    }


def memory_arguments(reset_epochs: int) -> dict[str, object]:
    """Returns the fields that only defenses with a memory have."""
    return {
        "reset_epochs": reset_epochs,  # period of epochs that begin anew; 0 never
        "memory_dtype": "float32",  # of what is remembered: float32 | float16 | int8
        "memory_shrink": 1,  # side of the squares of pixels whose mean alone is remembered
    }


def atas_arguments(reset_epochs: int = 10) -> dict[str, object]:
    """Returns the fields that only ATAS has."""
    return {
        "step_share": 2.0,
        "num_steps": 0,
        "constant": 1.28,  # c, nats of one example per unit of pixels; larger gradients step less
        "beta": 0.5,  # share of the running squared gradient norm that stays, [0, 1)
        "constant_epochs": 5,  # first epochs in which all steps are epsilon
        **memory_arguments(reset_epochs),
    }


def dynamic_memory_arguments(control_epochs: int) -> dict[str, object]:
    """Returns the fields that only Dynamic with memory has."""
    return {
        "num_steps": 1,  # K, the most steps of an epoch
        "c_max": 0.25,  # nats, the first threshold
        "c_min": 0.0,  # nats, the last threshold
        "control_epochs": control_epochs,  # T', epochs until c_t is c_min
        "stop_share": 0.0,  # instead: share that may stop at its start, falling to 0; 0 none
        "refresh": 0.0,  # share of the examples that start anew in any epoch
        "feasible": "box",  # FOSC over the ball or ball and pixel limits: box
        **memory_arguments(reset_epochs=0),
    }


def free_arguments(replays: int) -> dict[str, object]:
    """Returns the fields that only Free has."""
    return {
        "step_share": 1.0,
        "num_steps": 0,
        "replays": replays,  # m, weight updates of each batch in turn; divides total_epochs
    }


def yopo_arguments(num_steps: int, step_share: float = 0.25) -> dict[str, object]:
    """Returns the fields that only YOPO has."""
    return {
        "step_share": step_share,
        "num_passes": 5,  # m, over the whole network in each update
        "num_steps": num_steps,  # n, over the first layer in each pass
    }


def divergence_arguments(beta: float) -> dict[str, object]:
    """Returns the fields that TRADES and MART have."""
    return {
        "beta": beta,  # weight of the divergence of clean and adversarial predictions
        "deviation": 0.001,  # of the start's noise, per pixel
    }


def adaptive_atta_arguments(warm_up_epochs: int) -> dict[str, object]:
    """Returns the fields that only ATTA with adaptive targets has."""
    return {
        "num_steps": 1,
        "step_share": 0.5,
        "rho": 0.9,  # share of the remembered target that stays, [0, 1)
        "beta": 0.1,  # share of the label in what is trained on; 1 leaves the target out
        "reweight": True,  # examples by the probability of their label
        "warm_up_epochs": warm_up_epochs,  # without either
        **memory_arguments(reset_epochs=0),
    }


def sat_arguments(warm_up_epochs: int) -> dict[str, object]:
    """Returns the fields that only SAT has."""
    return {
        "rho": 0.9,  # share of the remembered target that stays, [0, 1)
        "warm_up_epochs": warm_up_epochs,  # of TRADES, before targets move
        **divergence_arguments(beta=6.0),
    }


def amata_arguments(least_steps: int = 2) -> dict[str, object]:
    """Returns the fields that only Amata has."""
    return {
        "least_steps": least_steps,  # K of the first epoch, rising to num_steps
        "shape": "linear",  # linear | exponential, how K rises
        "eta": 1.0,  # bends the exponential; above 0 steps grow early
    }


def cyclic(
    config: Config,
    *,
    learning_rate: float,
    total_epochs: int | None = None,
    peak_at: float = 0.5,
    weight_decay: float = 5e-4,
) -> Config:
    """Returns the config with the learning rate of Fast, from 0 to its peak and back to 0.

    Args:
        config: changed in place.
        learning_rate: the peak.
        total_epochs: of the run; None leaves them.
        peak_at: share of the run at which the peak is.
        weight_decay: w of the L2 term.
    """
    config.total_epochs = total_epochs or config.total_epochs
    config.optimizer.schedule = "cyclic"
    config.optimizer.learning_rate = learning_rate
    config.optimizer.drop_epochs = ()
    config.optimizer.peak_at = peak_at
    config.optimizer.weight_decay = weight_decay
    return config


CIFAR_MODELS = ("cifar_cnn", "wide_resnet_34_10", "preact_resnet18", "resnet50", "resnet34")
"""What may follow `:model=`; where the width can be chosen it is a field."""


def digits(defense: str, **arguments: object) -> Config:
    """Returns a small experiment on the embedded 8x8 digits, about a minute on two CPU cores."""
    return with_defense(base(), defense, epsilon=0.2, **arguments)


def mnist(defense: str, **arguments: object) -> Config:
    """Returns the MNIST setting of Wang et al. 2019, section 5.1."""
    config = base()
    config.total_epochs = 50
    config.data.name = "mnist"
    config.data.batch_size = 128
    config.data.held_out = 1000
    config.model.name = "mnist_cnn"
    config.optimizer.learning_rate = 0.01
    config.optimizer.drop_epochs = (20, 40)
    config.evaluation.batch_size = 500
    config.checkpoint.every_steps = 200
    config.log.fosc_every = 10
    return with_defense(config, defense, epsilon=0.3, **arguments)


def mnist_single_step(defense: str, **arguments: object) -> Config:
    """Returns the MNIST setting of Wong et al. 2020, of the code its authors released."""
    config = mnist(defense, num_steps=0, **arguments)
    config.data.batch_size = 100
    config.model.name = "mnist_small"
    config.optimizer.name = "adam"
    rate = {"learning_rate": 5e-3, "peak_at": 0.4, "weight_decay": 0.0}
    return cyclic(config, total_epochs=10, **rate)


def cifar(defense: str, arg: str | None = None, **arguments: object) -> Config:
    """Returns the CIFAR-10 setting of Wang et al. 2019, section 5.1 or, with wide_resnet, 5.2.

    Args:
        defense: its name.
        arg: what follows the colon of `--config=configs/cifar_dynamic.py:model=wide_resnet_34_10`.
        **arguments: the defense's own.
    """
    config = base()
    config.total_epochs = 120
    config.data.name = "cifar10"
    config.data.batch_size = 128
    config.data.held_out = 1000
    config.data.augment = True
    config.model.name = option(arg, "model", CIFAR_MODELS)
    if config.model.name == "cifar_cnn":
        config.model.width = 1.0  # factor on the filters; 1 is the paper's
    config.optimizer.learning_rate = 0.01
    config.optimizer.drop_epochs = (60, 100)
    config.evaluation.batch_size = 500
    config.checkpoint.every_steps = 100
    config.log.fosc_every = 10
    return with_defense(config, defense, epsilon=8 / 255, **arguments)


def adapting_radii(config: Config, warm_up_epochs: int) -> Config:
    """Returns the config with the fields that only IAT has."""
    defense = config.defense
    with config.unlocked():
        defense.change = defense.get_ref("epsilon") * 0.2375  # gamma, what a radius is tried by
        defense.rate = 0.1  # share of the way that a radius moves to the one it withstands
        defense.most_epsilon = float("inf")  # no radius is larger
        defense.warm_up_epochs = warm_up_epochs  # in which everyone has epsilon
    return config


def in_periods(config: Config, lengths: tuple[int, ...], **of_rise: object) -> Config:
    """Returns the config whose epsilon rises in periods, the drops of the rate within the first.

    Args:
        config: changed in place.
        lengths: of the periods, epochs.
        **of_rise: further fields of `config.periods`.
    """
    share = lengths[0] / config.total_epochs
    drops = tuple(int(epoch * share) for epoch in config.optimizer.drop_epochs)
    config.optimizer.drop_epochs = drops
    config.total_epochs = sum(lengths)
    config.periods.lengths = lengths
    for name, value in of_rise.items():
        config.periods[name] = value
    return config


def mnist_landscape(defense: str, **arguments: object) -> Config:
    """Returns the MNIST setting of Liu's thesis, section 4.2: LeNet, epsilon 0.4, steps of 0.01."""
    config = mnist(defense, step_share=0.025, num_steps=50, **arguments)
    config.defense.epsilon = 0.4
    config.total_epochs = 100
    config.model.name = "lenet"
    with config.unlocked():
        config.model.width = 16  # w, a fourth of the filters of the second convolution
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 1e-4
    config.optimizer.weight_decay = 1e-3
    config.optimizer.schedule = "constant"
    config.optimizer.drop_epochs = ()
    return config


def fine_tuning(config: Config) -> Config:
    """Returns the config with the schedule of Liu's thesis, section 4.3.5: an epoch at one rate."""
    config.total_epochs = 1
    config.optimizer.schedule = "constant"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.drop_epochs = ()
    config.optimizer.weight_decay = 5e-4
    return config


def strong(config: Config) -> Config:
    """Returns the config with the recipe that most methods of today are compared with.

    Source: Rice et al. 2020, the code of its authors; Pang et al. 2021 for the weight decay.
    """
    config.total_epochs = 200
    config.optimizer.learning_rate = 0.1
    config.optimizer.drop_epochs = (100, 150)
    config.optimizer.weight_decay = 5e-4
    return config


def subnetwork(config: Config, rate: float = 0.99) -> Config:
    """Returns the config with the settings of Liu's thesis, section 5.1: scores are trained.

    Source: the thesis for rate, gamma and schedule; the code of its authors for the rest.
    """
    config.subnetwork.rate = rate
    config.optimizer.schedule = "cosine"
    config.optimizer.learning_rate = 0.1
    config.optimizer.drop_epochs = ()
    config.optimizer.weight_decay = 5e-4
    return config


def pruned(config: Config, rate: float, trained: str) -> Config:
    """Returns the config whose network is a part of the one that `model.weights` names.

    The schedule is one of fine-tuning, of this project: a third of the epochs, the rate falling
    from a fifth.

    Args:
        config: changed in place.
        rate: share of all weights that goes.
        trained: scores, which choose the part, or weights.
    """
    config.subnetwork.rate = rate
    config.subnetwork.weights = "own"
    config.subnetwork.trained = trained
    config.total_epochs //= 3
    config.optimizer.schedule = "cosine"
    config.optimizer.learning_rate /= 5
    config.optimizer.drop_epochs = ()
    return config


def binary_connect(config: Config) -> Config:
    """Returns the config whose network works by the signs of its weights.

    Adam, of which steps have one size: a last batch norm divides by the deviation of sums of
    signs, which leaves gradients far below those of other networks. Weights do not decay: only
    their signs work.
    """
    config.subnetwork.trained = "signs"
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.01
    config.optimizer.momentum = 0.0
    config.optimizer.schedule = "cosine"
    config.optimizer.drop_epochs = ()
    config.optimizer.weight_decay = 0.0
    return config


def option(arg: str | None, name: str, values: tuple[str, ...]) -> str:
    if not arg:
        return values[0]
    given, _, value = arg.partition("=")
    if given != name or value not in values:
        choices = " or ".join(f"{name}={value}" for value in values)
        raise ValueError(f"after the colon of --config goes {choices}; received {arg!r}")
    return value
