"""Lists of runs whose networks are proved."""

from __future__ import annotations

from configs.lists import labelled, runs

CROWN, FIXED = {"defense__bound": ("crown-ibp",)}, {"defense__fixed_weight": (1.0,)}


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
            *labelled(f"epsilon={epsilon}", "mnist_ibp", of, **short),
            *labelled(f"epsilon={epsilon}", "mnist_crown_ibp", of, **short),
            *labelled(f"epsilon={epsilon}", "mnist_adv_ibp", of, **short),
            *labelled(f"epsilon={epsilon},bound=crown-ibp", "mnist_adv_ibp", of, **short | CROWN),
            *labelled(f"epsilon={epsilon},fixed_weight=1.0", "mnist_adv_ibp", of, **short | FIXED),
            *labelled(f"epsilon={epsilon}", "mnist_mtl_ibp", of, **short | control),
            *labelled(
                f"epsilon={epsilon},num_steps=8", "mnist_mtl_ibp", of, **short | control | steps
            ),
            *labelled(
                f"epsilon={epsilon},num_steps=8,c_max=0.1", "mnist_mtl_ibp", of, **short | gate
            ),
            *labelled(f"epsilon={epsilon}", "mnist_sabr", of, **short | control),
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
        *labelled("name=fc1", "mnist_standard", **standard),
        *labelled("attacked=False", "mnist_per", **per | alone),
        *labelled("activation=sigmoid", "mnist_per", **per | alone | sigmoid),
    )
