"""The names of the defenses.

@register("dynamic")
def dynamic(*, epsilon, steps_per_epoch): ...
"""

from fosc_tf.registry import Registry

_DEFENSES = Registry("defense")
register = _DEFENSES.register
get = _DEFENSES.get
names = _DEFENSES.names
factory = _DEFENSES.factory
