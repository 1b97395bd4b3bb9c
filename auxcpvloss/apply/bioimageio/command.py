"""The command ``auxcpvloss export-model``."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from auxcpvloss.apply.bioimageio.naming import check_name, name_of_model
from auxcpvloss.apply.bioimageio.package import About, need_libraries, sample_of, write_files, write_package
from auxcpvloss.apply.command import checkpoint_named, folder_named
from auxcpvloss.apply.loading import load
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import replacing
from auxcpvloss.system.terminal import Parser, Terminal

NAME = "export-model"

DESCRIPTION = """\
Write a trained network as a package for bioimage.io: description, weights as Keras and ONNX, test input and output,
cover and README with the scores. The validator of bioimage.io tests it. Needs pip install 'auxcpvloss[bioimageio]'.
docs/bioimageio.md"""


def parser() -> argparse.ArgumentParser:
    """Give the parser of the arguments after ``export-model``."""
    result = Parser(prog=f"auxcpvloss {NAME}", description=DESCRIPTION)
    add = result.add_argument
    add("model", metavar="EXPERIMENT", help="trained experiment: its folder, or its name in the folder of --root")
    add("-o", "--out", type=Path, required=True, metavar="FILE.zip", help="file to write")
    add("-r", "--root", type=Path, default=Path("experiments"), help="folder of experiments (default: experiments)")
    which = "checkpoint: best (selected by validation; default), last, or a number of iterations"
    add("--checkpoint", default="best", metavar="N", type=checkpoint_named, help=which)
    author = "name; affiliation; ORCID (the last two may be omitted); once for each author"
    add("--author", action="append", required=True, metavar="AUTHOR", dest="authors", help=author)
    add("--license", required=True, help="identifier of the license (SPDX), such as MIT or CC-BY-4.0")
    cite = "text; DOI or URL: what to cite besides the paper of the method; can be repeated"
    add("--cite", action="append", default=[], metavar="ENTRY", help=cite)
    add("--name", help="name of the model (default: that of the experiment, or like it)")
    add("--description", help="one or two sentences: what it finds, in what images")
    add("--model-version", default="0.1.0", metavar="VERSION", help="version of the model (0.1.0)")
    add(
        "--volume",
        default="",
        metavar="NAME",
        help="volume that the test input is cut from (default: the first of test)",
    )
    add("--overwrite", action="store_true", help="replace the file if it exists")
    return result


def export_model(args: argparse.Namespace, terminal: Terminal) -> None:
    """Write and test the package of the model that the arguments name.

    Raises
    ------
    InputError
        Of the model or the arguments; nothing is written.
    """
    terminal.stage = NAME
    out = args.out.expanduser().resolve()
    if out.suffix != ".zip":
        raise InputError(f"-o {args.out}: expected a file .zip.")
    if out.exists() and not args.overwrite:
        raise InputError(f"{out}: exists already; --overwrite replaces it.")
    if args.name:
        check_name(args.name)
    need_libraries()
    with warnings.catch_warnings(record=True, action="always") as remarks:
        model = load(folder_named(args.model, args.root), args.checkpoint)
    for remark in remarks:
        terminal.warn(str(remark.message))
    if model.experiment.is_ensemble:
        raise InputError(f"{model.experiment.folder}: averages several networks; export one of them.")
    if (scheme := model.experiment.config.scheme).denoises:
        raise InputError(
            f"{model.experiment.folder}: its network sees images that another network has denoised (scheme.name = "
            f"{scheme.name!r}), and a package holds one network. Export an experiment with another scheme."
        )
    if (backend := model.experiment.config.general.backend) != "tensorflow":
        raise InputError(f"general.backend = {backend!r}: export-model needs an experiment with 'tensorflow'.")
    name = args.name or name_of_model(model.experiment.folder.name)
    usual = f"Finds nuclei in 3D microscopy volumes: a U-Net trained with auxcpvloss ({model.experiment.method.name})."
    about = About(
        name=name,
        description=args.description or usual,
        authors=[_fields(each, ("name", "affiliation", "orcid")) for each in args.authors],
        license=args.license,
        cite=[_reference(each) for each in args.cite],
        version=args.model_version,
    )
    terminal.say(f"{model.experiment.folder}: {model.experiment.method.name}, checkpoint {model.checkpoint}")
    with TemporaryDirectory() as place, warnings.catch_warnings():
        # The validator's remarks are told below.
        warnings.simplefilter("ignore")
        described = write_files(model, sample_of(model, args.volume), about, Path(place))
        out.parent.mkdir(parents=True, exist_ok=True)
        with replacing(out) as beside:
            told = write_package(described, Path(place), beside)
    for warning in told:
        terminal.warn(warning)
    terminal.say(f"{out}: bioimageio.core has tested it with both weights (Keras, ONNX)")


def _fields(text: str, names: tuple[str, ...]) -> dict[str, str]:
    values = [value.strip() for value in text.split(";")]
    if len(values) > len(names) or not values[0]:
        raise InputError(f"--author {text!r}: expected {'; '.join(names)}, separated by semicolons.")
    return {name: value for name, value in zip(names, values, strict=False) if value}


def _reference(text: str) -> dict[str, str]:
    words, _, place = (part.strip() for part in text.rpartition(";"))
    if not words or not place:
        raise InputError(f"--cite {text!r}: expected text; DOI or URL, separated by a semicolon.")
    return {"text": words, "url" if place.startswith("http") else "doi": place}
