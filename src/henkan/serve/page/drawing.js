"use strict";
// How a picture comes in, and what a person draws on it.

const take = guarded(async (file) => {
  if (!file) return;
  complain("");
  const own = put.asked = {};
  let answer;
  try {
    busy(true);
    answer = await ask("open", { name: file.name || "the picture" }, { picture: file });
  } finally { busy(false); }
  // Another one was asked for since.
  if (own !== put.asked) return;
  await put(await answer.blob(), (file.name || "picture").replace(/\.[^.]*$/, ""));
});

async function put(blob, name) {
  const bitmap = await createImageBitmap(blob);
  film(false);
  source = { bitmap, blob, name, width: bitmap.width, height: bitmap.height };
  view = { zoom: 1, x: 0, y: 0 };
  look();
  strokes = []; undone = []; drawing = null;
  forget();
  changed();
}

const open_example = guarded(async () => {
  const own = offer.tasks[task].example, begun = task, asked = put.asked = {};
  const answer = await fetch(`example/${task}.png`);
  if (!answer.ok) throw new Failed((await answer.json()).error);
  const blob = await answer.blob();
  if (task !== begun || asked !== put.asked) return;
  await put(blob, "example");
  const side = Math.max(source.width, source.height), at = ([x, y]) => [x * source.width, y * source.height];
  for (const kind of ["brush", "stroke"]) {
    for (const each of own[kind] || []) strokes.push({ ...each, kind, size: each.size * side, points: each.points.map(at) });
  }
  for (const { x, y, color } of own.point || []) strokes.push({ kind: "point", color, size: 1, points: [at([x, y])] });
  changed();
});

const blank = guarded(async () => {
  put.asked = {};
  const canvas = sheet(512, 512), context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, 512, 512);
  await put(await png(canvas), "drawing");
});

const film = guarded(async (on) => {
  const video = $("video"), own = film.asked = {};
  if (stream) for (const track of stream.getTracks()) track.stop();
  stream = null;
  if (on) {
    let given;
    try { given = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }); }
    catch { throw new Failed("there is no camera here, or this page may not use it"); }
    if (own !== film.asked) { for (const track of given.getTracks()) track.stop(); return; }
    stream = given;
    video.srcObject = stream;
    await video.play();
  }
  video.hidden = !on;
  $("camera").textContent = on ? "Take it" : "Camera";
  show();
});

const snap = guarded(async () => {
  if (!stream) return film(true);
  const video = $("video");
  // Not a frame has come yet.
  if (!video.videoWidth) return;
  put.asked = {};
  const canvas = sheet(video.videoWidth, video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0);
  await put(await png(canvas), "photo");
});

function place(event) {
  const box = $("picture").getBoundingClientRect(), [left, top, across, down] = seen_of(source);
  return [left + (event.clientX - box.left) / box.width * across, top + (event.clientY - box.top) / box.height * down];
}

function width() {
  // The slider's steps are even to the eye: from half a hundredth of what is seen of the picture to a fifth.
  const side = Math.max(source.width, source.height) / view.zoom, share = 0.005 * 40 ** (Number($("size").value) / 100);
  return side * share * (tool === "pen" ? 0.25 : 1);
}

function boxed({ points: [[ax, ay], [bx, by]] }) {
  const inside = (value, most) => Math.min(Math.max(value, 0), most);
  const left = inside(Math.min(ax, bx), source.width), top = inside(Math.min(ay, by), source.height);
  return [left, top, inside(Math.max(ax, bx), source.width) - left, inside(Math.max(ay, by), source.height) - top];
}

function begin(event) {
  if (!source || !tool || event.button > 0) return;
  event.preventDefault();
  $("picture").focus({ preventScroll: true });
  const at = place(event);
  drawing = { kind: tool, color: $("color").value, size: width(), near: source.width / 60 / view.zoom, points: tool === "box" ? [at, at] : [at] };
  requestAnimationFrame(show);
}

function go_on(event) {
  if (!drawing) return;
  for (const each of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
    const at = place(each);
    if (drawing.kind === "point") drawing.points = [at];
    else if (drawing.kind === "box") drawing.points[1] = at;
    else drawing.points.push(at);
  }
  cancelAnimationFrame(go_on.frame);
  go_on.frame = requestAnimationFrame(show);
}

const end = guarded(async () => {
  if (!drawing) return;
  const done = drawing;
  drawing = null;
  if (done.kind === "box") { show(); return select(boxed(done)); }
  add(done);
});

function add(stroke) {
  strokes.push(stroke);
  undone = [];
  changed();
}

async function select(box) {
  const [x, y, across, down] = box, scale = live();
  if (across * scale < 4 || down * scale < 4) return;
  const picture = await small(), left = Math.floor(x * scale), top = Math.floor(y * scale), own = source, begun = task;
  const size = [Math.min(Math.ceil(across * scale), Math.round(own.width * scale) - left),
    Math.min(Math.ceil(down * scale), Math.round(own.height * scale) - top)];
  busy(true);
  try {
    const answer = await ask("select", { name: own.name, box: [left, top, ...size] }, { picture });
    const found = await createImageBitmap(await answer.blob());
    if (source !== own || task !== begun) return;
    // White on black becomes opaque on transparent.
    const canvas = sheet(found.width, found.height), context = canvas.getContext("2d");
    context.drawImage(found, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    for (let k = 0; k < pixels.data.length; k += 4) pixels.data[k + 3] = pixels.data[k];
    context.putImageData(pixels, 0, 0);
    add({ kind: "selected", bitmap: canvas, points: [] });
  } finally { busy(false); }
}

function undo() { if (strokes.length) { undone.push(strokes.pop()); changed(); } }
function redo() { if (undone.length) { strokes.push(undone.pop()); changed(); } }

function changed() {
  show();
  buttons();
  clearTimeout(timer);
  changed.at = performance.now();
  for (const result of results.values()) result.stale = true;
  timer = setTimeout(() => run(false), DELAY);
}

const edge = (key) => Math.min(Math.max(Math.round(Number($(key).value)) || 0, 0), offer.most.edge);

const restyle = guarded(async (file) => {
  const own = restyle.asked = {};
  let made = null;
  if (file) {
    const bitmap = await createImageBitmap(await (await ask("open", { name: file.name }, { picture: file })).blob());
    // A network is shown no more of it.
    const small = shrunken(bitmap, STYLE), canvas = $("taken"), blob = await png(small);
    if (own !== restyle.asked) return;
    [canvas.width, canvas.height] = [small.width, small.height];
    canvas.getContext("2d").drawImage(small, 0, 0);
    made = { blob };
  }
  style = made;
  $("taken").hidden = $("plain").hidden = !style;
  changed();
});

function shrunken(bitmap, side) {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height)), canvas = sheet(bitmap.width * scale, bitmap.height * scale);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}
