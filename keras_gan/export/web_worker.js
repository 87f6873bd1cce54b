"use strict";
// The noise of a seed, as NumPy draws it, and the images that the generator makes of noise.
// Runs in a worker, so that the page answers while it computes.

const STREAM = 4n; // of the sample grids: `Stream.GRID` in keras_gan/rng.py
const LOW_64 = 0xffffffffffffffffn;

// --- noise -------------------------------------------------------------------------------------

/** Yields the 64-bit numbers of Philox4x64-10 (Salmon et al. 2011), whose counter begins at 1, as NumPy's. */
function* philox(key) {
  for (let count = 1n; ; count++) {
    let [a, b, c, d] = [count, 0n, 0n, 0n];
    let [k, l] = key;
    for (let round = 0; round < 10; round++) {
      const p = a * 0xd2e7470ee14c6c93n;
      const q = c * 0xca5a826395121157n;
      [a, b, c, d] = [(q >> 64n) ^ b ^ k, q & LOW_64, (p >> 64n) ^ d ^ l, p & LOW_64];
      k = (k + 0x9e3779b97f4a7c15n) & LOW_64;
      l = (l + 0xbb67ae8584caa73bn) & LOW_64;
    }
    yield* [a, b, c, d];
  }
}

/** Yields the halves of Philox's numbers, the lower half first. */
function* drawUint32(key) {
  for (const number of philox(key)) {
    yield Number(number & 0xffffffffn);
    yield Number(number >> 32n);
  }
}

/**
 * The ziggurat of exp(-x^2 / 2) (Marsaglia and Tsang 2000): 256 layers of one area, the lowest with
 * the tail beyond `right`. Layer i is as wide as `width[i]` for 2^23, lies wholly under the curve up
 * to `inside[i]`, and the curve is `height[i]` high where it ends.
 */
function buildZiggurat() {
  const right = 3.6541528853610088, area = 0.004928673233974655;
  const density = (x) => Math.exp(-0.5 * x * x);
  const edge = new Float64Array(256);
  edge[255] = right;
  for (let i = 254; i > 0; i--) edge[i] = Math.sqrt(-2 * Math.log(area / edge[i + 1] + density(edge[i + 1])));
  edge[0] = area / density(right);
  const inside = Uint32Array.from(edge, (x, i) => Math.round(((i ? edge[i - 1] : right) / x) * 2 ** 23));
  inside[1] = 0; // the top layer, no part of which is wholly under the curve
  const width = Float32Array.from(edge, (x) => x / 2 ** 23);
  const height = Float32Array.from(edge, density);
  height[0] = 1;
  return { right, inside, width, height };
}

const ziggurat = buildZiggurat();

/** Returns n standard normal numbers as NumPy's `standard_normal(n, dtype=float32)` draws them. */
function drawNoise(seed, n) {
  const numbers = drawUint32([BigInt(seed), STREAM]);
  const nextUint32 = () => numbers.next().value;
  return Float32Array.from({ length: n }, () => drawNormal(nextUint32));
}

/** Returns a float32: every operation is rounded to float32 where NumPy's C code rounds. */
function drawNormal(nextUint32) {
  const { right, inside, width, height } = ziggurat;
  const nextFloat = () => (nextUint32() >>> 8) / 2 ** 24;
  for (;;) {
    const bits = nextUint32();
    const layer = bits & 0xff, sign = bits & 0x100 ? -1 : 1, place = bits >>> 9;
    const x = sign * Math.fround(place * width[layer]);
    if (place < inside[layer]) return x; // 99 of 100 times
    if (layer === 0) return drawTail(right, place & 0x100 ? -1 : 1, nextFloat);
    const rise = Math.fround(height[layer - 1] - height[layer]);
    if (Math.fround(Math.fround(rise * nextFloat()) + height[layer]) < Math.exp(-0.5 * x * x)) return x;
  }
}

/** Returns a number beyond `right` (Marsaglia 1964). Its last bit is that of the C library's log1pf. */
function drawTail(right, sign, nextFloat) {
  for (;;) {
    const x = Math.fround(Math.fround(-1 / right) * Math.fround(Math.log1p(-nextFloat())));
    const y = Math.fround(-Math.log1p(-nextFloat()));
    if (y + y > Math.fround(x * x)) return sign * Math.fround(Math.fround(right) + x);
  }
}

// --- the generator -----------------------------------------------------------------------------

function decodeBytes(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Returns little-endian float32 values, whatever the order of this machine's bytes. */
function decodeFloat32(text) {
  const view = new DataView(decodeBytes(text).buffer);
  return Float32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

/** Returns the whole numbers that a kernel is stored as. */
function decodeInt16(text) {
  const view = new DataView(decodeBytes(text).buffer);
  return Int16Array.from({ length: view.byteLength / 2 }, (_, i) => view.getInt16(2 * i, true));
}

function decodeLayer(layer) {
  if (layer.kind === "dense") {
    const { kernel, scale, bias } = layer;
    return { ...layer, kernel: decodeInt16(kernel), scale: decodeFloat32(scale), bias: decodeFloat32(bias) };
  }
  if (layer.kind === "normalize") {
    return { ...layer, factor: decodeFloat32(layer.factor), offset: decodeFloat32(layer.offset) };
  }
  return layer;
}

const COMPUTE = {
  dense: (x, { kernel, scale, bias }) => {
    const sums = Float64Array.from(bias), units = sums.length;
    for (let i = 0, first = 0; i < x.length; i++, first += units) {
      const value = x[i] * scale[i];
      for (let j = 0; j < units; j++) sums[j] += value * kernel[first + j];
    }
    return sums;
  },
  normalize: (x, { factor, offset }) => x.map((value, i) => value * factor[i] + offset[i]),
  leaky_relu: (x, { slope }) => x.map((value) => (value > 0 ? value : slope * value)),
  tanh: (x) => x.map(Math.tanh),
  sigmoid: (x) => x.map((value) => 1 / (1 + Math.exp(-value))),
};

let generator = null;

/** Returns the values of an image, in [-1, 1]. */
function generate(z) {
  return generator.layers.reduce((x, layer) => COMPUTE[layer.kind](x, layer), Float64Array.from(z));
}

/** Returns the grey levels of an image, rounded as `to_uint8` in keras_gan/data/pixels.py does. */
function makeImage(z) {
  return Uint8ClampedArray.from(generate(z), (value) => (value + 1) * 127.5); // which rounds, halves to even
}

const ANSWERS = {
  noise: (seeds) => seeds.map((seed) => drawNoise(seed, generator.latent_dim)),
  images: (noises) => noises.map(makeImage),
};

/** Takes the data of the page first, then questions, which are answered in their order. */
onmessage = ({ data }) => {
  if (generator === null) {
    generator = JSON.parse(data);
    generator.layers = generator.layers.map(decodeLayer);
  } else {
    postMessage({ id: data.id, answer: ANSWERS[data.question](data.about) });
  }
};
