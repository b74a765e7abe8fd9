"""Dynamic training that remembers, registered by the config file that uses it.

python main.py --config=tests/runs/remembering.py
"""

import dataclasses

from configs import arguments, common
from fosc_tf import defenses
from fosc_tf.memory import Memory, Spec


@defenses.register("remembering")
def remembering(*, steps_per_epoch, num_examples, image_shape, augment, **arguments):
    """Returns Dynamic that starts nowhere else, but keeps visits and the last perturbation."""
    specs = {"visits": Spec(dtype="int32"), "last": Spec(image_shape, frame="image")}

    def remember(batch, found, judged, step):
        del judged, step
        last = 0.5 * batch.context["last"] + found.image - batch.image
        return {"visits": batch.context["visits"] + 1, "last": last}

    return dataclasses.replace(
        defenses.get("dynamic", steps_per_epoch=steps_per_epoch, **arguments),
        memory=Memory(num_examples, specs, augment=augment),
        remember=remember,
    )


def get_config():
    """Returns a config with the weights perturbed and averaged."""
    return common.digits("remembering", **arguments.dynamic(control_epochs=24))
