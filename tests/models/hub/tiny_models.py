"""Each known model as a tiny repository of the same layout."""

from __future__ import annotations

from functools import cache

import tiny_towers as towers
from onnx import TensorProto
from tiny_tokenizers import bert, clip, gemma, xlmr


@cache
def tiny_repository(name: str) -> dict[str, bytes]:
    """Files by path, as the known model's repository has them."""
    if name.startswith("siglip2"):
        return {
            "onnx/vision_model_fp16.onnx": towers.siglip2_image(int(name[-3:])),
            "onnx/text_model_fp16.onnx": towers.siglip2_text(gemma()),
            "tokenizer.json": gemma().encode(),
        }
    if name == "chinese-clip-b16":
        return {"onnx/model.onnx": towers.chinese_clip_joint(bert()), "tokenizer.json": bert().encode()}
    if name == "chinese-clip-rn50":
        return {
            "rn50.img.fp32.onnx": towers.one_image("image", "unnorm_image_features", 1024),
            "rn50.txt.fp32.onnx": towers.one_text(
                bert(), TensorProto.INT64, 52, "unnorm_text_features", 1024
            ),
            "tokenizer.json": bert().encode(),
        }
    if name == "xlmr-clip-b32":
        return {
            "visual/model.onnx": towers.one_image("image", "embedding", 512),
            "textual/model.onnx": towers.one_text(xlmr(), TensorProto.INT32, 77, "embedding", 512),
            "textual/tokenizer.json": xlmr().encode(),
        }
    variant = name.removeprefix("mobileclip2-")
    return {
        f"onnx/{variant}/vision_model.onnx": towers.mobileclip2_image(),
        f"onnx/{variant}/text_model.onnx": towers.mobileclip2_text(clip()),
        "tokenizer.json": clip().encode(),
    }
