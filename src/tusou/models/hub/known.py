"""Models that ``tusou models pull`` knows by name.

Preprocessing and special tokens are those of the models' own code. Digests are pinned where a public record
of the hub's LFS digests was found; the others are recorded by the pull.
"""

from __future__ import annotations

from tusou.errors import BundleError
from tusou.models.hub.entry import HubFile, HubModel, HubTower, ImageRule, TokenRule

_HALF = (127.5, 127.5, 127.5)
_CLIP_MEAN = (122.7709383, 116.7460125, 104.09373615)  # 255 * (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (68.5005327, 66.6321579, 70.32316305)  # 255 * (0.26862954, 0.26130258, 0.27577711)
_CLIP_SQUASH = ImageRule(224, "squash", "area", _CLIP_MEAN, _CLIP_STD)
_PIXEL_VALUES = {"pixels": "pixel_values"}


def _siglip2(
    name: str, repository: str, revision: str, size: int, *, image_sha256: str = "", text_sha256: str = ""
) -> HubModel:
    return HubModel(
        name=name,
        family="SigLIP 2",
        repository=repository,
        revision=revision,
        license="Apache-2.0",
        languages=("en", "zh"),
        dim=768,
        image=HubTower(HubFile("onnx/vision_model_fp16.onnx", image_sha256), _PIXEL_VALUES, "pooler_output"),
        text=HubTower(
            HubFile("onnx/text_model_fp16.onnx", text_sha256), {"ids": "input_ids"}, "pooler_output"
        ),
        pixels=ImageRule(size, "squash", "area", _HALF, _HALF),
        tokens=TokenRule(
            HubFile("tokenizer.json"), "", "<eos>", "<pad>", 64, pad_to_max=True, lowercase=True
        ),
    )


def _mobileclip2(variant: str, image_sha256: str, text_sha256: str) -> HubModel:
    return HubModel(
        name=f"mobileclip2-{variant}",
        family="MobileCLIP2",
        repository="plhery/mobileclip2-onnx",
        revision="ba95759a5bdbaca53e9111e2550a76ec09c8fd9e",
        license="apple-amlr",
        restricted="research purposes only: no product, no commercial use",
        languages=("en",),
        dim=512,
        image=HubTower(
            HubFile(f"onnx/{variant}/vision_model.onnx", image_sha256), _PIXEL_VALUES, "image_embeds"
        ),
        text=HubTower(
            HubFile(f"onnx/{variant}/text_model.onnx", text_sha256), {"ids": "input_ids"}, "text_embeds"
        ),
        pixels=ImageRule(256, "shortest_crop", "bilinear", (0, 0, 0), (255, 255, 255)),
        # "!" has id 0: the tower pools at the largest id, so filling up with the end token would break it.
        tokens=TokenRule(
            HubFile("tokenizer.json"), "<|startoftext|>", "<|endoftext|>", "!", 77, pad_to_max=True
        ),
    )


_BERT_TOKENS = TokenRule(HubFile("tokenizer.json"), "[CLS]", "[SEP]", "[PAD]", 52, pad_to_max=True)

KNOWN: tuple[HubModel, ...] = (
    _siglip2(
        "siglip2-b16-224",
        "onnx-community/siglip2-base-patch16-224-ONNX",
        "ba1f3b0843f24bc5417d38e19c37b287d719b2f4",
        224,
        image_sha256="a1959f7bd3993a607e48839f6d01e25b876fe76afda301b028b78eef68aabd95",
        text_sha256="711da56ada0a4aa11c7dd3320df741081a3cae4f0ae1b5e5c6d5b294738d0eb0",
    ),
    _siglip2("siglip2-b32-256", "onnx-community/siglip2-base-patch32-256-ONNX", "main", 256),
    HubModel(
        name="chinese-clip-rn50",
        family="Chinese-CLIP",
        repository="",
        revision="main",
        license="Apache-2.0",
        languages=("zh",),
        dim=1024,
        image=HubTower(HubFile("rn50.img.fp32.onnx"), {"pixels": "image"}, "unnorm_image_features"),
        text=HubTower(HubFile("rn50.txt.fp32.onnx"), {"ids": "text"}, "unnorm_text_features"),
        pixels=_CLIP_SQUASH,
        tokens=_BERT_TOKENS,
    ),
    HubModel(
        name="chinese-clip-b16",
        family="Chinese-CLIP",
        repository="Xenova/chinese-clip-vit-base-patch16",
        revision="f26904860903e70e050b8f48255e5f48401816e9",
        license="MIT (the authors' code; the card of the weights names no licence)",
        languages=("zh",),
        dim=512,
        image=HubTower(HubFile("onnx/model.onnx"), _PIXEL_VALUES, "image_embeds"),
        text=HubTower(
            HubFile("onnx/model.onnx"), {"ids": "input_ids", "mask": "attention_mask"}, "text_embeds"
        ),
        pixels=_CLIP_SQUASH,
        tokens=TokenRule(
            HubFile("tokenizer.json", "7dfbf1966ebf99d471c3796e9b457329d2b2182b817e144f1e904b957745c839"),
            "[CLS]",
            "[SEP]",
            "[PAD]",
            52,
            pad_to_max=False,
        ),
    ),
    HubModel(
        name="xlmr-clip-b32",
        family="XLM-R CLIP",
        repository="immich-app/XLM-Roberta-Base-ViT-B-32__laion5b_s13b_b90k",
        revision="111f6ddca817bb6cd8343c3e3dc5ce39d9ba54b0",
        license="MIT",
        languages=("en", "zh"),
        dim=512,
        image=HubTower(HubFile("visual/model.onnx"), {"pixels": "image"}, "embedding"),
        text=HubTower(HubFile("textual/model.onnx"), {"ids": "text"}, "embedding"),
        pixels=ImageRule(224, "shortest_crop", "bicubic", _CLIP_MEAN, _CLIP_STD),
        tokens=TokenRule(HubFile("textual/tokenizer.json"), "<s>", "</s>", "<pad>", 77, pad_to_max=True),
    ),
    _mobileclip2(
        "s0",
        "13d20ebfa8a8f63890eb2727fe4dc63009ff970f43e0f7d9d2ed999659f70c8a",
        "df590d47744f2ee9f3ccb67c4414d17419568c05bca0c4d166f2faeedf8b92f3",
    ),
    _mobileclip2(
        "s2",
        "a841f72c5a5085748bbe271a1d5718aba877822a15cba865bdbd0d37036b849e",
        "622f10372bca71b5017f2efc5f8c2886610a2592b636de8984d717f03213f031",
    ),
)


def known_model(name: str, repository: str | None = None) -> HubModel:
    """The entry of a name.

    Args:
        name: Of a known model.
        repository: Where to take it from; the entry's own when None. Digests are pinned for the entry's own
            only: another export of the same model has others.

    Raises:
        BundleError: No such entry, or one that needs a repository.
    """
    found = next((model for model in KNOWN if model.name == name), None)
    if found is None:
        raise BundleError(
            f"no known model {name!r}: expected one of {', '.join(model.name for model in KNOWN)}",
            reason="unknown_model",
        )
    if repository and repository != found.repository:
        return found.elsewhere(repository)
    if not found.repository:
        files = ", ".join(file.path for file in found.files())
        raise BundleError(
            f"no public export of {name} is known: make one with the authors' own script, lay {files} into a "
            "repository of the hub and name it with --repository OWNER/NAME",
            reason="unknown_model",
        )
    return found
