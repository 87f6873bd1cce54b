"""`doctor`: says whether this installation trains."""

import json
import logging

import click

from keras_gan import progress
from keras_gan.commands.options import JSON, start_tensorflow

_RESULTS = {True: "ok", False: "FAIL", None: "info"}


@click.command(short_help="Check whether this installation trains.")
@click.option("--json", "as_json", is_flag=True, help=JSON)
@click.pass_context
def doctor(ctx, as_json):
    """Trains small networks for a few steps and checks that everything works, in seconds.

    \b
    python cli.py doctor

    Checks the versions, arithmetic that is known to fail elsewhere, that each network learns in its
    own step and only there, and that both engines agree; then lists what is available. Exit code 1
    when a check fails.
    """
    start_tensorflow()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of retracing, which is intended here
    from keras_gan import doctor

    findings = []
    for finding in doctor.run_checks():  # printed as they come: all take some 13 seconds
        findings.append(finding)
        if not as_json:
            line = f"{_RESULTS[finding.ok]:4} {finding.name}: {finding.sentence}"
            click.echo(progress.fold(line, indent=5))
    failed = [finding.name for finding in findings if finding.ok is False]
    if as_json:
        report = {"trains": not failed, "findings": [finding._asdict() for finding in findings]}
        click.echo(json.dumps(report, indent=2))
    else:
        click.echo(f"Failed: {', '.join(failed)}." if failed else "This installation trains.")
    ctx.exit(1 if failed else 0)


COMMANDS = (doctor,)
