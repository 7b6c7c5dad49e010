"""Pictures one after another, as GIF and as MP4: the same pictures give the same bytes."""

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

SECONDS = 1.5  # that each picture is shown
RATE = 10  # pictures a second in the film
COLOURS = 128


def gif(pictures: Sequence[bytes]) -> bytes:
    """PNGs as an animation that repeats itself."""
    frames = [_frame(png).quantize(COLOURS) for png in pictures]
    out = io.BytesIO()
    frames[0].save(
        out, format="GIF", save_all=True, append_images=frames[1:], loop=0,
        duration=int(1000 * SECONDS),
    )  # fmt: skip
    return out.getvalue()


def mp4(pictures: Sequence[bytes], path: str | Path) -> None:
    """PNGs as a film (H.264), which every player and slide show knows."""
    frames = [np.asarray(_frame(png)) for png in pictures]
    height, width = (side - side % 2 for side in frames[0].shape[:2])  # it asks for even sides
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=RATE, options={"crf": "20", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, RATE)
        for picture in frames:
            for _ in range(int(SECONDS * RATE)):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]))
                file.mux(stream.encode(frame))
        file.mux(stream.encode())


def _frame(png) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")
