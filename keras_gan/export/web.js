// What the page shows and how it is used; web_images.js stands before it.

const SIDE = 5, STRIP = 9;
const stillPreferred = matchMedia("(prefers-reduced-motion: reduce)");
const command = (options) => `keras-gan sample RUN ${options}`;

// --- twenty-five samples -----------------------------------------------------------------------

const state = { first: 0n, selected: 0, noises: [], shifts: [], start: 0n, end: 1n, ends: [] };
const seedOf = (i) => state.first + BigInt(i);

const tiles = Array.from({ length: SIDE * SIDE }, (_, i) => {
  const tile = document.createElement("button");
  Object.assign(tile, { type: "button", className: "tile" });
  tile.setAttribute("role", "radio");
  tile.append(makeCanvas());
  tile.onclick = () => {
    select(i);
    if (byId("image").getBoundingClientRect().top > innerHeight) byId("selected-title").scrollIntoView();
  };
  byId("grid").append(tile);
  return tile;
});

const drawGrid = newestOnly(async () => {
  const noises = await drawNoises(tiles.map((_, i) => seedOf(i)));
  const images = await makeImages(noises);
  images.forEach((levels, i) => paint(tiles[i].firstChild, levels));
  state.noises = noises;
  await drawSelected();
});

async function showFrom(first) {
  Object.assign(state, { first, noises: [] });
  byId("first").value = first;
  byId("grid-command").textContent = command(`--seeds ${first}-${seedOf(SIDE * SIDE - 1)}`);
  tiles.forEach((tile, i) => tile.setAttribute("aria-label", `Image of seed ${seedOf(i)}`));
  select(0);
  await drawGrid();
}

function select(i) {
  state.selected = i;
  tiles.forEach((tile, j) => {
    tile.setAttribute("aria-checked", i === j);
    tile.tabIndex = i === j ? 0 : -1;
  });
  resetSliders();
}

byId("grid").onkeydown = (event) => {
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -SIDE, ArrowDown: SIDE };
  const ends = { Home: 0, End: tiles.length - 1 };
  const next = event.key in moves ? state.selected + moves[event.key] : ends[event.key];
  if (next === undefined) return;
  event.preventDefault();
  if (next < 0 || next >= tiles.length) return;
  select(next);
  tiles[next].focus();
};

const showNext = () => showFrom(state.first + BigInt(tiles.length));
byId("new").onclick = showNext;
byId("first").onchange = () => byId("first").reportValidity() && showFrom(BigInt(byId("first").value));
byId("jump").onsubmit = (event) => event.preventDefault();
document.onkeydown = (event) => {
  const typing = event.target instanceof HTMLInputElement && event.target.type !== "range";
  if (event.key.toLowerCase() === "n" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) showNext();
};

// --- one image and its directions --------------------------------------------------------------

const formatShift = (x) => (x > 0 ? "+" : x < 0 ? "\u2212" : "") + Math.abs(x).toFixed(1);
const directions = decodeDirections();
const sliders = directions.map((_, i) => {
  const label = document.createElement("label"), name = document.createElement("span");
  const slider = document.createElement("input"), value = document.createElement("output");
  label.className = "slider";
  name.textContent = `Component ${i + 1}, ${(100 * data.shares[i]).toFixed(0)} %`;
  Object.assign(slider, { type: "range", min: -4, max: 4, step: 0.05, value: 0 });
  slider.oninput = () => {
    value.textContent = formatShift(slider.valueAsNumber);
    showSelected();
  };
  value.textContent = formatShift(0);
  label.append(name, slider, value);
  byId("sliders").append(label);
  return slider;
});

function decodeDirections() {
  const bytes = Uint8Array.from(atob(data.directions), (c) => c.charCodeAt(0)), view = new DataView(bytes.buffer);
  const n = data.latent_dim;
  return data.shares.map((_, k) => Float64Array.from({ length: n }, (_, i) => view.getFloat32(4 * (k * n + i), true)));
}

const isMoved = () => sliders.some((slider) => slider.valueAsNumber !== 0);

function resetSliders() {
  for (const slider of sliders) {
    slider.value = 0;
    slider.nextSibling.textContent = formatShift(0);
  }
  showSelected();
}

/** Returns the noise of the selected seed, moved as far along each direction as its slider says. */
function movedNoise() {
  return state.noises[state.selected].map((value, j) =>
    sliders.reduce((sum, slider, k) => sum + slider.valueAsNumber * directions[k][j], value));
}

const drawSelected = newestOnly(async () => {
  if (state.noises.length) paint(byId("image"), (await makeImages([movedNoise()]))[0]);
});

function showSelected() {
  const seed = seedOf(state.selected), moved = isMoved();
  byId("selected-title").textContent = `Seed ${seed}${moved ? ", moved" : ""}`;
  byId("image").setAttribute("aria-label", `Image of seed ${seed}${moved ? ", moved along the directions" : ""}`);
  byId("reset").disabled = !moved;
  const drawn = document.createElement("code");
  drawn.textContent = command(`--seeds ${seed}`);
  byId("image-note").replaceChildren(...(moved ? ["Reset the directions to see the seed\u2019s own image."] : ["On the command line: ", drawn]));
  drawSelected();
}

byId("reset").onclick = resetSliders;

// --- the walk ----------------------------------------------------------------------------------

/** Returns the point at t in [0, 1] on the arc from a to b: `interpolate_spherical` in keras_gan/figures/montage.py. */
function interpolate(a, b, t) {
  const dot = (u, v) => u.reduce((sum, x, i) => sum + x * v[i], 0);
  const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)))));
  const straight = Math.sin(angle) < 1e-6;
  const [p, q] = straight ? [1 - t, t] : [Math.sin((1 - t) * angle), Math.sin(t * angle)].map((x) => x / Math.sin(angle));
  return a.map((x, i) => p * x + q * b[i]);
}

const stills = Array.from({ length: STRIP }, () => byId("strip").appendChild(makeCanvas()));

const drawWalk = newestOnly(async () => {
  const [a, b] = state.ends = await drawNoises([state.start, state.end]);
  const images = await makeImages(stills.map((_, i) => interpolate(a, b, i / (STRIP - 1))));
  images.forEach((levels, i) => paint(stills[i], levels));
  await drawWalker();
});

const drawWalker = newestOnly(async () => {
  const [a, b] = state.ends;
  if (!a) return; // not drawn yet
  paint(byId("walker"), (await makeImages([interpolate(a, b, byId("position").valueAsNumber)]))[0]);
});

function showWalk() {
  byId("walk-title").textContent = `A walk from seed ${state.start} to seed ${state.end}`;
  byId("walk-command").textContent = command(`--interpolate ${state.start} ${state.end}`);
  return drawWalk();
}

for (const end of ["start", "end"]) {
  byId(`${end}-here`).onclick = () => {
    state[end] = seedOf(state.selected);
    showWalk();
    document.querySelector(".walk").scrollIntoView({ block: "nearest" });
  };
}
byId("position").oninput = () => {
  stop();
  drawWalker();
};

let playing = false;

function stop() {
  playing = false;
  byId("play").textContent = "Play";
}

/** Walks to and fro, six seconds each way; from still to still where less motion is preferred. */
async function play() {
  playing = true;
  byId("play").textContent = "Pause";
  let t = byId("position").valueAsNumber, direction = t < 1 ? 1 : -1, last = performance.now();
  while (playing) {
    await new Promise((resolve) => (stillPreferred.matches ? setTimeout(resolve, 1000) : requestAnimationFrame(resolve)));
    if (!playing) return;
    const now = performance.now();
    t += direction * (stillPreferred.matches ? 1 / (STRIP - 1) : (now - last) / 6000);
    last = now;
    if (t <= 0 || t >= 1) direction = t <= 0 ? 1 : -1;
    byId("position").value = t;
    await drawWalker();
  }
}

byId("play").onclick = () => playing ? stop() : play();

const ready = showFrom(0n).then(showWalk); // for who drives the page from outside
