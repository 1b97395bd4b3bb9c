"""What ``-d`` names: the stages of an experiment. They talk through files only: each can be run alone.

`-d X` is the file or folder X; `order` lists and runs them, `perform` has the loop that makes their results, `status`
says how these are.
"""
