"""What scripts/gpu_check.py measures, each in a process of its own."""
