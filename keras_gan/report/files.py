"""What the files in a run directory are, in a few words each."""

from pathlib import Path

from keras_gan.run.info import (
    BEST,
    CHECKPOINT,
    CONFIG,
    GENERATOR,
    HISTORY,
    METRICS,
    PREVIOUS,
    TENSORBOARD,
    Run,
)

_FILES = {
    CONFIG: "every setting, the hash of the images, versions",
    HISTORY: "losses and accuracies, a row for each step",
    METRICS: "scores and evaluations, a row for each number",
    CHECKPOINT: "both networks, both optimizers and the step, to resume from",
    PREVIOUS: "the checkpoint before that",
    BEST: "the checkpoint with the lowest Fréchet distance",
    GENERATOR: "the generator for keras.models.load_model",
    "generator.onnx": "the generator for onnxruntime and others",
    "generator.html": "the generator in a web page",
    "generator.pt": "the generator's weights for PyTorch",
    "discriminator.pt": "the discriminator's weights for PyTorch",
    "curves.png": "the chart that plot draws",
    "samples.png": "samples, one for each seed",
    "interpolation.png": "the images between two noises",
    "nearest.png": "samples beside their nearest training images",
    "real.png": "samples beside real images",
    "training.gif": "the grids, one after the other",
}

_FOLDERS = {
    "savedmodel": "the generator for tf.saved_model.load and TensorFlow Serving",
    TENSORBOARD: "losses, scores and grids for TensorBoard",
}


def list_files(run: Run, grids: dict[int, Path]) -> dict[str, str]:
    """Returns what the files and folders in a run directory are, by name."""
    found = {}
    if grids:
        steps = list(grids)
        found[f"{steps[0]}.png to {steps[-1]}.png"] = f"{len(steps)} grids of the same noise, by step"
    for name, what in _FILES.items():
        if (path := run.folder / name).is_file():
            found[name] = f"{what} ({_size(path.stat().st_size)})"
    for name, what in _FOLDERS.items():
        if (run.folder / name).is_dir():
            found[f"{name}/"] = what
    return found


def _size(n):
    return f"{n / 1e6:.1f} MB" if n >= 1e6 else f"{max(1, round(n / 1000))} kB"
