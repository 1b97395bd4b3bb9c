"""Limits on what files of strangers may do."""
