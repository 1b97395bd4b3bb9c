"""How an experiment came about: ``provenance.json`` in its folder, to which every command appends."""

from auxcpvloss.experiment.provenance.document import Document
from auxcpvloss.experiment.provenance.recorder import NAME, Recorder

__all__ = ["NAME", "Document", "Recorder"]
