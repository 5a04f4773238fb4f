"""Adam, as PaddlePaddle computed it in 2017 and as it is computed today (reference network)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tusou.training.reference.types import Parameters


@dataclass
class Adam:
    """One run of Adam (Kingma & Ba, ICLR 2015) over a set of parameters.

    Both forms keep m = β₁ m + (1 - β₁) g and v = β₂ v + (1 - β₂) g². They differ in where ε goes::

        corrected   θ -= lr · (m / (1 - β₁ᵗ)) / (sqrt(v / (1 - β₂ᵗ)) + ε)       PyTorch, Paddle 3
        v1          θ -= lr · sqrt(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (sqrt(v) + ε)     Paddle v1

    The second acts like the first with ε / sqrt(1 - β₂ᵗ): 32 times ε in the first step. The two agree as long
    as gradients are far larger than ε.

    Attributes:
        learning_rate: Constant.
        beta1: Decay of m.
        beta2: Decay of v.
        epsilon: Added to the root of v.
        corrected: Which of the two forms.
        steps: Steps taken.
        first: m by parameter name.
        second: v by parameter name.
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    corrected: bool = True
    steps: int = 0
    first: Parameters = field(default_factory=dict)
    second: Parameters = field(default_factory=dict)

    def step(self, parameters: Parameters, gradients: Parameters) -> Parameters:
        """Parameters after one more step; those passed in stay as they are.

        Args:
            parameters: Current values.
            gradients: Gradient of the summed loss, same names and shapes.
        """
        self.steps += 1
        return {name: value - self._change(name, gradients[name]) for name, value in parameters.items()}

    def _change(self, name: str, gradient: np.ndarray) -> np.ndarray:
        m = self.beta1 * self.first.get(name, np.zeros_like(gradient)) + (1 - self.beta1) * gradient
        v = self.beta2 * self.second.get(name, np.zeros_like(gradient)) + (1 - self.beta2) * gradient**2
        self.first[name], self.second[name] = m, v
        mean_share = 1 - self.beta1**self.steps
        root_share = float(np.sqrt(1 - self.beta2**self.steps))
        root = (
            np.sqrt(v) / root_share + self.epsilon
            if self.corrected
            else (np.sqrt(v) + self.epsilon) / root_share
        )
        change: np.ndarray = self.learning_rate / mean_share * m / root
        return change
