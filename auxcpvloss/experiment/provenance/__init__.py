"""How an experiment came about: ``provenance.json`` in its folder, to which every command appends."""
