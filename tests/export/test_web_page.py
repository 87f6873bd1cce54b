"""The page of a generator in headless Chromium: what it draws, and how it is used."""

import numpy as np
import pytest

from keras_gan.export import generator, web
from keras_gan.figures.montage import interpolate_spherical
from keras_gan.rng import Stream, draw_seeds_noise, make_rng
from tests.export.conftest import lived_in

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Path of the page of the default preset's full size."""
    gan = lived_in("keras")
    path, _ = generator.export_generator(gan, "html", tmp_path_factory.mktemp("page"))
    assert path.stat().st_size < 6e6
    return path


@pytest.fixture
def browser(chromium, page):
    """The browser with the page open and drawn, 1280 pixels wide."""
    chromium.open(page)
    chromium.run("ready")
    return chromium


def draw_noises(browser, seeds):
    """Returns the page's noise of some seeds, float32 (n, latent_dim)."""
    words = ",".join(f"{seed}n" for seed in seeds)
    return np.float32(browser.run(f"drawNoises([{words}]).then((noises) => noises.map((z) => [...z]))"))


LEVELS = "[...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 == 0)"


def levels(browser, canvases):
    """Returns the grey levels of the canvases that a selector finds, float64 (n, h * w)."""
    return np.float64(browser.run(f"[...document.querySelectorAll('{canvases}')].map((c) => {LEVELS})"))


def assert_same_images(received, gan, z):
    """Asserts that grey levels (n, h * w) are the generator's, a level up or down."""
    expected = gan.sample(z).reshape(len(z), -1).astype(np.float64)
    assert expected.std() > 20 and np.abs(received - expected).max() <= 1
    assert np.mean(received == expected) > 0.99  # a level apart where a value is near the middle of two


def test_noise_of_a_seed_is_numpy_s_bit_for_bit(browser):
    seeds = [*range(64), 2**32, 2**63 - 1]
    ours, expected = draw_noises(browser, seeds), draw_seeds_noise(seeds, 100)
    tail = np.abs(expected) > 3.654  # whose last bit is the C library's: its log1pf is not rounded exactly
    np.testing.assert_array_equal(ours[~tail], expected[~tail])
    np.testing.assert_array_max_ulp(ours, expected, maxulp=2)


def test_rare_branches_of_the_normal_generator_are_numpy_s(browser):
    n = 200_000  # some 2,000 rejections and 50 numbers of the tail
    browser.run("globalThis.long = new Worker(URL.createObjectURL(source)), 0")
    browser.run(f"long.postMessage(JSON.stringify({{latent_dim: {n}, layers: []}}))")
    browser.run(
        "globalThis.asked = new Promise((done) => (long.onmessage = (e) => done(e.data.answer[0]))), 0"
    )
    browser.run("long.postMessage({id: 1, question: 'noise', about: [5n]})")
    ours = np.float32(browser.run("asked.then((z) => [...z])"))
    expected = make_rng(5, Stream.GRID).standard_normal(n, dtype=np.float32)
    tail = np.abs(expected) > 3.654
    assert tail.sum() > 20
    np.testing.assert_array_equal(ours[~tail], expected[~tail])
    np.testing.assert_array_max_ulp(ours, expected, maxulp=2)


@pytest.mark.parametrize(("preset", "shape"), [("keras", (28, 28, 1)), ("pytorch-gan", (6, 4, 3))])
def test_pixels_of_64_noises_are_keras_s_within_a_grey_level(chromium, preset, shape, tmp_path):
    gan = lived_in(preset, image_shape=shape)
    chromium.open(generator.export_generator(gan, "html", tmp_path)[0])
    images = "makeImages(await drawNoises(Array.from({length: 64}, (_, i) => i)))"
    received = chromium.run(f"(async () => (await {images}).map((image) => [...image]))()")
    assert_same_images(np.float64(received), gan, gan.noise([*range(64)]))


def test_grid_shows_the_seeds_that_its_command_draws(browser):
    gan = lived_in("keras")
    assert_same_images(levels(browser, "#grid canvas"), gan, gan.noise([*range(25)]))
    browser.run("byId('new').click(), drawGrid()")
    assert browser.run("byId('grid-command').textContent") == "keras-gan sample RUN --seeds 25-49"
    assert_same_images(levels(browser, "#grid canvas"), gan, gan.noise([*range(25, 50)]))
    assert_same_images(levels(browser, "#image"), gan, gan.noise([25]))


def test_keyboard_does_all_that_the_mouse_does(browser):
    browser.press("n")
    assert browser.run("String(state.first)") == "25"
    browser.press("Tab", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft")
    assert browser.run("document.activeElement.getAttribute('aria-label')") == "Image of seed 35"
    assert browser.run("byId('selected-title').textContent") == "Seed 35"
    browser.press("Tab", "Tab")
    assert browser.run("document.activeElement.id") == "first"
    browser.run("byId('first').select()")
    browser.press("7", "n", "Enter")  # which is no number
    assert browser.run("byId('first').validity.valid") is False and browser.run("String(state.first)") == "25"
    browser.run("byId('first').select()")
    browser.press(*"123456789012345678", "Enter")
    assert browser.run("byId('grid-command').textContent").endswith(
        "--seeds 123456789012345678-123456789012345702"
    )
    browser.press("Tab", "Tab", "Tab", "ArrowRight")
    assert browser.run("sliders[0].value") == "0.05" and browser.run("byId('reset').disabled") is False


def test_sliders_move_the_noise_along_the_directions(browser):
    gan = lived_in("keras")
    directions, _ = web.find_directions(gan.generator.layers[0].kernel)
    browser.run("sliders[1].value = 3, sliders[4].value = -2, sliders[4].oninput(), drawSelected()")
    assert browser.run("byId('selected-title').textContent") == "Seed 0, moved"
    moved = gan.noise([0]) + 3 * directions[1] - 2 * directions[4]
    assert_same_images(levels(browser, "#image"), gan, np.float32(moved))
    browser.run("byId('reset').click(), drawSelected()")
    assert_same_images(levels(browser, "#image"), gan, gan.noise([0]))


def test_walk_goes_along_the_arc_between_two_seeds(browser):
    gan = lived_in("keras")
    browser.run("select(3), byId('start-here').click(), select(8), byId('end-here').click(), drawWalk()")
    assert browser.run("byId('walk-command').textContent") == "keras-gan sample RUN --interpolate 3 8"
    z = interpolate_spherical(*gan.noise([3, 8]), np.linspace(0, 1, 9))
    assert_same_images(levels(browser, "#strip canvas"), gan, z)


@pytest.mark.parametrize("still", [False, True])
def test_walk_plays_until_it_is_paused(chromium, page, still):
    chromium.open(page, still=still)
    chromium.run("ready.then(() => byId('play').click())")
    chromium.run("new Promise((moved) => setInterval(() => byId('position').value > 0 && moved(), 10))")
    position = chromium.run("byId('play').click(), byId('position').valueAsNumber")
    assert position == 0.125 if still else 0 < position < 0.1
    assert chromium.run("byId('play').textContent") == "Play"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_page_fits_its_width_names_its_controls_and_asks_for_nothing(chromium, page, width, dark):
    chromium.open(page, width=width, dark=dark, touch=width == 390)
    chromium.run("ready")
    assert chromium.run("document.documentElement.scrollWidth") == width
    nodes = chromium("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "radio", "slider", "textbox", "image", "radiogroup"}
    found = [
        (n["role"]["value"], n["name"]["value"]) for n in nodes if n.get("role", {}).get("value") in roles
    ]
    assert {role for role, _ in found} == roles and all(name for _, name in found)
    assert all(url.startswith(("file:", "blob:", "data:")) for url in chromium.requests)
    paper = chromium.run("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 21, 23)" if dark else "rgb(255, 255, 255)")
