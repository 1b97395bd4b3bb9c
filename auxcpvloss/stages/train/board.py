"""Event files for TensorBoard, in the format that ``tf.summary`` writes, without TensorFlow."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING
from tensorboard.summary.writer.record_writer import RecordWriter


class Board:
    """An event file in a folder, a new one for each process that trains."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads files in the order of their names.
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}.0.v2"
        self._file = (folder / name).open("ab")
        self._records = RecordWriter(self._file)
        self._write(Event(file_version="brain.Event:2"))

    def scalar(self, name: str, value: float, iteration: int) -> None:
        """Add a number."""
        self._add(name, "scalars", iteration, dtype=DT_FLOAT, float_val=[value], tensor_shape=TensorShapeProto())

    def image(self, name: str, image: NDArray[np.uint8], iteration: int) -> None:
        """Add a (Y, X) image."""
        png = imagecodecs.png_encode(np.ascontiguousarray(image))
        content = [str(image.shape[1]).encode(), str(image.shape[0]).encode(), png]
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(content))])
        self._add(name, "images", iteration, dtype=DT_STRING, string_val=content, tensor_shape=shape)

    def flush(self) -> None:
        """Hand on to the system what was added."""
        self._file.flush()

    def close(self) -> None:
        """Write what is left."""
        self._file.close()

    def _add(self, name: str, plugin: str, iteration: int, **tensor: Any) -> None:
        summary = Summary()
        value = summary.value.add(tag=name)
        value.tensor.MergeFrom(type(value.tensor)(**tensor))
        value.metadata.plugin_data.plugin_name = plugin
        self._write(Event(step=iteration, summary=summary))

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        self._records.write(event.SerializeToString())
