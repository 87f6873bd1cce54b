"""The commands that compare, and those that exchange weights with PyTorch."""

import json
import shlex
from pathlib import Path

import click

from keras_gan.commands.options import SEED, Seeds, Sides, get_checkpoint_file, start_tensorflow, warn
from keras_gan.config import GanConfig, TrainConfig, get_preset
from keras_gan.training import interrupt

_MODES = ("float64", "resync", "free")
_FORMATS = ("keras", "savedmodel", "onnx", "torch")


@click.command(short_help="Compare Keras with PyTorch step by step.")
@click.option("--preset", default="keras", show_default=True, help="Published GAN; see `presets`.")
@click.option("--steps", default=100, show_default=True, type=click.IntRange(1), help="To follow both.")
@click.option("--mode", "modes", multiple=True, type=click.Choice(_MODES), help="Default: float64, resync.")
@click.option("--batch-size", type=click.IntRange(1), help="Default: the preset's.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="As in `train`.")
@click.option("--loss-tolerance", type=float, help="Default: 1e-10 in float64, 1e-5 in resync.")
@click.option("--weight-tolerance", type=float, help="Default: 1e-7 in float64.")
@click.option("--dataset", default="auto", show_default=True, help="Data set, see `datasets`, or auto.")
@click.option("--data", metavar="PATH", help="mnist.npz, idx(.gz), .npz, .npy or a folder of pictures.")
@click.option("--offline", is_flag=True, help="Download nothing.")
@click.option("--outdir", metavar="DIR", help="Folder of chart and samples. Default: parity-PRESET.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def parity(preset, steps, modes, batch_size, seed, dataset, data, offline, outdir, as_json, **tolerances):
    """Trains a preset in Keras and in PyTorch from the same weights, batches and noise.

    \b
    python cli.py parity --preset pytorch-gan --steps 100

    float64 runs freely; resync sets PyTorch back to Keras's state before every step, in float32;
    free runs freely in float32. Exit code 1 when a tolerance is exceeded.
    """
    chosen = get_preset(preset)
    from keras_gan.data import datasets
    from keras_gan.figures.curves import save_differences
    from keras_gan.figures.grid import save_side_by_side
    from keras_gan.pytorch import parity

    pictures = datasets.load_dataset(dataset, data, offline=offline, warn=warn).images
    start_tensorflow("cpu")

    size = batch_size or chosen.batch_size
    traces = [parity.trace(chosen.name, mode, pictures, size, steps, seed) for mode in modes or _MODES[:2]]
    folder = Path(outdir or f"parity-{chosen.name}")
    folder.mkdir(parents=True, exist_ok=True)
    save_differences(folder / "differences.png", traces)
    save_side_by_side(folder / "samples.png", *traces[-1].samples)
    click.echo(_json(chosen, steps, traces) if as_json else _table(chosen, steps, traces, folder))
    exceeded = [line for trace in traces for line in trace.exceeded(**tolerances)]
    if exceeded:
        raise click.ClickException("; ".join(exceeded))


def _json(preset, steps, traces):
    modes = {
        t.mode: {
            "max_abs_diff": t.max_abs_diff(),
            "torch_from_itself": float(t.floor.max()),
            "ms_per_step": t.ms_per_step,
        }
        for t in traces
    }
    return json.dumps({"preset": preset.name, "steps": steps, **modes}, indent=2)


def _table(preset, steps, traces, folder):
    rows = [f"{preset.name}, {steps} steps: largest |Keras - PyTorch|, and ms a step of each"]
    names = ("d_loss", "g_loss", "weights", "floor", "Keras", "PyTorch")
    rows.append(" ".join([f"{'mode':8}", *(f"{name:>8}" for name in names)]))
    for trace in traces:
        found = [*trace.max_abs_diff().values(), trace.floor.max()]
        ms = trace.ms_per_step.values()
        numbers = [f"{value:8.1e}" for value in found] + [f"{value:8.1f}" for value in ms]
        rows.append(" ".join([f"{trace.mode:8}", *numbers]))
    rows.append("floor: the losses of PyTorch and of PyTorch with the rows of each batch in another order")
    rows.append(f"In {folder}: differences.png, samples.png (Keras left, PyTorch right).")
    return "\n".join(rows)


@click.command(short_help="Compare runs, or both frameworks over seeds.")
@click.argument("runs", nargs=-1, metavar="[RUN RUN ...]", type=click.Path())
@click.option("--preset", help="Train this published GAN in both frameworks, instead of RUNs.")
@click.option("--epochs", type=click.IntRange(1), help="With --preset. Default: the preset's.")
@click.option("--batch-size", type=click.IntRange(1), help="With --preset. Default: the preset's.")
@click.option("--seeds", type=Seeds(), help="With --preset: 0-2 or 0,1,4-6. Default: 0-2.")
@click.option("--overwrite", is_flag=True, help="With --preset: replace runs that stand in --outdir.")
@click.option("--dataset", help="Real images, see `datasets`. Default: those of the first run.")
@click.option("--data", metavar="PATH", help="mnist.npz, idx(.gz), .npz, .npy or a folder of pictures.")
@click.option("--offline", is_flag=True, help="Download nothing.")
@click.option("--count", default=5000, show_default=True, type=click.IntRange(2), help="To score of each.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="Of the samples.")
@click.option("--outdir", metavar="DIR", help="Of pictures and runs. Default: compare, compare-PRESET.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
@click.pass_context
def compare(ctx, runs, preset, epochs, batch_size, seeds, overwrite, **settings):
    """Compares runs, folders of pictures and .npz files of images; or trains a preset in both frameworks.

    \b
    python cli.py compare images pytorch-samples/ --data mnist.npz
    python cli.py compare --preset pytorch-gan --epochs 5 --seeds 0-2

    Writes samples of the same noise side by side and a chart of the losses, and prints losses,
    accuracies and quality of each. With --preset both start from the same weights and see the same
    batches and noise, in run directories keras-0, torch-0 and so on; mean and spread over the
    seeds follow, and whether the frameworks differ by more than the spread.
    """
    given = {"epochs": epochs, "batch_size": batch_size}
    given = {name: value for name, value in given.items() if value is not None}
    if runs and (preset or given or seeds or overwrite):
        raise click.UsageError("give RUNs or --preset with its options, not both.")
    if preset:
        try:
            _compare_frameworks(get_preset(preset).name, given, seeds or [0, 1, 2], overwrite, **settings)
        except interrupt.Interrupted as stop:
            warn(f"{stop} The runs made so far are kept; --overwrite begins again.")
            ctx.exit(stop.exit_code)
    elif len(runs) < 2:
        raise click.UsageError(f"give two RUNs or more, or --preset. Received: {' '.join(runs) or 'none'}.")
    else:
        _compare_runs(runs, **settings)


def _compare_runs(paths, dataset, data, offline, count, seed, outdir, as_json):
    for path in paths:
        if not Path(path).exists():
            raise FileNotFoundError(f"RUN must be a run directory or images. Received: no {path}.")
    start_tensorflow("cpu")
    from keras_gan.evaluation import compare
    from keras_gan.evaluation.inputs import load_real_images, match_shape, open_inputs

    found = open_inputs(paths, warn)
    train, test = load_real_images(found, dataset, data, offline, warn)
    found = match_shape(found, train.image_shape)
    judge = compare.build_scorer(train, test, warn)
    rows = compare.compute_rows(found, judge, seed, count)
    written = compare.save_pictures(Path(outdir or "compare"), found, seed)
    if as_json:
        click.echo(json.dumps(compare.describe_spec(train, judge, seed) | {"rows": rows}, indent=2))
    else:
        click.echo(f"{compare.format_table(rows, judge)}\n{written}")


def _compare_frameworks(preset, given, seeds, overwrite, outdir, dataset, data, as_json, **settings):
    offline, count, seed = (settings[name] for name in ("offline", "count", "seed"))
    config = TrainConfig(GanConfig(preset), dataset, data, device="cpu", **given).resolved()
    folder = Path(outdir or f"compare-{preset}")
    start_tensorflow("cpu")
    from keras_gan.evaluation import compare
    from keras_gan.evaluation.inputs import load_parts, open_inputs
    from keras_gan.pytorch.seeds import format_summary, plan_run_dirs, summarise, train_all, verdicts

    folders = plan_run_dirs(folder, seeds, overwrite)
    train, test = load_parts(config.dataset, config.data, None, offline=offline, warn=warn)
    judge = compare.build_scorer(train, test, warn)
    ms = train_all(config, train, folders, overwrite, quiet=as_json)
    found = open_inputs(folders.values(), warn)
    rows = compare.compute_rows(found, judge, seed, count)
    rows = [row | {"ms_per_step": t} for row, t in zip(rows, [*ms, None], strict=False)]
    summed = summarise(rows)
    written = compare.save_pictures(folder, found, seed)
    if as_json:
        about = {"preset": preset, "epochs": config.epochs, "seeds": seeds, "frameworks": summed}
        about |= {"verdicts": verdicts(summed), **compare.describe_spec(train, judge, seed)}
        click.echo(json.dumps(about | {"rows": rows}, indent=2))
    else:
        click.echo(f"{compare.format_table(rows, judge)}\n\n{format_summary(summed)}\n{written}")


@click.command(short_help="Write the generator of a run for other programs.")
@click.argument("run", type=click.Path())
@click.option("--format", "kind", type=click.Choice(_FORMATS), required=True, help="Of what is written.")
@click.option("--out", metavar="DIR", help="Folder to write to. Default: RUN.")
def export(run, kind, out):
    """Writes the trained networks of a run for other programs.

    \b
    python cli.py export images --format onnx

    \b
    keras        generator.keras, for keras.models.load_model
    savedmodel   the folder savedmodel, for tf.saved_model.load and TensorFlow Serving
    onnx         generator.onnx, for onnxruntime and others
    torch        generator.pt and discriminator.pt, state_dicts that the published modules load

    The first three take noise float32 (n, latent_dim) and give images float32 (n, h, w, c) in
    [-1, 1], whatever the precision of the run. Each is loaded again and compared on 1,000 images.
    """
    start_tensorflow()
    from keras_gan.export import generator
    from keras_gan.model.gan import GAN
    from keras_gan.pytorch import state_dict

    file = get_checkpoint_file(run)
    gan = GAN.load(file)
    folder = Path(out or file.parent)
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "torch":
        for path in state_dict.export_state_dicts(gan, folder):
            click.echo(str(path))
    else:
        path, apart = generator.export_generator(gan, kind, folder)
        runtime = generator.FORMATS[kind].runtime
        click.echo(f"{path}: 1,000 images in {runtime} differ by {apart:.1e} at most")


@click.command("import", short_help="Read the weights of a PyTorch GAN into a run.")
@click.argument("run", type=click.Path())
@click.option("--preset", required=True, help="The published GAN the weights are of.")
@click.option("--generator", metavar="FILE.pt", required=True, help="state_dict of the generator.")
@click.option("--discriminator", metavar="FILE.pt", help="state_dict of the discriminator.")
@click.option("--image-size", type=Sides(), help="Of images that are not 28x28 and grey: 32 or 64x48.")
def import_(run, preset, generator, discriminator, image_size):
    """Reads state_dicts of the published modules into RUN/checkpoint.npz, to sample from.

    \b
    python cli.py import torch-run --preset pytorch-gan --generator generator.pt

    The length of the noise is the generator's own. Images that are not 28x28 and grey need
    --image-size; whether they are grey or RGB follows from it.
    """
    chosen = get_preset(preset)
    path = Path(run, "checkpoint.npz")
    if path.exists():
        raise ValueError(f"RUN must hold no checkpoint. Received: {path}; name another folder.")
    start_tensorflow()
    from keras_gan.pytorch import state_dict

    gan = state_dict.build_gan_for(chosen, generator, image_size)
    state_dict.import_state_dict(gan, "generator", generator)
    if discriminator:
        state_dict.import_state_dict(gan, "discriminator", discriminator)
    path.parent.mkdir(parents=True, exist_ok=True)
    gan.save(path)
    click.echo(f"{path}: draw from it with `python cli.py sample {shlex.quote(run)}`")


COMMANDS = (compare, parity, export, import_)
