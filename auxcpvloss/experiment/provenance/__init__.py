"""How an experiment came about: ``provenance.json`` in its folder, which every command appends to."""

from auxcpvloss.experiment.provenance.document import Document
from auxcpvloss.experiment.provenance.recorder import NAME, Recorder

__all__ = ["NAME", "Document", "Recorder"]
