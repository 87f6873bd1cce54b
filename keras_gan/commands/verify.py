"""`verify`: repeats the first steps of a run."""

import json
import math

import click

from keras_gan.commands.option_types import Integer, UserPath
from keras_gan.commands.options import JSON, OFFLINE, gan_option, image_options, start_tensorflow, warn


@click.command(short_help="Repeat the first steps of a run and compare them bit for bit.")
@gan_option
@click.argument("run", type=UserPath())
@click.option("--steps", type=Integer(), default=50, show_default=True, help="Training steps to repeat.")
@click.option("--data", type=UserPath(), help="Where the run's images are, if they have moved.")
@image_options
@click.option("--offline", is_flag=True, help=OFFLINE)
@click.option("--json", "as_json", is_flag=True, help=JSON)
@click.pass_context
def verify(ctx, run, steps, data, fit, background, offline, as_json):
    """Trains the first steps of RUN again, from its config.json, and compares them with its history.csv.

    \b
    python cli.py verify images
    python cli.py verify images --steps 500

    Prints "equal bit for bit", or the first step and column that differ and what has changed since:
    versions, processor, cores. Nothing is written. Exit code 1 when something differs.
    """
    from keras_gan.run.info import read, read_info

    info = read_info(run)
    given = {"data": data, "fit": fit, "background": background}
    config = info.config.resumed({name: value for name, value in given.items() if value is not None})
    dataset = info.load_dataset(config, offline=offline, warn=warn)
    recorded = read(run).read_history()
    if recorded is None or not len(recorded["step"]):
        raise ValueError(f"RUN must hold a history.csv with rows. Received: {run}, which holds none.")
    start_tensorflow(config.device, config.gan.precision)
    from keras_gan.model.gan import GAN
    from keras_gan.training import verify
    from keras_gan.training.start import get_versions

    steps = min(steps, len(recorded["step"]))
    difference = verify.find_difference(
        recorded, verify.repeat_steps(info, dataset.images, steps, ctx.meta.get("gan_class", GAN))
    )
    changes = info.list_changes(get_versions(info.framework))
    if as_json:
        found = difference._asdict() if difference else None
        for name in ("recorded", "repeated") if found else ():
            found[name] = found[name] if math.isfinite(found[name]) else None  # JSON has no nan
        click.echo(json.dumps({"steps": steps, "difference": found, "changes": changes}, indent=2))
    elif difference is None:
        click.echo(f"{run}: {steps} steps are equal bit for bit.")
    else:
        step, column, was, now = difference
        since = f"changed since: {', '.join(changes)}" if changes else "same versions and processor"
        click.echo(f"{run}: step {step}, {column}: {now:.9g} now, {was:.9g} in the run; {since}.")
    if difference:
        ctx.exit(1)


COMMANDS = (verify,)
