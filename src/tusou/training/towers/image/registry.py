"""Every image tower by the name a configuration uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tusou.errors import ConfigError
from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.alexnet import build_alexnet
from tusou.training.towers.image.cached import build_cached
from tusou.training.towers.image.convnext import build_convnext_tiny
from tusou.training.towers.image.efficientnet import build_efficientnet_b0
from tusou.training.towers.image.efficientnet_lite import build_efficientnet_lite0, build_efficientnet_lite2
from tusou.training.towers.image.googlenet import build_googlenet
from tusou.training.towers.image.joined import build_joined
from tusou.training.towers.image.lenet import build_lenet5, build_lenet5_1998
from tusou.training.towers.image.mobilenet import build_mobilenet_v3_small
from tusou.training.towers.image.onnx import OnnxImageTower, build_onnx
from tusou.training.towers.image.resnet import build_resnet50, build_resnet152
from tusou.training.towers.image.vgg import build_vgg19
from tusou.training.towers.image.vit import build_vit_b_32
from tusou.training.towers.options import build_with, find_spec


@dataclass(frozen=True)
class ImageTowerSpec:
    """One image tower.

    Attributes:
        build: Makes it; its keyword arguments are the options of the configuration.
        description: One line.
        paper: Where it is from.
        parameters: Trainable numbers with the classifier of the paper; 0 where there are none.
        classes: Outputs of that classifier.
        minimum_size: Smallest input side, pixels.
        hub: torchvision's name of its published weights, if it has any.
    """

    build: Callable[..., ImageTower | OnnxImageTower]
    description: str
    paper: str = ""
    parameters: int = 0
    classes: int = 1000
    minimum_size: int = 32
    hub: str = ""


IMAGE_TOWERS: dict[str, ImageTowerSpec] = {
    "lenet5": ImageTowerSpec(
        build_lenet5, "LeNet-5 as built today: ReLU, max pooling", "LeCun 1998", 61_706, 10, 28
    ),
    "lenet5_1998": ImageTowerSpec(build_lenet5_1998, "LeNet-5 to the letter", "LeCun 1998", 60_000, 10),
    "alexnet": ImageTowerSpec(
        build_alexnet,
        "AlexNet in one column",
        "Krizhevsky 2014",
        61_100_840,
        minimum_size=63,
        hub="AlexNet_Weights.IMAGENET1K_V1",
    ),
    "vgg19": ImageTowerSpec(
        build_vgg19, "VGG-19", "Simonyan 2015", 143_667_240, hub="VGG19_Weights.IMAGENET1K_V1"
    ),
    "googlenet": ImageTowerSpec(
        build_googlenet,
        "GoogLeNet with batch norm, without auxiliary classifiers",
        "Szegedy 2015",
        6_624_904,
        hub="GoogLeNet_Weights.IMAGENET1K_V1",
    ),
    "resnet50": ImageTowerSpec(
        build_resnet50, "ResNet-50", "He 2016", 25_557_032, hub="ResNet50_Weights.IMAGENET1K_V2"
    ),
    "resnet152": ImageTowerSpec(
        build_resnet152, "ResNet-152", "He 2016", 60_192_808, hub="ResNet152_Weights.IMAGENET1K_V2"
    ),
    "efficientnet_b0": ImageTowerSpec(
        build_efficientnet_b0,
        "EfficientNet-B0",
        "Tan 2019",
        5_288_548,
        hub="EfficientNet_B0_Weights.IMAGENET1K_V1",
    ),
    "efficientnet_lite0": ImageTowerSpec(
        build_efficientnet_lite0, "EfficientNet-Lite0, last map and stages", "Tan 2019", 4_652_008
    ),
    "efficientnet_lite2": ImageTowerSpec(
        build_efficientnet_lite2, "EfficientNet-Lite2, last map and stages", "Tan 2019", 6_092_072
    ),
    "mobilenet_v3_small": ImageTowerSpec(
        build_mobilenet_v3_small,
        "MobileNetV3-Small",
        "Howard 2019",
        2_542_856,
        hub="MobileNet_V3_Small_Weights.IMAGENET1K_V1",
    ),
    "convnext_tiny": ImageTowerSpec(
        build_convnext_tiny,
        "ConvNeXt-T",
        "Liu 2022",
        28_589_128,
        hub="ConvNeXt_Tiny_Weights.IMAGENET1K_V1",
    ),
    "vit_b_32": ImageTowerSpec(
        build_vit_b_32, "ViT-B/32", "Dosovitskiy 2021", 88_224_232, hub="ViT_B_32_Weights.IMAGENET1K_V1"
    ),
    "joined": ImageTowerSpec(build_joined, "EfficientNet-Lites side by side"),
    "onnx": ImageTowerSpec(build_onnx, "Any frozen ONNX graph; fills the feature cache", minimum_size=1),
    "features": ImageTowerSpec(build_cached, "Features cached before"),
}


def build_image_tower(name: str, **options: Any) -> ImageTower | OnnxImageTower:
    """Build an image tower.

    Args:
        name: Its name in ``IMAGE_TOWERS``.
        **options: Of its builder: ``size`` and ``classes`` for most.

    Raises:
        ConfigError: No such tower or option, an option is missing, or a value is not allowed.
    """
    spec = find_spec(IMAGE_TOWERS, "image", name)
    size, classes = options.get("size"), options.get("classes")
    if size is not None and size < spec.minimum_size:
        raise ConfigError(f"tower {name}: size = {size}, allowed is {spec.minimum_size} or more")
    if classes is not None and classes < 1:
        raise ConfigError(f"tower {name}: classes = {classes}, allowed is 1 or more")
    tower: ImageTower | OnnxImageTower = build_with(spec, name, options)
    return tower
