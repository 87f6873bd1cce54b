import json

import numpy as np
import pytest

from keras_gan.training import verify
from tests.conftest import forbidden, refused, run

TRAIN = "train --preset aioz --epochs 2 --batch-size 20 --latent-dim 5 --data images.npz --outdir run --quiet"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folder of a run of six steps, and of its images."""
    folder = tmp_path_factory.mktemp("verify")
    images = np.random.default_rng(0).integers(0, 256, (60, 4, 4), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        np.savez("images.npz", images=images)
        assert run(*TRAIN.split()).exit_code == 0
    return folder


@pytest.fixture(autouse=True)
def there(trained, monkeypatch):
    monkeypatch.chdir(trained)


def change(trained, file, old, new):
    path = trained / "run" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return lambda: path.write_text(text)


@pytest.mark.slow
def test_run_is_repeated_bit_for_bit_and_left_as_it_is(trained):
    before = {path.name: path.read_bytes() for path in (trained / "run").iterdir()}
    result = run("verify", "run")
    assert (result.exit_code, result.stdout) == (0, "run: 6 steps are equal bit for bit.\n")
    assert {path.name: path.read_bytes() for path in (trained / "run").iterdir()} == before


@pytest.mark.slow
def test_run_whose_rate_was_edited_differs_from_the_first_step_on(trained):
    restore = change(trained, "config.json", '"lr": 0.0002', '"lr": 0.0003')
    result = run("verify", "run", "--json")
    restore()
    found = json.loads(result.stdout)["difference"]
    assert (result.exit_code, found["step"], found["column"]) == (1, 1, "g_loss")


def test_history_with_another_number_is_told_by_step_and_column(trained):
    row = (trained / "run/history.csv").read_text().splitlines()[4].split(",")
    restore = change(trained, "history.csv", row[7], "0.5")
    result = run("verify", "run", "--steps", 5)
    restore()
    assert result.exit_code == 1
    expected = f"run: step 4, g_loss: {row[7]} now, 0.5 in the run; same versions and processor.\n"
    assert result.stdout == expected


def test_run_that_cannot_be_repeated_is_refused(trained):
    restore = change(trained, "config.json", '"framework": "keras"', '"framework": "torch"')
    assert "must be one that Keras trained" in refused("verify", "run")
    restore()
    restore = change(trained, "config.json", '"first_step": 0', '"first_step": 3')
    assert "must begin at step 0" in refused("verify", "run")
    restore()
    restore = change(trained, "config.json", '"strategy": "none"', '"strategy": "mirrored"')
    assert "must be one that one device trained, " in refused("verify", "run")
    restore()
    assert "Expected a run in nowhere" in refused("verify", "nowhere")


def test_number_that_is_none_is_null_in_json(monkeypatch):
    found = verify.Difference(1, "g_loss", 0.5, float("nan"))
    monkeypatch.setattr(verify, "repeat_steps", lambda *args: [])
    monkeypatch.setattr(verify, "find_difference", lambda *args: found)
    result = run("verify", "run", "--json")
    difference = json.loads(result.stdout, parse_constant=forbidden)["difference"]
    assert result.exit_code == 1 and difference == found._asdict() | {"repeated": None}
