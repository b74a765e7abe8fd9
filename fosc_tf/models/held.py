"""Layers of which training moves some variables only, also where it is told to train them all.

class Mine(Holding):
    def held(self): return [self.frozen]      # and `self.hold()` at the end of `build`
"""

from __future__ import annotations

import keras


class Holding(keras.layers.Layer):
    """A layer with variables that are not trained, whatever its `trainable` says.

    They are made as trainable ones all the same: whichever are held, the order of a layer's
    variables is one, and checkpoints name them by it.
    """

    def held(self) -> list[keras.Variable]:
        """Returns the variables that stay as they are."""
        return []

    def hold(self) -> None:
        """Takes what is held from training; called when the variables are made."""
        for each in self.held() if self.built else ():
            each.trainable = False

    @property
    def trainable(self) -> bool:
        """Whether the other variables are trained."""
        return keras.layers.Layer.trainable.fget(self)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        keras.layers.Layer.trainable.fset(self, value)
        self.hold()
