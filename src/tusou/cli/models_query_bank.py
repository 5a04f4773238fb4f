"""``tusou models query-bank``: keep a bundle's hubs, images near every query, from crowding out answers."""

from __future__ import annotations

from pathlib import Path

import click

from tusou.cli.common import format_bytes, json_option, print_json


@click.command("query-bank")
@click.argument("bundle")
@click.option(
    "--data",
    "source",
    type=click.Path(path_type=Path),
    required=True,
    help="Captions or logged queries with their pictures, in any format `tusou data check` knows.",
)
@click.option("--split", help="Only this split of the data; all of it when left out.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, file_okay=False), required=True, help="Bundle folder."
)
@click.option("--version", required=True, help="Version of the new bundle.")
@click.option("--name", required=True, help="Name of the data, for the manifest.")
@click.option("--license", "terms", required=True, help="Licence of the data, for the manifest.")
@json_option
def query_bank(
    bundle: str,
    source: Path,
    split: str | None,
    output: Path,
    version: str,
    name: str,
    terms: str,
    as_json: bool,
) -> None:
    """Write BUNDLE again with query-bank normalisation folded into its towers.

    Take captions the bundle was trained on, or past searches: never those that will measure it.
    """
    from tusou.encoders.self_check import check_towers
    from tusou.models.bundle import load_bundle
    from tusou.models.manifest import DataSource
    from tusou.training.data.reading import read_data
    from tusou.training.data.relevance import RelevanceData
    from tusou.training.query_bank import fold_query_bank

    data = read_data(source)
    if not isinstance(data, RelevanceData):
        raise click.UsageError(f"{source} holds no queries; give captions or a click log")
    used = data.of_split(split) if split else data
    about = DataSource(name=name, license=terms, use="query bank; no text or picture is contained")
    fold_query_bank(load_bundle(bundle), used, output, version=version, source=about)
    made = load_bundle(output)
    check_towers(made)
    if as_json:
        print_json({"bundle": str(output), "model_id": made.model_id, "queries": len(used.queries)})
    else:
        click.echo(
            f"{output}: {made.model_id}, {format_bytes(made.byte_size)}, {len(used.queries):,} queries"
        )
