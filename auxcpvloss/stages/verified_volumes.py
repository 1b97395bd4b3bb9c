"""Volumes looked at before any of them is prepared, and what people are told about them."""

from __future__ import annotations

from collections.abc import Sequence

from auxcpvloss.data.decoded_files import Contents
from auxcpvloss.data.verify import Finding, verify
from auxcpvloss.experiment.configured import TEST
from auxcpvloss.experiment.results import Result
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.stages.run import Run
from auxcpvloss.system.errors import InputError

HEADINGS = ("split", "name", "shape z y x", "type", "voxel size", "nuclei")


def contents_of(run: Run) -> Contents:
    """Give the content of volumes, kept from when they are verified until they are stored."""
    return run.remember("contents", lambda: Contents(run.experiment.config.data))


def verify_all(run: Run, todo: Sequence[Result]) -> tuple[list[Result], dict[Volume, str]]:
    """Refuse bad volumes; gives all but the bad test volumes, which are left out, and the checksums of their images."""
    findings, good, images = [], [], {}
    with run.terminal.progress("verifying", len(todo)) as bar:
        for number, result in enumerate(todo):
            bar.update(number, result.name)
            split, source, _ = result.subject
            try:
                finding, images[Volume(split, source.name)] = _look(run, result)
            except InputError as error:
                if split != TEST:
                    raise
                run.leave_out(result.name, error)
            else:
                findings.append(finding)
                good.append(result)
    _tell(run, findings)
    return good, images


def _look(run: Run, result: Result) -> tuple[Finding, str]:
    """Verify a volume; gives the checksum of its image, too. Its content is not held beside the next, if not kept."""
    config, (split, source, _) = run.experiment.config, result.subject
    content = contents_of(run).first(source)
    found = verify(source, split, config.data, config.preprocessing, config.model.ndim, content)
    return found, content.image_checksum


def _tell(run: Run, findings: Sequence[Finding]) -> None:
    is_partly = any(f.annotated < 1 for f in findings)
    rows = [
        (f.split, f.name, " x ".join(map(str, f.shape)), str(f.dtype), " ".join(f"{v:g}" for v in f.voxel_size),
         "-" if f.nuclei is None else f"{f.nuclei} points" if f.is_sparse else f.nuclei,
         *([f"{f.annotated:.1%}"] if is_partly else []))
        for f in findings
    ]  # fmt: skip
    if rows:
        run.terminal.table("Volumes", (*HEADINGS, *(["annotated"] if is_partly else [])), rows)
    for finding in findings:
        for warning in finding.warnings:
            run.terminal.warn(f"{finding.name}: {warning}")
