"""The U-Net: shapes, tiling, losses, and the network itself."""
