"""What ``-d`` names: the stages of an experiment. They talk through files only: each can be run alone.

`-d X` is the file or folder X; `order` lists them, `stage` has the loop that runs them, `status` says how their results
are.
"""
