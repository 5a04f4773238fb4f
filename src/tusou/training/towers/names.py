"""Names of the towers a configuration may ask for; known without loading PyTorch."""

from __future__ import annotations

from difflib import get_close_matches

IMAGE_NAMES = (
    "lenet5",
    "lenet5_1998",
    "alexnet",
    "vgg19",
    "googlenet",
    "resnet50",
    "resnet152",
    "efficientnet_b0",
    "efficientnet_lite0",
    "efficientnet_lite2",
    "mobilenet_v3_small",
    "convnext_tiny",
    "vit_b_32",
    "joined",
    "onnx",
    "features",
)

TEXT_NAMES = (
    "bag_of_words",
    "word_mean",
    "rnn",
    "lstm",
    "gru",
    "transformer",
    "onnx",
    "features",
)


def check_name(name: str, known: tuple[str, ...]) -> str:
    """Refuse a name nobody knows, with the nearest one.

    Raises:
        ValueError: It is not known.
    """
    if name in known:
        return name
    near = get_close_matches(name, known, 1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"no such tower; there are {', '.join(known)}{meant}")
