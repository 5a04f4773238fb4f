"""``tusou models pull``: bring a known model from a hub and make it a bundle."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tusou.cli.common import format_bytes, json_option, print_json, print_table, progress_bar, yes_option
from tusou.cli.models_common import bundle_json, models_option, open_registry
from tusou.errors import BundleError

if TYPE_CHECKING:
    from tusou.models.bundle import Bundle
    from tusou.models.hub.entry import HubModel
    from tusou.models.hub.remote import RemoteFile
    from tusou.models.registry import Registry


@click.command()
@click.argument("name", default="")
@click.option("--hub", envvar="HF_ENDPOINT", show_envvar=True, help="Base address of the hub or of a mirror.")
@click.option("--repository", help="OWNER/NAME on the hub, for a copy or for an export of your own.")
@click.option("--accept-license", metavar="NAME", help="Accept a restricted licence by its name.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the bundle to this new folder instead of installing it.",
)
@models_option
@yes_option
@json_option
def pull(
    name: str,
    hub: str | None,
    repository: str | None,
    accept_license: str | None,
    output: Path | None,
    models_path: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Pull the model NAME from a hub, convert it to a bundle and try it; without NAME, list what there is.

    Licence, size and digests are shown before anything is fetched. A pull that broke off goes on where it
    was. The towers are tried on two texts and two pictures; nothing is installed before they work.
    """
    from tusou.models.hub.known import KNOWN, known_model  # loads pydantic
    from tusou.models.hub.remote import default_hub, survey

    if not name:
        _list(KNOWN, as_json=as_json)
        return
    model = known_model(name, repository)
    _check_output(output)
    remotes = survey(model, hub or default_hub())
    _announce(model, remotes)
    _agree(model, accept_license, yes=yes)
    bundle = _pull(model, remotes, open_registry(models_path), output)
    if as_json:
        print_json(bundle_json(bundle, {}))
    else:
        click.echo(f"{bundle.model_id}: {format_bytes(bundle.byte_size)} in {bundle.path}")


def _pull(
    model: HubModel, remotes: tuple[RemoteFile, ...], registry: Registry, output: Path | None
) -> Bundle:
    """Fetch beside the place the bundle goes to, and put it there in one step."""
    from tusou.encoders.self_check import check_towers
    from tusou.models.bundle import load_bundle
    from tusou.models.hub.pull import pull as fetch

    work = (output.absolute().parent if output else registry.folder) / f".pull-{model.name}"
    with progress_bar(f"pulling {model.name}") as progress:
        bundle = fetch(model, remotes, work, check=check_towers, progress=progress)
    if output is None:
        bundle = registry.install(bundle.path)
    else:
        bundle.path.replace(output)
        bundle = load_bundle(output)
    shutil.rmtree(work)
    return bundle


def _announce(model: HubModel, remotes: tuple[RemoteFile, ...]) -> None:
    pinned = {file.path: file.sha256 for file in model.files()}
    lines = [
        f"{model.name} ({model.family}) from {model.repository} at {remotes[0].commit}",
        f"licence: {model.license}" + (f": {model.restricted}" if model.restricted else ""),
        f"languages: {', '.join(model.languages)}; {model.dim} dimensions",
        f"size: {format_bytes(sum(remote.size for remote in remotes))}",
    ]
    for remote in remotes:
        known = "pinned" if pinned[remote.path] else "not pinned"
        digest = pinned[remote.path] or remote.etag
        lines.append(f"  {remote.path}: {format_bytes(remote.size)}, {digest} ({known})")
    for line in lines:
        click.echo(line, err=True)


def _agree(model: HubModel, accepted: str | None, *, yes: bool) -> None:
    """Ask, unless told; a restricted licence is accepted by its name only.

    Raises:
        BundleError: Not agreed.
    """
    if model.restricted and accepted != model.license:
        raise BundleError(
            f"{model.name} comes under {model.license} ({model.restricted}); if that fits your use, run "
            f"again with --accept-license {model.license}",
            reason="license_not_accepted",
        )
    if not yes and not click.confirm("Pull it under this licence?", err=True):
        raise BundleError("nothing was pulled", reason="license_not_accepted")


def _check_output(output: Path | None) -> None:
    if output is not None and output.exists():
        raise BundleError(f"{output} is there already; name a new folder", reason="bundle_exists")


def _list(known: tuple[HubModel, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "name": model.name,
                    "family": model.family,
                    "repository": model.repository,
                    "license": model.license,
                    "restricted": model.restricted,
                    "languages": model.languages,
                    "dim": model.dim,
                }
                for model in known
            ]
        )
        return
    rows = [
        [
            model.name,
            model.family,
            model.dim,
            ", ".join(model.languages),
            model.repository or "-",
            model.license,
        ]
        for model in known
    ]
    print_table("Models to pull", ["name", "family", "dim", "languages", "repository", "licence"], rows)
