"""Find the checkpoint and the post-processing parameters that do best on the validation volumes."""
