"use strict";
// Noise and images asked for from the worker, and images painted.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const [height, width, channels] = data.image_shape;

// --- the worker --------------------------------------------------------------------------------

const source = new Blob([byId("worker").textContent], { type: "text/javascript" });
const worker = new Worker(URL.createObjectURL(source));
const waiting = new Map();
let lastId = 0;

worker.onmessage = ({ data: { id, answer } }) => {
  waiting.get(id)(answer);
  waiting.delete(id);
};
worker.postMessage(byId("data").textContent);

function ask(question, about) {
  return new Promise((resolve) => {
    waiting.set(++lastId, resolve);
    worker.postMessage({ id: lastId, question, about });
  });
}

/** Returns the noises, Float32Array, of seeds as strings or BigInts. */
const drawNoises = (seeds) => ask("noise", seeds);
/** Returns the grey levels, Uint8ClampedArray, of noises. */
const makeImages = (noises) => ask("images", noises);

/**
 * Returns a function that draws what is newest, and leaves out what is asked for while it is at work
 * if something newer is asked for, too. Its promise is kept once the newest is drawn.
 */
function newestOnly(draw) {
  let running = null, again = false;
  const run = async () => {
    try {
      while (again) {
        again = false;
        await draw();
      }
    } finally {
      running = null;
    }
  };
  return () => {
    again = true;
    return (running ??= run());
  };
}

// --- drawing -----------------------------------------------------------------------------------

function paint(canvas, levels) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const pixels = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = levels[channels * i + (c % channels)];
    pixels.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

function makeCanvas() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  return canvas;
}
