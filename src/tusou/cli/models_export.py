"""``tusou models export``: turn a finished training run into a bundle."""

from __future__ import annotations

from pathlib import Path

import click

from tusou.cli.common import format_bytes, json_option, print_json


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, file_okay=False), required=True, help="Bundle folder."
)
@click.option("--int8", is_flag=True, help="Quantise the image tower's convolutions (static, calibrated).")
@json_option
def export(run: Path, output: Path, int8: bool, as_json: bool) -> None:
    """Write the bundle of RUN, a folder `tusou train` made.

    Its data are read again: the vocabulary and the pictures that calibrate int8 come from there.
    """
    from tusou.cli.train_run import need_torch

    need_torch()
    from tusou.encoders.self_check import check_towers
    from tusou.models.bundle import load_bundle
    from tusou.training.config import load_run_record
    from tusou.training.export import export_run

    made = export_run(load_run_record(run), run, output, int8=int8)
    bundle = load_bundle(output)
    check_towers(bundle)
    answer = {
        "bundle": str(output),
        "model_id": bundle.model_id,
        "bytes": bundle.byte_size,
        "differences": made.differences,
        "int8_cosine": made.int8_cosine,
    }
    if as_json:
        print_json(answer)
        return
    click.echo(f"{output}: {bundle.model_id}, {format_bytes(bundle.byte_size)}")
    for tower, difference in made.differences.items():
        click.echo(f"{tower}: the graph agrees with the network to {difference:.1e}")
    if made.int8_cosine is not None:
        mean, smallest = made.int8_cosine
        click.echo(f"int8: cosine with float32 {mean:.4f} on average, {smallest:.4f} at least")
