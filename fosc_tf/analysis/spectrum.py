"""What is found of a Hessian: its outermost eigenvalues, their vectors, and how far to trust them.

spectrum = hessian_eigenvalues(network, image, label, k=2)
print(spectrum)                                            # a line for each eigenvalue
spectrum.over(random_loss(network, image, label)).values
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fosc_tf.number import inside
from fosc_tf.readable import amount


@dataclasses.dataclass(frozen=True, repr=False)
class Spectrum:
    """Eigenvalues of a Hessian with respect to the weights.

    Attributes:
        values: [k] float64 in nats / weight^2, the outermost first.
        vectors: [k, weights] float64, orthonormal, of `values` in order; the weights stand one
            after the other as in `network.trainable_variables`.
        residuals: [k] float64, norms of H v - value * v: an eigenvalue is at most so far away.
        products: Hessian-vector products that were taken, each over all images.
        method: that found them.
    """

    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray
    products: int
    method: str

    def over(self, loss: float) -> Spectrum:
        """Returns the spectrum divided by a loss, in nats, such as `random_loss`.

        Source: Liu 2022 (thesis), section 4.2.3: so that spectra under several epsilon compare.

        Raises:
            UserError: a loss that is not positive.
        """
        loss = inside("loss", loss, "random_loss(network, image, label)", ends="()")
        values, residuals = self.values / loss, self.residuals / loss
        return dataclasses.replace(self, values=values, residuals=residuals)

    def __repr__(self) -> str:
        """Returns a line for the whole and one for each eigenvalue."""
        k, weights = self.vectors.shape
        head = f"{amount(k, 'eigenvalue')} for {amount(weights, 'weight')}"
        rows = [
            f"{place:5d}  {value:12.6g}  residual norm {residual:.1e}"
            for place, (value, residual) in enumerate(
                zip(self.values, self.residuals, strict=True), start=1
            )
        ]
        return "\n".join([f"{head}, {self.method}, {amount(self.products, 'product')}", *rows])
