"""What the experiments share: every field with its unit, and the settings of each dataset.

A leaf calls `digits`, `mnist` or `cifar` with the defense it trains and returns the result. Fields
are typed and the set of fields is closed, so a mistyped override fails with the nearest name.
`--config=NAME --help` prints the comments behind the fields: here, in what a leaf calls of
`arguments`, `changes` and `certified`, and in the leaf.
"""

from __future__ import annotations

from ml_collections import ConfigDict
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


def option(arg: str | None, name: str, values: tuple[str, ...]) -> str:
    if not arg:
        return values[0]
    given, _, value = arg.partition("=")
    if given != name or value not in values:
        choices = " or ".join(f"{name}={value}" for value in values)
        raise ValueError(f"after the colon of --config goes {choices}; received {arg!r}")
    return value
