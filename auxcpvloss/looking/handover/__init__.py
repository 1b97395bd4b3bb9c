"""Results in the formats of other programs: Fiji, napari, Neuroglancer, spreadsheets."""
