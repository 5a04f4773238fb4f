"""Every image tower: the published network's numbers, its size, gradients, batches, and the same in ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from onnx_parity import run_exported
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

from tusou.errors import ConfigError, EncoderError
from tusou.training.towers import base
from tusou.training.towers.base import ImageTower
from tusou.training.towers.image import lenet, stages
from tusou.training.towers.image.efficientnet_lite import LAST, STAGE_WEIGHT, calibrate
from tusou.training.towers.image.registry import IMAGE_TOWERS, build_image_tower

pytestmark = pytest.mark.train

NETWORKS = [name for name, spec in IMAGE_TOWERS.items() if spec.parameters]
SIZES = {"lenet5": 28, "lenet5_1998": 32}
LARGE = {"alexnet", "vgg19", "resnet152", "vit_b_32"}  # seconds each


def tower_called(name: str, **options: Any) -> ImageTower:
    tower = build_image_tower(name, **options)
    assert isinstance(tower, ImageTower)
    return tower


def pictures(tower: ImageTower, batch: int) -> Tensor:
    generator = torch.Generator().manual_seed(batch)
    return torch.randn(batch, tower.channels, tower.size, tower.size, generator=generator)


def settle(tower: ImageTower) -> None:
    """Make a tower at random as well-behaved as a trained one.

    Batch norms take the statistics of some pictures, or maps explode or vanish; residual blocks are damped,
    or 152 layers amplify rounding to 4e-4 of the output (float32 to float64); a head of zeros says nothing.
    """
    modules = list(tower.modules())
    for module in modules:
        if isinstance(module, Bottleneck):
            nn.init.constant_(module.bn3.weight, 0.2)
        elif isinstance(module, nn.Linear) and not module.weight.any():
            nn.init.normal_(module.weight, std=0.1)
        elif isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    if any(isinstance(module, nn.BatchNorm2d) for module in modules):
        with torch.no_grad():
            tower.train()(pictures(tower, 4))


@pytest.fixture(
    scope="module", params=[pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in NETWORKS]
)
def built(request: pytest.FixtureRequest) -> tuple[ImageTower, nn.Module | None]:
    """A settled tower with ten classes, and the network it was made of (None: LeNet is written here)."""
    networks: list[nn.Module | None] = []
    match_names = base._published_names

    def keep(tower: ImageTower, network: nn.Module | None) -> Any:
        networks.append(network)
        return match_names(tower, network)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "_published_names", keep)
        torch.manual_seed(0)
        tower = tower_called(request.param, size=SIZES.get(request.param, 64), classes=10)
    (network,) = networks
    assert (network is None) == request.param.startswith("lenet")
    settle(tower)
    return tower.eval(), network.eval() if network is not None else None


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_are_as_many_as_published(name: str) -> None:
    spec = IMAGE_TOWERS[name]
    with torch.device("meta"):
        tower = tower_called(name, classes=spec.classes)
    assert sum(parameter.numel() for parameter in tower.parameters()) == spec.parameters


@pytest.mark.parametrize("name", [name for name in NETWORKS if IMAGE_TOWERS[name].hub])
def test_parameters_are_as_many_as_torchvision_says(name: str) -> None:
    from torchvision.models import get_weight

    spec = IMAGE_TOWERS[name]
    assert get_weight(spec.hub).meta["num_params"] == spec.parameters


def test_googlenet_has_13_million_with_its_auxiliary_classifiers() -> None:
    from torchvision.models import GoogLeNet

    with torch.device("meta"):
        network = GoogLeNet(init_weights=False)
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 1) == 13.0


@pytest.mark.parametrize("name", NETWORKS)
def test_features_without_classifier_have_the_stated_width(name: str) -> None:
    with torch.device("meta"):
        tower = tower_called(name)
        features = tower.eval()(torch.empty(2, tower.channels, tower.size, tower.size))
    assert features.shape == (2, tower.width)
    assert not any(source.startswith(("fc.", "heads.")) for source in tower.source_names.values())


def test_tower_gives_what_its_network_gives(built: tuple[ImageTower, nn.Module | None]) -> None:
    tower, network = built
    if network is None:
        pytest.skip("LeNet is written here")
    pixels = pictures(tower, 2)
    with torch.no_grad():
        torch.testing.assert_close(tower(pixels), network_output(network, pixels), rtol=1e-4, atol=1e-5)


def network_output(network: Any, pixels: Tensor) -> Tensor:
    if hasattr(network, "transform_input"):
        network.transform_input = False  # the tower's mean and std say the same
    output: Tensor = network(pixels)
    return output


def test_batch_equals_singles(built: tuple[ImageTower, nn.Module | None]) -> None:
    tower, _ = built
    pixels = pictures(tower, 3)
    with torch.no_grad():
        together, singly = tower(pixels), torch.cat([tower(pixels[i : i + 1]) for i in range(3)])
    assert together.shape == (3, 10)
    assert together.std(dim=0).max() > 0, "all pictures look alike"
    torch.testing.assert_close(together, singly, rtol=1e-3, atol=1e-4 * float(together.abs().max()))


def test_gradient_reaches_first_and_last_stage(built: tuple[ImageTower, nn.Module | None]) -> None:
    tower, _ = built
    target = torch.zeros(2, dtype=torch.int64)
    torch.autograd.backward(nn.functional.cross_entropy(tower(pictures(tower, 2)), target))
    learning = [stage for stage in tower.stages if any(True for _ in stage.parameters())]
    for stage in (learning[0], learning[-1]):
        gradients = [parameter.grad for parameter in stage.parameters()]
        assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
        assert any(gradient is not None and gradient.abs().max() > 0 for gradient in gradients)
    tower.zero_grad()


def test_onnx_gives_the_same(built: tuple[ImageTower, nn.Module | None]) -> None:
    tower, _ = built
    pixels = pictures(tower, 3)
    with torch.no_grad():
        expected = tower(pixels).numpy()
    graph = run_exported(tower, {"pixels": pixels[:1]}, {"pixels": pixels})
    scale = max(1.0, float(np.abs(expected).max()))
    assert np.abs(graph - expected).max() <= 1e-4 * scale


def test_split_parts_make_the_whole(built: tuple[ImageTower, nn.Module | None]) -> None:
    tower, _ = built
    pixels = pictures(tower, 1)
    with torch.no_grad():
        for last in (0, 1, 3, len(tower.stages)):
            trunk, head = tower.split(last)
            assert len(head) == last
            torch.testing.assert_close(head(trunk(pixels)), tower(pixels))


def test_lite_features_are_last_map_and_stages() -> None:
    tower = tower_called("efficientnet_lite0", size=64)
    settle(tower)
    with torch.no_grad():
        features = tower.eval()(pictures(tower, 3))
        graph = run_exported(tower, {"pixels": pictures(tower, 1)}, {"pixels": pictures(tower, 3)})
        first: Any = tower.stages[1]
        row: Any = tower.stages[:1](pictures(tower, 3))
        behind = first.block(row.reshape(3, *first.shape)).mean((2, 3))
    torch.testing.assert_close(features[:, :LAST].norm(dim=1), torch.ones(3))
    torch.testing.assert_close(features[:, LAST : LAST + behind.shape[1]], behind)
    np.testing.assert_allclose(graph, features.numpy(), rtol=1e-4, atol=1e-4)


def test_lite_calibration_standardises_the_stages() -> None:
    tower = tower_called("efficientnet_lite0", size=32)
    settle(tower)
    with torch.no_grad():
        pixels = pictures(tower.eval(), 6)
        calibrate(tower, tower(pixels))
        means = tower(pixels)[:, LAST:]
    torch.testing.assert_close(means.mean(dim=0), torch.zeros(means.shape[1]), atol=1e-4, rtol=0)
    assert float(means.var(dim=0).sum().sqrt()) == pytest.approx(STAGE_WEIGHT, rel=1e-3)


def test_lite_gradient_is_finite_where_the_last_map_is_dark() -> None:
    """The slope of the root at 0 is infinite; ReLU6 gives exact zeros."""
    tower = tower_called("efficientnet_lite0", size=32)
    nn.init.constant_(tower.get_parameter("stages.17.last.layers.1.bias"), -100.0)
    tower.eval()(pictures(tower, 1)).sum().backward()
    assert all(
        parameter.grad is None or bool(parameter.grad.isfinite().all()) for parameter in tower.parameters()
    )


@pytest.mark.parametrize(("source", "target"), [(1, 6), (2, 7), (3, 6), (4, 7), (9, 6), (12, 6)])
def test_average_pool_is_torchs(source: int, target: int) -> None:
    maps = torch.arange(2.0 * source * source).reshape(1, 2, source, source)
    expected = nn.AdaptiveAvgPool2d(target)(maps)
    torch.testing.assert_close(stages.average_pool(source, target)(maps), expected)


def test_lenet_to_the_letter_reads_the_papers_table() -> None:
    counts = [len(inputs) for inputs in lenet.C3_INPUTS]
    assert counts == [3] * 6 + [4] * 9 + [6]
    assert sum(25 * count + 1 for count in counts) == 1516


def test_lenet_to_the_letter_prefers_the_nearest_code() -> None:
    output = lenet._CodeDistance(10)
    distances = output(output.codes[3:4])
    assert int(distances.argmax()) == 3
    assert float(distances[0, 3]) == 0


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("alexnt", {}, "alexnet"),
        ("alexnet", {"sise": 64}, "size, classes"),
        ("alexnet", {"size": 62}, "63 or more"),
        ("resnet50", {"classes": 0}, "1 or more"),
        ("vit_b_32", {"size": 100}, "multiples of 32"),
        ("lenet5", {"size": 30}, "28, 32"),
        ("lenet5", {"channels": 2}, "1, 3"),
        ("features", {}, "'width' is missing"),
    ],
)
def test_impossible_tower_is_refused_with_what_is_possible(
    name: str, options: dict[str, int], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        build_image_tower(name, **options)


def test_pixels_of_another_size_are_refused() -> None:
    tower = tower_called("lenet5")
    with pytest.raises(EncoderError, match=r"\(1, 28, 28\)"):
        tower(torch.zeros(1, 1, 32, 32))


def test_cached_features_pass_and_others_are_refused() -> None:
    tower = tower_called("features", width=3)
    rows = torch.ones(2, 3)
    assert tower(rows) is rows
    with pytest.raises(EncoderError, match="3"):
        tower(torch.ones(2, 4))
