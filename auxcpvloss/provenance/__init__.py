"""How an experiment came about: ``provenance.json`` in its folder, which every command appends to."""

from auxcpvloss.provenance.document import Document
from auxcpvloss.provenance.recorder import NAME, Recorder

__all__ = ["NAME", "Document", "Recorder"]
