"""Many runs from one command: lists of experiments with their overrides.

    python main.py --config=sweeps:mnist_table --mode=sweep
    python main.py --config=sweeps:mnist_table --mode=sweep --config.only=3
    python main.py --config=sweeps:mnist_table --mode=sweep --config.jobs=0

A run is (label, *arguments): runs with the same label differ only in their seed, and the summary
gives their mean and standard error. A job array starts the second line with the number of each run,
or one line each of what `config.print_only` prints; the third then makes the table.

Further arguments for all runs go into `config.arguments`, which is split into words as a shell
splits its line: what has quotes or spaces of its own stands in another pair of quotes.

    "--config.arguments=--config.total_epochs=3 \"--config.evaluation.attacks=('clean','fgsm')\""
"""

from __future__ import annotations

import itertools

from ml_collections import ConfigDict


def get_config(name: str = "digits") -> ConfigDict:
    """Returns the sweep of that name, one of `SWEEPS`."""
    if name not in SWEEPS:
        raise ValueError(f"after the colon of --config goes {' or '.join(SWEEPS)}; not {name!r}")
    config = ConfigDict()
    config.runs = SWEEPS[name]()  # (label, *flags) of each
    config.arguments = ""  # of every run, such as --config.data.npz=mnist.npz; quotes: see above
    config.jobs = 1  # processes at a time; 0 starts none and sums up what is finished. They share
    # out the cores, and the GPUs if CUDA_VISIBLE_DEVICES lists them; else each takes all GPUs
    config.only = ()  # numbers of runs of the list, from 0, to run without a summary; () all
    config.print_only = False  # print a command for each run not finished, and run nothing
    return config.lock()


def runs(experiment: str, seeds: int = 1, **fields: tuple) -> tuple[tuple[str, ...], ...]:
    """Returns a run for each seed and each combination of values.

    Args:
        experiment: config without its folder and ending, such as "mnist_dynamic".
        seeds: how many, from 0.
        **fields: values by field; `__` stands for the dot, such as defense__epsilon=(0.1, 0.3). A
            field with one value is the same in all runs and stays out of the label.
    """
    found = []
    for values in itertools.product(*fields.values()):
        chosen = dict(zip(fields, values, strict=True))
        named = [f"{f.split('__')[-1]}={v}" for f, v in chosen.items() if len(fields[f]) > 1]
        label = ",".join([experiment, *named])
        flags = [f"--config.{f.replace('__', '.')}={value}" for f, value in chosen.items()]
        for seed in range(seeds):
            config = f"--config=configs/{experiment}.py"
            found.append((label, config, f"--config.seed={seed}", *flags))
    return tuple(found)


def digits() -> tuple[tuple[str, ...], ...]:
    """Every defense on the digits, and what epsilon and c_max do to Dynamic training."""
    baselines = ("unsecured", "standard", "curriculum", "fgsm_pgd")
    return (
        *(run for defense in baselines for run in runs(f"digits_{defense}", seeds=3)),
        *runs("digits_dynamic", seeds=3, defense__c_max=(0.1, 0.5)),
        *runs("digits_dynamic", seeds=3, defense__epsilon=(0.1, 0.3)),
    )


def mnist_table() -> tuple[tuple[str, ...], ...]:
    """Table 1 of Wang et al. 2019 in 15 epochs, the schedules shortened with them."""
    dynamic = SHORT | {"defense__control_epochs": (12,)}
    found = (
        *runs("mnist_standard", seeds=3, **SHORT),
        *runs("mnist_dynamic", seeds=3, defense__feasible=("ball", "box"), **dynamic),
        *runs("mnist_unsecured", **SHORT),
        *runs("mnist_curriculum", **SHORT),
        *runs("mnist_fgsm_pgd", defense__fgsm_epochs=(3,), **SHORT),
    )
    # Seed by seed, so that a table half done compares all defenses.
    return tuple(sorted(found, key=lambda run: run[2]))


def mnist_black_box() -> tuple[tuple[str, ...], ...]:
    """Table 2: the networks of `mnist_table`, each attacked from a Standard one of another seed.

    For after `mnist_table`, with its --workdir: it evaluates there, and trains nothing. Both lists
    are finished then, as surrogates add to an evaluation and take nothing from it.
    """
    found = []
    for label, config, seed, *flags in mnist_table():
        other = (int(seed.rpartition("=")[2]) + 1) % 3
        surrogate = f"--config.evaluation.surrogates=('{{sweep}}/mnist_standard,seed={other}',)"
        found.append((label, config, seed, *flags, "--mode=evaluate", surrogate))
    return tuple(found)


def mnist_floor() -> tuple[tuple[str, ...], ...]:
    """What a last threshold of 0.1 saves and costs: at 0 no example is ever stopped."""
    dynamic = SHORT | {"defense__control_epochs": (12,), "defense__c_min": (0.1,)}
    return runs("mnist_dynamic", defense__feasible=("ball", "box"), **dynamic)


def mnist_c_max() -> tuple[tuple[str, ...], ...]:
    """What smaller thresholds gain and cost: the `box` runs of `mnist_table` spend the least."""
    dynamic = SHORT | {"defense__control_epochs": (12,), "defense__feasible": ("box",)}
    found = (
        *runs("mnist_standard", seeds=3, **SHORT),
        *runs("mnist_dynamic", seeds=3, defense__c_max=(0.25, 0.1), **dynamic),
    )
    return tuple(sorted(found, key=lambda run: run[2]))


def mnist_late_drop() -> tuple[tuple[str, ...], ...]:
    """Standard and Dynamic training with a second drop of the learning rate two epochs later.

    In `mnist_table` Dynamic training attacks at full strength only in the three epochs of the
    smallest learning rate; here in two of them with a learning rate ten times as large.
    """
    late = SHORT | {"optimizer__drop_epochs": ("(6,14)",)}
    found = (
        *runs("mnist_standard", seeds=3, **late),
        *runs("mnist_dynamic", seeds=3, **late | {"defense__control_epochs": (12,)}),
    )
    return tuple(sorted(found, key=lambda run: run[2]))


def mnist_defenses() -> tuple[tuple[str, ...], ...]:
    """Every defense on MNIST, the schedules of `mnist_table`."""
    control = SHORT | {"defense__control_epochs": (12,)}
    single_steps = ("fast", "n_fgsm", "grad_align")
    # As many epochs' worth of updates as replays divide.
    free = SHORT | {"total_epochs": (16,)}
    return (
        *runs("mnist_dynamic_memory", seeds=2, defense__num_steps=(1, 2, 3), **control),
        *runs("mnist_standard", seeds=2, **SHORT),
        *runs("mnist_dynamic", seeds=2, **control),
        *runs("mnist_amata_dynamic", seeds=2, **control),
        *runs("mnist_atta", defense__num_steps=(1, 3), defense__step_size=(0.075,), **SHORT),
        *(run for defense in ("atas", "fat", "yopo", "amata") for run in _mnist(defense)),
        *runs("mnist_free", **free),
        *(run for defense in single_steps for run in runs(f"mnist_{defense}", **FULL)),
    )


def _mnist(defense: str) -> tuple[tuple[str, ...], ...]:
    own = {
        "fat": {"defense__tau_epochs": ("(6,11)",)},
        # Up to the steps of Standard training here, not to the 40 of its paper.
        "amata": {
            "defense__least_steps": (2,),
            "defense__num_steps": (10,),
            "defense__step_size": (0.075,),
        },
    }
    return runs(f"mnist_{defense}", **SHORT | own.get(defense, {}))


def mnist_compared() -> tuple[tuple[str, ...], ...]:
    """What users compare with, the schedules of `mnist_table`; Standard is in `mnist_defenses`."""
    control = SHORT | {"defense__control_epochs": (12,)}
    awp = {"perturbation__gamma": (0.01,)}
    ema = {"average__decay": (0.999,), "evaluation__checkpoints": ("('last','ema')",)}
    return (
        *runs("mnist_trades", **SHORT),
        *runs("mnist_mart", **SHORT),
        *_labelled("gamma=0.01", "mnist_standard", **SHORT | awp),
        *_labelled("gamma=0.01", "mnist_dynamic", **control | awp),
        *_labelled("decay=0.999", "mnist_dynamic", **control | ema),
        *runs("mnist_adaptive_atta", **SHORT | {"defense__warm_up_epochs": (2,)}),
        *runs("mnist_iat", **SHORT | {"defense__warm_up_epochs": (2,)}),
        *runs("mnist_sat", **SHORT | {"defense__warm_up_epochs": (6,)}),
    )


def mnist_memory() -> tuple[tuple[str, ...], ...]:
    """What a memory and the gate gain and cost: a third of MNIST, 12 epochs, one seed."""
    control = TRIAL | {"defense__control_epochs": (10,)}
    k1 = control | {"defense__num_steps": (1,)}
    atta = TRIAL | {"defense__step_size": (0.075,)}
    return (
        *runs("mnist_dynamic_memory", defense__num_steps=(1, 3), **control),
        *runs("mnist_standard", **TRIAL),
        *runs("mnist_atta", defense__num_steps=(1, 3), **atta),
        *runs("mnist_dynamic", **control | {"defense__feasible": ("box",)}),
        *_labelled("c_min=0.25", "mnist_dynamic_memory", **k1, defense__c_min=(0.25,)),
        *_labelled("stop_share=0.5", "mnist_dynamic_memory", **k1, defense__stop_share=(0.5,)),
        *_labelled("reset_epochs=4", "mnist_dynamic_memory", **k1, defense__reset_epochs=(4,)),
        *runs("mnist_amata_dynamic", **control),
        *runs("mnist_atas", **TRIAL),
    )


def mnist_certified() -> tuple[tuple[str, ...], ...]:
    """Certified defenses on MNIST at 0.3 and 0.1, DM-small without batch norm, 20 epochs for all.

    The weight of the linear bounds, or of the attack, is what each has in its own config.
    """
    short = {
        "total_epochs": (20,),
        "optimizer__drop_epochs": ("(15,18)",),
        "model__batch_norm": (False,),
        "evaluation__attacks": ("('clean','pgd-200','autoattack@1000')",),
        "evaluation__check_examples": (0,),
        "checkpoint__every_steps": (400,),
    }
    steps = {"defense__num_steps": (8,), "defense__step_share": (0.25,)}
    control = {"defense__control_epochs": (20,)}
    gate = steps | control | {"defense__c_max": (0.1,)}
    found = []
    for epsilon in (0.3, 0.1):
        of = f":epsilon={epsilon},short"
        found += [
            *_labelled(f"epsilon={epsilon}", "mnist_ibp", of, **short),
            *_labelled(f"epsilon={epsilon}", "mnist_crown_ibp", of, **short),
            *_labelled(f"epsilon={epsilon}", "mnist_adv_ibp", of, **short),
            *_labelled(f"epsilon={epsilon},bound=crown-ibp", "mnist_adv_ibp", of, **short | CROWN),
            *_labelled(f"epsilon={epsilon},fixed_weight=1.0", "mnist_adv_ibp", of, **short | FIXED),
            *_labelled(f"epsilon={epsilon}", "mnist_mtl_ibp", of, **short | control),
            *_labelled(
                f"epsilon={epsilon},num_steps=8", "mnist_mtl_ibp", of, **short | control | steps
            ),
            *_labelled(
                f"epsilon={epsilon},num_steps=8,c_max=0.1", "mnist_mtl_ibp", of, **short | gate
            ),
            *_labelled(f"epsilon={epsilon}", "mnist_sabr", of, **short | control),
        ]
    return tuple(found)


def mnist_envelopes() -> tuple[tuple[str, ...], ...]:
    """A row of Table 3.6 of Liu's thesis: FC1 at 0.1, 30 epochs, the doublings shortened with them.

    What is proved of each is asked by --mode=certify in its folder.
    """
    short = {
        "total_epochs": (30,),
        "evaluation__attacks": ("('clean','pgd-200','autoattack@1000')",),
        "evaluation__check_examples": (0,),
    }
    standard = short | {
        "model__name": ("fc1",),
        "defense__epsilon": (0.1,),
        "data__batch_size": (100,),
        "optimizer__name": ("adam",),
        "optimizer__learning_rate": (1e-3,),
        "optimizer__weight_decay": (0.0,),
        "optimizer__schedule": ("constant",),
        "optimizer__drop_epochs": ("()",),
    }
    per = short | {"defense__doubling_epochs": (6,)}
    alone, sigmoid = {"defense__attacked": (False,)}, {"model__activation": ("sigmoid",)}
    return (
        *runs("mnist_per", **per),
        *_labelled("name=fc1", "mnist_standard", **standard),
        *_labelled("attacked=False", "mnist_per", **per | alone),
        *_labelled("activation=sigmoid", "mnist_per", **per | alone | sigmoid),
    )


def mnist_capacity() -> tuple[tuple[str, ...], ...]:
    """Figure 4.14 of Liu's thesis: a narrow LeNet at 0.4, epsilon constant or rising, 10 epochs."""
    fields = {
        "model__width": (4,),
        "periods__lengths": ("()", "(10,)"),
        "total_epochs": (10,),
        "defense__num_steps": (10,),
        "defense__step_size": (0.08,),
        "evaluation__attacks": ("('clean','pgd-20','autoattack@1000')",),
        "evaluation__checkpoints": ("('last',)",),
        "evaluation__check_examples": (0,),
    }
    return tuple(sorted(runs("mnist_pas", seeds=2, **fields), key=lambda run: run[2]))


def mnist_spectra() -> tuple[tuple[str, ...], ...]:
    """Figure 4.4 of Liu's thesis: small CNNs trained at several epsilons, to compare Hessians.

    Trained by Fast, for PGD-10 at 0.3 does not leave the constant classifier within 5 epochs. The
    spectra are drawn by --mode=analyze in one folder, with the others as `analysis.others`.
    """
    fields = {
        "evaluation__attacks": ("('clean','pgd-20@1000')",),
        "evaluation__checkpoints": ("('last',)",),
        "evaluation__check_examples": (0,),
    }
    recipe = {
        "data__batch_size": (100,),
        "model__name": ("mnist_small",),
        "total_epochs": (10,),
        "optimizer__name": ("adam",),
        "optimizer__learning_rate": (5e-3,),
        "optimizer__weight_decay": (0.0,),
        "optimizer__schedule": ("cyclic",),
        "optimizer__drop_epochs": ("()",),
    }
    return (
        *runs("mnist_unsecured", **recipe | fields),
        *runs("mnist_fast", defense__epsilon=(0.1, 0.2, 0.3), seeds=2, **fields),
    )


def mnist_subnetworks() -> tuple[tuple[str, ...], ...]:
    """Tables 5.2 and 5.4 of Liu's thesis in small: parts of a random CNN, trained by ATTA.

    At 0.3, and at 0.1, which they withstand. Dense networks of about as many weights, one of all
    weights and one of their signs stand beside them.
    """
    return _subnetworks("") + _subnetworks("epsilon=0.1,", defense__epsilon=(0.1,))


def _subnetworks(prefix: str, **shared: tuple) -> tuple[tuple[str, ...], ...]:
    fields = shared | {
        "evaluation__attacks": ("('clean','pgd-20','autoattack@1000')",),
        "evaluation__checkpoints": ("('last',)",),
        "evaluation__check_examples": (0,),
    }

    def one(label: str, **chosen: object) -> tuple[tuple[str, ...], ...]:
        of_all = {name: (value,) for name, value in chosen.items()}
        return _labelled(prefix + label, "mnist_subnetwork", ":defense=atta", **fields | of_all)

    def of(label: str, **subnetwork: object) -> tuple[tuple[str, ...], ...]:
        return one(label, **{f"subnetwork__{name}": value for name, value in subnetwork.items()})

    whole = {"subnetwork__rate": 0.0, "optimizer__learning_rate": 0.01}
    signs = {"subnetwork__rate": 0.0, "subnetwork__trained": "signs"} | {
        "optimizer__name": "adam",
        "optimizer__learning_rate": 0.01,
        "optimizer__momentum": 0.0,
        "optimizer__weight_decay": 0.0,
    }
    beside = (
        *one("rate=0.0,width=0.315", model__width=0.315, **whole),
        *one("rate=0.0,width=0.1", model__width=0.1, **whole),
        *one("rate=0.0,width=1.0", **whole),
        *one("rate=0.0,trained=signs", **signs),
    )
    return beside + tuple(
        run
        for rate in (0.9, 0.99)
        for run in (
            *of(f"rate={rate}", rate=rate),
            *of(f"rate={rate},gamma=1.0", rate=rate, gamma=1.0),
            *of(f"rate={rate},last_batch_norm=False", rate=rate, last_batch_norm=False),
            *of(f"rate={rate},weights=signed_kaiming", rate=rate, weights="signed_kaiming"),
        )
    )


CROWN, FIXED = {"defense__bound": ("crown-ibp",)}, {"defense__fixed_weight": (1.0,)}


def _labelled(
    label: str, experiment: str, of: str = "", **fields: tuple
) -> tuple[tuple[str, ...], ...]:
    """Returns the runs under a label of their own; `of` is what follows the config's colon."""
    return tuple(
        (f"{experiment},{label}", f"{config}{of}", *rest)
        for _, config, *rest in runs(experiment, **fields)
    )


def mnist_paper() -> tuple[tuple[str, ...], ...]:
    """Table 1 of Wang et al. 2019, MNIST, with all 50 epochs."""
    return _paper("mnist")


def cifar_paper() -> tuple[tuple[str, ...], ...]:
    """Table 1 of Wang et al. 2019, CIFAR-10, with all 120 epochs: for GPUs."""
    return _paper("cifar")


def cifar_epsilons() -> tuple[tuple[str, ...], ...]:
    """Figure 4b of Wang et al. 2019: trained and evaluated at the same epsilon."""
    radii = ("2/255", "4/255", "6/255", "8/255")
    defenses = ("standard", "curriculum", "dynamic")
    return tuple(
        run for d in defenses for run in runs(f"cifar_{d}", defense__epsilon=radii, **FULL)
    )


def digits_pareto() -> tuple[tuple[str, ...], ...]:
    """Clean against verified accuracy on the digits: the weights of IBP and of MTL-IBP.

    `pareto.png` is drawn from held-out images; the test set is for the run that is chosen.
    """
    clean = {"evaluation__attacks": ("('clean',)",), "evaluation__check_examples": (0,)}
    return (
        *runs("digits_ibp", defense__kappa_end=(0.0, 0.25, 0.5, 0.75), **clean),
        *runs("digits_mtl_ibp", defense__alpha=(0.02, 0.1, 0.3, 0.6), **clean),
    )


def cifar_pair() -> tuple[tuple[str, ...], ...]:
    """Standard against Dynamic training of the CIFAR-10 network, a quarter as wide, 15 epochs."""
    quarter = SHORT | {"model__width": (0.25,), "optimizer__drop_epochs": ("(9,13)",)}
    return (
        *runs("cifar_dynamic", **quarter | {"defense__control_epochs": (12,)}),
        *runs("cifar_standard", **quarter),
    )


def mnist_collapses() -> tuple[tuple[str, ...], ...]:
    """Ten runs that overfit catastrophically, and ten that do not, under a monitor that goes back.

    FGSM without a random start at 0.2 and 0.25; Fast at 0.2, Standard at 0.1. What counts is in
    each history.json. 10,000 images, the small CNN of Fast.
    """
    small = SMALL | {"monitor__action": ("go_back",)}
    planted = small | {"defense__fgsm_epochs": (12,), "defense__epsilon": (0.2, 0.25)}
    return (
        *runs("mnist_fgsm_pgd", seeds=5, **planted),
        *runs("mnist_fast", seeds=5, **small | {"defense__epsilon": (0.2,)}),
        *runs("mnist_standard", seeds=5, **small),
    )


def mnist_adapting() -> tuple[tuple[str, ...], ...]:
    """What adapts to examples, as Figures 4.23 to 4.26 of Liu's thesis: radii, weights, targets.

    Drawn by --mode=analyze in each folder.
    """
    warm = SMALL | {"defense__warm_up_epochs": (2,)}
    return (
        *runs("mnist_iat", **warm),
        *runs("mnist_sat", **warm),
        *runs("mnist_adaptive_atta", **warm),
    )


def cifar_single_steps() -> tuple[tuple[str, ...], ...]:
    """Fast, N-FGSM and ATAS with 8/255, the CIFAR-10 network a quarter as wide, 10 epochs."""
    fields = {
        "model__width": (0.25,),
        "total_epochs": (10,),
        "evaluation__attacks": ("('clean','pgd-20','autoattack@1000')",),
    }
    drops = {"optimizer__drop_epochs": ("(8,9)",)}
    return (
        *_labelled("width=0.25", "cifar_fast", ":model=cifar_cnn", **fields),
        *_labelled("width=0.25", "cifar_n_fgsm", ":model=cifar_cnn", **fields),
        *_labelled("width=0.25", "cifar_atas", **fields | drops),
    )


def growing() -> tuple[tuple[str, ...], ...]:
    """The digits from the easiest up: 200, 400, 800 and all, the first run saying what is easy.

    Section 4.3.2 of Liu's thesis. One process at a time: the others need the losses of the first.
    """
    easy = {
        "data__subset": ("easiest",),
        "data__subset_run": ("{sweep}/digits_standard,seed=0",),
        "data__subset_examples": (200, 400, 800),
    }
    return (*runs("digits_standard"), *runs("digits_standard", **easy))


def cifar_subsets() -> tuple[tuple[str, ...], ...]:
    """Section 4.3.2 of Liu's thesis in small: 1,000 easy, hard or any images, and who overfits.

    The first run, on 4,000, says what is easy. One process at a time, as for `growing`.
    """
    fields = {
        "model__width": (0.25,),
        "data__examples": (5000,),
        "data__augment": (False,),
        "data__batch_size": (100,),
        "defense__num_steps": (5,),
        "defense__step_size": ("2/255",),
        "optimizer__learning_rate": (0.02,),
        "evaluation__attacks": ("('clean','pgd-20@1000')",),
        "evaluation__check_examples": (0,),
        "evaluation__held_out_every": (3,),
    }
    few = fields | {
        "data__subset": ("easiest", "hardest"),
        "data__subset_run": ("{sweep}/cifar_standard,seed=0",),
        "data__subset_examples": (1000,),
        "total_epochs": (60,),
        "optimizer__drop_epochs": ("(40,)",),
    }
    any_few = few | {"data__subset": ("random",), "data__subset_run": ("",)}
    whole = {"total_epochs": (12,), "optimizer__drop_epochs": ("(9,)",)}
    return (
        *runs("cifar_standard", **fields | whole),
        *runs("cifar_standard", **few),
        *_labelled("subset=random", "cifar_standard", **any_few),
    )


def compilation() -> tuple[tuple[str, ...], ...]:
    """What bfloat16 layers and XLA do to accuracy and time."""
    return runs(
        "digits_standard",
        seeds=3,
        precision=("float32", "mixed_bfloat16"),
        jit_compile=(False, True),
        deterministic=(False,),
    )


def _paper(data: str) -> tuple[tuple[str, ...], ...]:
    return tuple(run for defense in PAPER for run in runs(f"{data}_{defense}", seeds=3, **FULL))


ATTACKS = ("clean", "fgsm", "pgd-10", "pgd-20", "cw-linf", "pgd-20@1000", "autoattack@1000")
PAPER = ("unsecured", "standard", "curriculum", "fgsm_pgd", "dynamic")
FULL = {"evaluation__attacks": (str(ATTACKS).replace(" ", ""),)}
"""AutoAttack sees the first 1,000 test images."""
SHORT = {
    "total_epochs": (15,),
    "optimizer__drop_epochs": ("(6,12)",),
    "evaluation__checkpoints": ("('last',)",),
    **FULL,
}
"""The paper's MNIST schedules in 15 epochs; the last network only."""
TRIAL = {
    "data__examples": (20200,),
    "total_epochs": (12,),
    "optimizer__drop_epochs": ("(7,)",),
    "evaluation__checkpoints": ("('last',)",),
    "evaluation__attacks": ("('clean','pgd-20@1000','apgd-t@500')",),
}
"""19,200 images and 1,000 held out, the rate divided by ten at 60 %."""
SMALL = {
    "data__examples": (11000,),
    "total_epochs": (12,),
    "model__name": ("mnist_small",),
    "defense__epsilon": (0.1,),
    "optimizer__name": ("adam",),
    "optimizer__learning_rate": (1e-3,),
    "optimizer__weight_decay": (0.0,),
    "optimizer__drop_epochs": ("()",),
    "evaluation__attacks": ("('clean','pgd-20@1000')",),
    "evaluation__checkpoints": ("('last',)",),
    "evaluation__check_examples": (0,),
}
"""10,000 images and 1,000 held out, the small CNN of Fast.

At 0.1: at 0.2 PGD-10 does not leave the constant classifier within these epochs."""
SWEEPS = {
    sweep.__name__: sweep
    for sweep in (
        digits,
        mnist_table,
        mnist_black_box,
        mnist_floor,
        mnist_c_max,
        mnist_late_drop,
        mnist_defenses,
        mnist_compared,
        mnist_certified,
        mnist_envelopes,
        digits_pareto,
        mnist_capacity,
        mnist_spectra,
        mnist_subnetworks,
        mnist_memory,
        mnist_collapses,
        mnist_adapting,
        mnist_paper,
        cifar_pair,
        cifar_single_steps,
        cifar_paper,
        cifar_epsilons,
        growing,
        cifar_subsets,
        compilation,
    )
}
