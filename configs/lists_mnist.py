"""Lists of runs on MNIST: Wang et al. 2019, and the defenses beside Dynamic training."""

from __future__ import annotations

from configs.lists import FULL, SHORT, labelled, paper, runs

TRIAL = {
    "data__examples": (20200,),
    "total_epochs": (12,),
    "optimizer__drop_epochs": ("(7,)",),
    "evaluation__checkpoints": ("('last',)",),
    "evaluation__attacks": ("('clean','pgd-20@1000','apgd-t@500')",),
}
"""19,200 images and 1,000 held out, the rate divided by ten at 60 %."""
AMATA = {
    "defense__least_steps": (2,),
    "defense__num_steps": (10,),
    "defense__step_size": (0.075,),
}
"""Up to the steps of Standard training here, not to the 40 of its paper."""


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


def mnist_paper() -> tuple[tuple[str, ...], ...]:
    """Table 1 of Wang et al. 2019, MNIST, with all 50 epochs."""
    return paper("mnist")


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
        # 40 steps of 0.01, as in its paper, are 10 of 0.04.
        *labelled(
            "step_size=0.04", "mnist_amata", **SHORT | AMATA | {"defense__step_size": (0.04,)}
        ),
    )


def _mnist(defense: str) -> tuple[tuple[str, ...], ...]:
    own = {"fat": {"defense__tau_epochs": ("(6,11)",)}, "amata": AMATA}
    return runs(f"mnist_{defense}", **SHORT | own.get(defense, {}))


def mnist_compared() -> tuple[tuple[str, ...], ...]:
    """What users compare with, the schedules of `mnist_table`; Standard is in `mnist_defenses`."""
    control = SHORT | {"defense__control_epochs": (12,)}
    awp = {"perturbation__gamma": (0.01,)}
    ema = {"average__decay": (0.999,), "evaluation__checkpoints": ("('last','ema')",)}
    return (
        *runs("mnist_trades", **SHORT),
        *runs("mnist_mart", **SHORT),
        *labelled("gamma=0.01", "mnist_standard", **SHORT | awp),
        *labelled("gamma=0.01", "mnist_dynamic", **control | awp),
        *labelled("decay=0.999", "mnist_dynamic", **control | ema),
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
        *labelled("c_min=0.25", "mnist_dynamic_memory", **k1, defense__c_min=(0.25,)),
        *labelled("stop_share=0.5", "mnist_dynamic_memory", **k1, defense__stop_share=(0.5,)),
        *labelled("reset_epochs=4", "mnist_dynamic_memory", **k1, defense__reset_epochs=(4,)),
        *runs("mnist_amata_dynamic", **control),
        *runs("mnist_atas", **TRIAL),
    )
