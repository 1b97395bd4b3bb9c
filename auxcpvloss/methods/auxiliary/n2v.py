"""The auxiliary task ``n2v``: the image at blind spots (joint denoising and segmentation).

Source: Buchholz, Prakash, Schmidt, Krull & Jug, DenoiSeg, ECCV workshops 2020. Its loss is alpha x denoising
+ (1 - alpha) x segmentation: ``loss_n2v_coeff`` = alpha, and the coefficients of the other heads x (1 - alpha).
"""

from __future__ import annotations

from auxcpvloss.methods.auxiliary.task import Auxiliary
from auxcpvloss.methods.blind_spots import IMAGE, KEYS, BlindSpots
from auxcpvloss.methods.method import Head

N2V = Auxiliary(
    Head("n2v", channels=1, target=IMAGE, loss="squared_difference", from_points=True, at_blind_spots=True),
    corrupt=BlindSpots.by,
    keys=KEYS,
)
