"""The interface to the machine: files, processes, signals, memory, GPUs, the terminal."""
