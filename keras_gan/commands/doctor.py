"""The command that says whether this installation trains."""

import json
import logging

import click

from keras_gan.commands.options import start_tensorflow

_MARKS = {True: "ok", False: "FAIL", None: "info"}


@click.command(short_help="Say whether this installation trains.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def doctor(ctx, as_json):
    """Trains small networks for a few steps and says whether all goes as it must, in seconds.

    \b
    python cli.py doctor

    Versions, the arithmetic that has failed elsewhere, each network in its own step and only
    there, both engines against each other; then what is at hand. Exit code 1 when a check fails.
    """
    start_tensorflow()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of traces, which are meant here
    from keras_gan import doctor

    found = []
    for finding in doctor.run_checks():
        found.append(finding)
        if not as_json:
            click.echo(f"{_MARKS[finding.ok]:4} {finding.name}: {finding.sentence}")
    failed = [finding.name for finding in found if finding.ok is False]
    if as_json:
        report = {"trains": not failed, "findings": [finding._asdict() for finding in found]}
        click.echo(json.dumps(report, indent=2))
    else:
        click.echo(f"Failed: {', '.join(failed)}." if failed else "This installation trains.")
    ctx.exit(1 if failed else 0)


COMMANDS = (doctor,)
