"""Lists of runs on CIFAR-10."""

from __future__ import annotations

from configs.lists import FULL, SHORT, labelled, paper, runs


def cifar_paper() -> tuple[tuple[str, ...], ...]:
    """Table 1 of Wang et al. 2019, CIFAR-10, with all 120 epochs: for GPUs."""
    return paper("cifar")


def cifar_epsilons() -> tuple[tuple[str, ...], ...]:
    """Figure 4b of Wang et al. 2019: trained and evaluated at the same epsilon."""
    radii = ("2/255", "4/255", "6/255", "8/255")
    defenses = ("standard", "curriculum", "dynamic")
    return tuple(
        run for d in defenses for run in runs(f"cifar_{d}", defense__epsilon=radii, **FULL)
    )


def cifar_pair() -> tuple[tuple[str, ...], ...]:
    """Standard against Dynamic training of the CIFAR-10 network, a quarter as wide, 15 epochs."""
    quarter = SHORT | {"model__width": (0.25,), "optimizer__drop_epochs": ("(9,13)",)}
    return (
        *runs("cifar_dynamic", **quarter | {"defense__control_epochs": (12,)}),
        *runs("cifar_standard", **quarter),
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
        *labelled("width=0.25", "cifar_fast", ":model=cifar_cnn", **fields),
        *labelled("width=0.25", "cifar_n_fgsm", ":model=cifar_cnn", **fields),
        *labelled("width=0.25", "cifar_atas", **fields | drops),
    )


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
        *labelled("subset=random", "cifar_standard", **any_few),
    )
