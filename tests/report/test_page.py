import datetime
import html
import json
import re
import shlex
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from keras_gan.config import GanConfig, TrainConfig
from keras_gan.data import datasets
from keras_gan.evaluation import diagnosis
from keras_gan.evaluation.table import METRICS
from keras_gan.figures.grid import save_grid
from keras_gan.presets import PRESETS
from keras_gan.report import html_tables, page
from keras_gan.report.page import GRIDS
from keras_gan.run import history, info, metrics_log, times
from tests.conftest import refused, run

ABOUT = {"epoch": 2, "n": 5000, "n_test": 360, "n_real": 50, "data": "d" * 64, "seed": 0}
ABOUT |= {"features": "classifier", "weights": "e" * 64, "preprocessing": "8x8x1, [-1, 1]"}
HOSTILE = "</style><script>alert('&')</script>\"<img src=x>${body}"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")


class Page(HTMLParser):
    """What a page holds: text, numbers in full, sources, and the names of its elements."""

    def __init__(self, text):
        super().__init__()
        self.text, self.numbers, self.sources, self.names = "", [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.names.add(tag)
        self.numbers += [float(found["value"])] if tag == "data" else []
        self.sources += [found[name] for name in ("src", "href", "srcset", "xlink:href") if name in found]

    def handle_data(self, text):
        self.text += text


def evaluation(step, **others):
    """Returns rows of an evaluation, with numbers of many digits that all differ."""
    values = dict(zip(METRICS, np.linspace(1 / 3, 0.9, len(METRICS)).tolist())) | {"classes": 10}
    return [
        {"step": step, **ABOUT, "metric": m, "value": v, "std": v / 7, "real": v + 1, **others}
        for m, v in values.items()
    ]


def series(*steps):
    about = {name: value for name, value in ABOUT.items() if name != "n_test"}
    return [{"step": s, **about, "metric": "frechet_distance", "value": 100 / s} for s in steps]


@pytest.fixture
def folder(tmp_path, pixels):
    """A run directory of 8 steps, four an epoch, with grids, scores and an evaluation."""
    folder = tmp_path / "a run"
    folder.mkdir()
    config = TrainConfig(GanConfig("aioz"), epochs=2, batch_size=16, data="x.npz").resolved()
    versions = {"python": "3.11.7", "keras": "3.15.1"}
    info.RunInfo.create(config, datasets.Dataset.from_array(pixels), 0, "keras", "CPU", versions).write(
        folder
    )
    history.begin(folder / "history.csv")
    values = np.linspace(0.1, 0.8, 40).reshape(8, 5)
    history.append(folder / "history.csv", history.make_rows(PRESETS["aioz"].rule, 1, 4, values))
    for step in (0, 4, 8):
        save_grid(folder / f"{step}.png", pixels[step : step + 25], 5, 5)
    metrics_log.add(folder / "metrics.jsonl", series(3, 7) + evaluation(8))
    return folder


def text_of(folder):
    page.write(folder)
    return (folder / "report.html").read_text(encoding="utf-8")


def page_of(folder):
    return Page(text_of(folder))


def test_page_tells_what_the_run_was(folder, pixels):
    page = page_of(folder)
    assert "aioz after 8 steps" in page.text and "epoch 2, step 8" in page.text
    for told in (
        "batch_size",
        "3.11.7",
        "CPU",
        datasets.Dataset.from_array(pixels).sha256,
        "x.npz",
        "8x8x1",
        "memory",
    ):
        assert told in page.text, told
    sections = re.findall("<h2 id=.*>(.*)</h2>", text_of(folder))
    assert sections == ["Settings", "Curves", "Samples over time", "Numbers", "Repeat", "Files"]


def test_page_has_landmarks_named_by_their_headings_and_axes_that_say_their_unit(folder):
    text = text_of(folder)
    order = [text.index(tag) for tag in ("<header>", "</header>", "<main>", "</main>", "<footer")]
    assert order == sorted(order) and len(re.findall("<main>|<header>|<footer", text)) == 3
    names = re.findall('<section aria-labelledby="(.*?)">\n<h2 id="(.*?)">', text)
    assert len(names) == text.count("<section") == 6 and all(one == other for one, other in names)
    assert text.count('<p class="axis">epoch</p>') == text.count('class="chart"') == 4


def test_heading_is_not_left_alone_at_the_end_of_a_printed_page(folder):
    [rules] = re.findall(r"@media print \{(.*?)\n\}", text_of(folder), re.DOTALL)
    assert "h1, h2, h3, figcaption { break-after: avoid; }" in rules


def test_date_and_duration_are_told_once_they_are_known(folder):
    assert "Began on" not in page_of(folder).text
    with open(folder / ".lock", "w+b", buffering=0) as file:
        times.Stopwatch(file, times.Times(datetime.datetime(2026, 1, 2, 3, 4), 3700.0)).write()
    assert "Began on 2026-01-02 at 03:04, trained for 1 h 01 min." in page_of(folder).text


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"started": 1e400, "seconds": 1}', b"[" * 999, b"x" * 2000]
)
def test_lock_that_tells_no_times_is_passed_over(folder, content):
    (folder / ".lock").write_bytes(content)
    assert "Began on" not in page_of(folder).text


def test_every_number_and_protocol_of_the_scores_is_on_the_page(folder):
    page = page_of(folder)
    for row in metrics_log.read(folder / "metrics.jsonl"):
        for name in ("value", "std", "real"):
            assert row.get(name) is None or row[name] in page.numbers, row
        for name in ("features", "weights", "preprocessing", "n", "n_real", "data", "step"):
            assert str(row[name]) in page.text, name
    assert len(page.numbers) == 2 + 3 * len(METRICS)


def test_diagnosis_is_that_of_the_newest_evaluation(folder):
    metrics_log.add(folder / "metrics.jsonl", evaluation(4, features="older"))
    rows = evaluation(8, seed=1)
    rows[0]["value"] = 77.0
    metrics_log.add(folder / "metrics.jsonl", rows)
    assert diagnosis.diagnose(rows) in page_of(folder).text and "Evaluation at step 4" in page_of(folder).text


def test_evaluation_with_missing_rows_has_no_diagnosis_and_is_shown(folder):
    metrics_log.add(folder / "metrics.jsonl", [evaluation(9)[1], evaluation(9)[0] | {"metric": "new <b>"}])
    page = page_of(folder)
    assert "rows that a diagnosis needs are missing" in page.text and "new <b>" in page.text


def test_page_needs_no_other_file(folder):
    page = page_of(folder)
    assert len(page.sources) == 4 and all(s.startswith("data:image/png;base64,") for s in page.sources)
    assert not page.names & {"script", "link", "iframe", "object", "base", "form", "video"}
    assert not re.search(r"url\(|@import", re.sub('data:[^"]*', "", text_of(folder)))


def test_text_of_files_is_escaped_wherever_it_is_from(folder):
    hostile = folder.with_name(HOSTILE.replace("/", "_"))
    folder.rename(hostile)
    content = json.loads((hostile / "config.json").read_text())
    content["config"] |= {"data": HOSTILE, "features": HOSTILE}
    content["data"] |= {"name": HOSTILE, "source": HOSTILE, "sha256": HOSTILE}
    content |= {"device": HOSTILE, "framework": HOSTILE, "versions": {HOSTILE: HOSTILE}}
    (hostile / "config.json").write_text(json.dumps(content))
    protocol = {name: HOSTILE for name in ("features", "weights", "n", "n_test", "epoch", "seed", HOSTILE)}
    rows = [row | protocol for row in evaluation(8) + series(3, 7)]
    metrics_log.add(hostile / "metrics.jsonl", [*rows, rows[0] | {"metric": HOSTILE}])
    page = page_of(hostile)
    assert not page.names & {"script"} and len(page.sources) == 4 and page.text.count(HOSTILE) > 15
    assert text_of(hostile).count("</style>") == 1


def test_text_that_is_no_unicode_is_written(folder):
    metrics_log.add(folder / "metrics.jsonl", [])
    with open(folder / "metrics.jsonl", "a") as file:
        file.write(json.dumps(series(5)[0] | {"features": "\ud800"}) + "\n")
    assert "&#55296;" in text_of(folder)


def test_gallery_is_of_twelve_grids_at_most_with_first_and_last(folder):
    values = np.zeros((1992, 5))
    history.append(folder / "history.csv", history.make_rows(PRESETS["aioz"].rule, 9, 4, values))
    for step in range(100, 2200, 100):  # 2100.png is somebody else's
        shutil.copy(folder / "8.png", folder / f"{step}.png")
    page = page_of(folder)
    assert len(page.sources) == 1 + GRIDS and "12 of 23 grids" in page.text
    assert "epoch 0, step 0" in page.text and "epoch 500, step 2000" in page.text


def test_long_run_makes_a_page_of_no_more_than_some_kilobytes(folder):
    rows = history.make_rows(PRESETS["aioz"].rule, 9, 4, np.random.default_rng(0).random((30000, 5)))
    history.append(folder / "history.csv", rows)
    text = text_of(folder)
    assert len(re.sub('data:[^"]*', "", text)) < 100_000 and "of each 250th of the run" in text


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ("config.json", "No config.json: settings, data and versions are not known."),
        ("history.csv", "No history.csv with rows: losses are not known."),
        ("metrics.jsonl", "No metrics.jsonl: python -m keras_gan evaluate {} measures the samples."),
        ("[0-9].png", "No sample grids such as 0.png."),
    ],
)
def test_what_is_missing_is_said(folder, gone, told):
    for path in folder.glob(gone):
        path.unlink()
    assert told.format(shlex.quote(str(folder))) in page_of(folder).text


def test_run_that_holds_nothing_but_a_checkpoint_has_a_page(tmp_path):
    (tmp_path / "checkpoint.npz").write_bytes(b"")
    line = page.write(tmp_path)
    assert line.startswith(f"{tmp_path / 'report.html'}: run, 0 of 0 grids, 0 scores, ")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"{"),
        ("history.csv", b"\xff,1"),
        ("history.csv", b"step"),
        ("metrics.jsonl", b"{}"),
        ("4.png", b"GIF89a"),
    ],
)
def test_damaged_file_is_refused_in_one_line(folder, name, content):
    (folder / name).write_bytes(content)
    refused("report", folder)
    assert not (folder / "report.html").exists()


def test_folder_without_a_run_is_refused(tmp_path):
    assert "RUN must be a run directory, with config.json" in refused("report", tmp_path)
    assert "Received: nothing, which has none" in refused("report", "nothing")


def test_command_writes_the_page_where_it_is_told(folder, tmp_path):
    result = run("report", folder, "--out", tmp_path / "x.html")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{tmp_path / 'x.html'}: aioz after 8 steps, 3 of 3 grids, 22 scores, ")
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert page.replace("python cli.py", "python -m keras_gan") == text_of(folder)


def test_unfinished_run_says_how_far_it_is(folder):
    content = json.loads((folder / "config.json").read_text())
    content["config"]["epochs"] = 500
    (folder / "config.json").write_text(json.dumps(content))
    assert "aioz after 8 of 2,000 steps" in page_of(folder).text


# in a browser


PROBE = """<iframe style="width: 360px; height: 800px; border: 0" srcdoc="%s"></iframe>
<script>
onload = () => {
  const page = document.querySelector("iframe").contentDocument, root = page.documentElement;
  const inner = page.defaultView.getComputedStyle(page.body);
  document.body.dataset.found = JSON.stringify({
    beyond: root.scrollWidth - root.clientWidth, background: inner.backgroundColor,
    broken: [...page.images].filter((image) => !image.naturalWidth).length,
    curves: [...page.querySelectorAll("svg .line")].map((path) => path.getBoundingClientRect().width),
    loaded: page.defaultView.performance.getEntriesByType("resource").map((entry) => entry.name.slice(0, 5)),
  });
};
</script>"""


def seen_by(browser, page, tmp_path, scheme):
    """Returns what a browser says of a page in a window of 360 pixels; scheme 0 is dark, 1 light."""
    (tmp_path / "probe.html").write_text(PROBE % html.escape(page), encoding="utf-8")
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
    words += [f"--user-data-dir={tmp_path / 'profile'}", f"--blink-settings=preferredColorScheme={scheme}"]
    words += ["--dump-dom", (tmp_path / "probe.html").as_uri()]
    result = subprocess.run(words, capture_output=True, encoding="utf-8", timeout=60)
    [found] = re.findall('data-found="([^"]*)"', result.stdout) or pytest.fail(result.stderr)
    return json.loads(html.unescape(found))


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "background"), [(1, "rgb(255, 255, 255)"), (0, "rgb(20, 21, 23)")])
def test_page_fits_a_telephone_in_light_and_dark(folder, tmp_path, scheme, background):
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser that runs without a screen: none of {', '.join(BROWSERS)} is installed")
    found = seen_by(browser, text_of(folder), tmp_path, scheme)
    assert found["beyond"] == 0 and found["background"] == background
    assert found["broken"] == 0 and set(found["loaded"]) <= {"data:"}
    assert len(found["curves"]) == 4 and min(found["curves"]) > 100


def test_kind_of_cpu_of_a_classifier_is_named_in_words():
    spec = html_tables._format_spec([{"features": "classifier", "cpu": "x86_64 AVX-512"}])
    assert "kind of CPU that trained the network" in spec and ">x86_64 AVX-512<" in spec
