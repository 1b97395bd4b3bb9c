"""Results of one volume with a checkpoint and parameters: prediction, instances, scores, pictures.

Test and validation share them.
"""
