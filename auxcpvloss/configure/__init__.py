"""The command ``configure``: look at volumes, and write the configuration of a training on them.

`measure` reads volumes, `facts` sums up what was found, the files of `rules` decide keys, each by a pure function, with
the numbers of `recipe`, and `write` makes a file of them.
"""
