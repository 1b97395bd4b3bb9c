"""Batches for training and scanning of volumes, with gunpowder."""
