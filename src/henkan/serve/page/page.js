"use strict";
// What is drawn is a list of strokes in pixels of the picture: undone by taking one off, and painted anew at any size.

const $ = (id) => document.getElementById(id);
const TOOLS = {
  brush: ["Brush", "Brush over what is to go."],
  box: ["Select", "Drag a box around an object: it is found, and goes."],
  point: ["Point", "Click where you know the color."],
  stroke: ["Stroke", "Paint strokes of the colors that you want."],
  pen: ["Pen", "Draw on the picture, or on a blank page."],
  erase: ["Eraser", "Takes away what you have drawn."],
};
const COLORED = ["point", "stroke"];
const DELAY = 120, RETRY = 700, LARGEST_VIEW = 1400;

let offer, task, tool;
let source = null; // {bitmap, blob, name, width, height}
let strokes = [], undone = [], drawing = null;
let chosen = new Map(), results = new Map();
let running = null, timer = 0, stream = null;

// ---- asking

class Failed extends Error {}

async function ask(path, facts, parts, signal) {
  const sizes = {}, blobs = [];
  for (const [key, blob] of Object.entries(parts)) { sizes[key] = blob.size; blobs.push(blob); }
  const body = new Blob([JSON.stringify({ ...facts, sizes }), "\n", ...blobs]);
  if (body.size > offer.most.bytes) {
    throw new Failed(`${Math.round(body.size / 1e6)} MB are too much: ${Math.round(offer.most.bytes / 1e6)} MB are taken`);
  }
  for (let again = 0; ; again++) {
    let answer;
    try {
      answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body, signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Failed("henkan does not answer: is it still running?");
    }
    if (answer.status === 503 && again < 5) { await new Promise((done) => setTimeout(done, RETRY)); continue; }
    if (!answer.ok) throw new Failed((await answer.json()).error);
    return answer;
  }
}

function complain(line) {
  $("error").textContent = line;
  $("error").hidden = !line;
  clearTimeout(complain.timer);
  if (line) complain.timer = setTimeout(() => complain(""), 12000);
}

function guarded(action) {
  return async (...given) => {
    try { await action(...given); } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Failed)) console.error(error);
      complain(error.message);
    }
  };
}

// ---- canvases

function sheet(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  return canvas;
}

const png = (canvas) => new Promise((done) => canvas.toBlob(done, "image/png"));

function fit(canvas, width, height) {
  const box = canvas.parentElement, scale = Math.min(box.clientWidth / width, box.clientHeight / height);
  canvas.style.width = `${width * scale}px`;
  canvas.style.height = `${height * scale}px`;
  const dense = Math.min(scale * devicePixelRatio, LARGEST_VIEW / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * dense));
  canvas.height = Math.max(1, Math.round(height * dense));
  return canvas.width / width;
}

function paint(context, stroke, scale) {
  const { points } = stroke;
  context.globalCompositeOperation = stroke.kind === "erase" ? "destination-out" : "source-over";
  context.strokeStyle = context.fillStyle = { brush: "#ffffff", pen: "#101010", erase: "#000000" }[stroke.kind] || stroke.color;
  context.lineWidth = Math.max(1, stroke.size * scale);
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(points[0][0] * scale, points[0][1] * scale);
  if (points.length === 1) context.lineTo(points[0][0] * scale + 0.01, points[0][1] * scale);
  for (const [x, y] of points.slice(1)) context.lineTo(x * scale, y * scale);
  context.stroke();
  context.globalCompositeOperation = "source-over";
}

function all() { return drawing && drawing.kind !== "box" ? [...strokes, drawing] : strokes; }

function layer(kinds, scale) {
  // null: nothing of these kinds is drawn.
  if (!all().some(({ kind }) => kinds.includes(kind))) return null;
  const canvas = sheet(source.width * scale, source.height * scale), context = canvas.getContext("2d");
  for (const stroke of all()) {
    if (stroke.kind === "selected" && kinds.includes("selected")) context.drawImage(stroke.bitmap, 0, 0, canvas.width, canvas.height);
    else if (kinds.includes(stroke.kind) || stroke.kind === "erase") paint(context, stroke, scale);
  }
  return canvas;
}

const HOLE = ["brush", "selected"];

function points() {
  // Those that no later eraser has touched.
  return all().flatMap((stroke, place) => {
    if (stroke.kind !== "point") return [];
    const [x, y] = stroke.points[0];
    const gone = all().slice(place).some((other) => other.kind === "erase" &&
      other.points.some(([ex, ey]) => Math.hypot(x - ex, y - ey) < Math.max(other.size, source.width / 60)));
    return gone ? [] : [[x, y, stroke.color]];
  });
}

function show() {
  const canvas = $("picture");
  canvas.hidden = !source;
  $("empty").hidden = Boolean(source) || Boolean(stream);
  if (!source) return;
  const scale = fit(canvas, source.width, source.height), context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(source.bitmap, 0, 0, canvas.width, canvas.height);
  const hole = layer(HOLE, scale);
  if (hole) {
    const red = hole.getContext("2d");
    red.globalCompositeOperation = "source-in";
    red.fillStyle = "#e5254b";
    red.fillRect(0, 0, hole.width, hole.height);
    context.globalAlpha = 0.55;
    context.drawImage(hole, 0, 0);
    context.globalAlpha = 1;
  }
  for (const kind of ["pen", "stroke"]) {
    const drawn = layer([kind], scale);
    if (drawn) context.drawImage(drawn, 0, 0);
  }
  const round = 7 * canvas.width / canvas.clientWidth;
  for (const [x, y, color] of points()) {
    context.beginPath();
    context.arc(x * scale, y * scale, round, 0, 7);
    context.fillStyle = color;
    context.fill();
    context.lineWidth = round / 3;
    context.strokeStyle = "#fff";
    context.stroke();
    context.lineWidth = round / 9;
    context.strokeStyle = "#0008";
    context.stroke();
  }
  if (drawing && drawing.kind === "box") {
    const [x, y, width, height] = boxed(drawing).map((value) => value * scale);
    context.lineWidth = 2 * canvas.width / canvas.clientWidth;
    context.strokeStyle = "#e5254b";
    context.strokeRect(x, y, width, height);
  }
}

// ---- pictures in

const take = guarded(async (file) => {
  if (!file) return;
  complain("");
  let answer;
  try {
    busy(true);
    answer = await ask("open", { name: file.name || "the picture" }, { picture: file });
  } finally { busy(false); }
  await put(await answer.blob(), (file.name || "picture").replace(/\.[^.]*$/, ""));
});

async function put(blob, name) {
  const bitmap = await createImageBitmap(blob);
  film(false);
  source = { bitmap, blob, name, width: bitmap.width, height: bitmap.height };
  strokes = []; undone = []; drawing = null;
  forget();
  changed();
}

const open_example = guarded(async () => {
  const own = offer.tasks[task].example, begun = task;
  const answer = await fetch(`example/${task}.png`);
  if (!answer.ok) throw new Failed((await answer.json()).error);
  const blob = await answer.blob();
  if (task !== begun) return;
  await put(blob, "example");
  const side = Math.max(source.width, source.height), at = ([x, y]) => [x * source.width, y * source.height];
  for (const kind of ["brush", "stroke"]) {
    for (const each of own[kind] || []) strokes.push({ ...each, kind, size: each.size * side, points: each.points.map(at) });
  }
  for (const { x, y, color } of own.point || []) strokes.push({ kind: "point", color, size: 1, points: [at([x, y])] });
  changed();
});

const blank = guarded(async () => {
  const canvas = sheet(512, 512), context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, 512, 512);
  await put(await png(canvas), "drawing");
});

const film = guarded(async (on) => {
  const video = $("video");
  if (stream) for (const track of stream.getTracks()) track.stop();
  stream = null;
  if (on) {
    try { stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }); }
    catch { throw new Failed("there is no camera here, or this page may not use it"); }
    video.srcObject = stream;
    await video.play();
  }
  video.hidden = !on;
  $("camera").textContent = on ? "Take it" : "Camera";
  if (on) { $("picture").hidden = true; $("empty").hidden = true; } else show();
});

const snap = guarded(async () => {
  if (!stream) return film(true);
  const video = $("video"), canvas = sheet(video.videoWidth, video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0);
  await put(await png(canvas), "photo");
});

// ---- drawing

function place(event) {
  const box = $("picture").getBoundingClientRect();
  return [(event.clientX - box.left) / box.width * source.width, (event.clientY - box.top) / box.height * source.height];
}

function width() {
  // The slider's steps are even to the eye: from half a hundredth of the picture to a fifth.
  const side = Math.max(source.width, source.height), share = 0.005 * 40 ** (Number($("size").value) / 100);
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
  $("picture").setPointerCapture(event.pointerId);
  const at = place(event);
  drawing = { kind: tool, color: $("color").value, size: width(), points: tool === "box" ? [at, at] : [at] };
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
  const picture = await small(), left = Math.floor(x * scale), top = Math.floor(y * scale), own = source;
  const size = [Math.min(Math.ceil(across * scale), Math.round(own.width * scale) - left),
    Math.min(Math.ceil(down * scale), Math.round(own.height * scale) - top)];
  busy(true);
  try {
    const answer = await ask("select", { name: own.name, box: [left, top, ...size] }, { picture });
    const found = await createImageBitmap(await answer.blob());
    if (source !== own) return;
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
  timer = setTimeout(() => run(false), DELAY);
}

// ---- results

const live = () => Math.min(1, offer.tasks[task].live / Math.max(source.width, source.height));

async function small() { return picture_at(live()); }

async function picture_at(scale) {
  const drawn = offer.tasks[task].tools.includes("pen") ? layer(["pen"], scale) : null;
  if (scale === 1 && !drawn) return source.blob;
  const key = `${scale} ${drawn ? strokes.length : ""}`;
  if (!drawn && source.small?.key === key) return source.small.blob;
  const canvas = sheet(source.width * scale, source.height * scale), context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(source.bitmap, 0, 0, canvas.width, canvas.height);
  if (drawn) context.drawImage(drawn, 0, 0);
  const blob = await png(canvas);
  if (!drawn) source.small = { key, blob };
  return blob;
}

async function asked(scale) {
  const { tools } = offer.tasks[task], facts = { name: source.name }, parts = { picture: await picture_at(scale) };
  if (tools.includes("brush")) {
    const hole = layer(HOLE, scale);
    if (!hole) return null;
    const mask = sheet(hole.width, hole.height), context = mask.getContext("2d");
    context.fillRect(0, 0, mask.width, mask.height);
    context.drawImage(hole, 0, 0);
    parts.mask = await png(mask);
  }
  if (tools.includes("stroke")) {
    const drawn = layer(["stroke"], scale), key = tools.includes("point") ? "scribble" : "strokes";
    const spots = points().map(([x, y, color]) => [x * scale, y * scale, color]);
    if (drawn) {
      // Points become dabs beside strokes: the two are one way to say colors.
      for (const [x, y, color] of spots) paint(drawn.getContext("2d"), { kind: "stroke", color, size: 6, points: [[x, y]] }, 1);
      parts[key] = await png(drawn);
    } else if (spots.length) facts.points = spots;
  }
  return [facts, parts];
}

const run = guarded(async (whole, only = null) => {
  clearTimeout(timer);
  timer = 0;
  running?.abort();
  if (!source) return;
  const own = running = new AbortController(), scale = whole ? 1 : live(), { signal } = own;
  const picked = offer.tasks[task].choices.filter(({ id }) => only !== null ? only === id : chosen.get(task).has(id));
  busy(true);
  try {
    const sent = await asked(scale);
    if (signal.aborted) return;
    if (!sent || !picked.length) { results = new Map(); options(); compare(); tell(); return; }
    for (const choice of picked) {
      try {
        const answer = await ask("make", { ...sent[0], choice: choice.id }, sent[1], signal);
        const blob = await answer.blob(), bitmap = await createImageBitmap(blob);
        if (signal.aborted) return;
        const note = decodeURIComponent(answer.headers.get("X-Note") || "");
        results.set(choice.id, { blob, bitmap, whole: scale === 1, seconds: Number(answer.headers.get("X-Seconds")), note });
      } catch (error) {
        if (!(error instanceof Failed)) throw error;
        results.set(choice.id, { error: error.message });
      }
      options();
      compare();
      tell();
    }
  } finally { if (running === own) busy(false); }
});

function forget() {
  running?.abort();
  busy(false);
  results = new Map();
  options();
  compare();
  tell();
}

function busy(on) { $("busy").hidden = !on; }

const made = (id) => (id === "source" ? source && { bitmap: source.bitmap, whole: true } : results.get(Number(id)));

function compare() {
  const canvas = $("compared"), left = made($("left").value), right = made($("right").value);
  const seen = [left, right].filter((each) => each?.bitmap), any = [...results.values()].some((each) => each.bitmap);
  canvas.hidden = $("split").hidden = !(any && seen.length);
  $("nothing").hidden = !canvas.hidden;
  $("whole").disabled = !any || [...results.values()].every((each) => each.whole || each.error);
  $("download").disabled = !right?.blob;
  if (canvas.hidden) return;
  // The larger of the two gives the size: an enlarged picture is seen in its own pixels.
  const { bitmap } = seen.reduce((a, b) => (b.bitmap.width > a.bitmap.width ? b : a));
  fit(canvas, bitmap.width, bitmap.height);
  const context = canvas.getContext("2d"), at = Number($("split").value) / 1000 * canvas.width;
  context.imageSmoothingQuality = "high";
  for (const [each, from, to] of [[left, 0, at], [right, at, canvas.width]]) {
    context.save();
    // A small picture beside its enlargement is seen in the pixels that it has.
    context.imageSmoothingEnabled = each?.bitmap !== source.bitmap || 2 * each.bitmap.width > bitmap.width;
    context.beginPath();
    context.rect(from, 0, to - from, canvas.height);
    context.clip();
    if (each?.bitmap) context.drawImage(each.bitmap, 0, 0, canvas.width, canvas.height);
    context.restore();
  }
  const line = 2 * canvas.width / canvas.clientWidth;
  context.fillStyle = "#fff";
  context.fillRect(at - line / 2, 0, line, canvas.height);
  context.fillStyle = "#0006";
  context.fillRect(at + line / 2, 0, line / 2, canvas.height);
}

function tell() {
  const { choices, tools } = offer.tasks[task];
  for (const { id } of choices) {
    const small = document.querySelector(`#choices small[data-id="${id}"]`), result = results.get(id);
    small.classList.toggle("bad", Boolean(result?.error));
    small.textContent = !result ? small.dataset.plain : result.error || [`${result.seconds.toFixed(2)} s`, result.note].filter(Boolean).join(", ");
  }
  const shown = made($("right").value);
  if (!choices.length) $("status").textContent = "No network for this came with this version: henkan serve run=FOLDER opens one of yours.";
  else if (!source) $("status").textContent = "";
  else if (shown?.error) $("status").textContent = shown.error;
  else if (tools.includes("brush") && !layer(HOLE, 0.05)) $("status").textContent = "Nothing is brushed yet.";
  else if (shown?.blob && !shown.whole) $("status").textContent = `A preview, of the picture at ${offer.tasks[task].live} pixels: Full size takes it whole.`;
  else if (shown?.blob) $("status").textContent = `${shown.bitmap.width} × ${shown.bitmap.height} pixels, whole.`;
  else $("status").textContent = "";
}

function options() {
  const { choices } = offer.tasks[task], there = choices.filter(({ id }) => chosen.get(task).has(id));
  // Two that a person has named are what is to be compared.
  const first = there.filter((each) => each.asked).length > 1 ? 1 : 0;
  for (const [id, fallback] of [["left", first], ["right", first + 1]]) {
    const before = $(id).value, list = [["source", "the picture"], ...there.map((each) => [String(each.id), each.name])];
    $(id).replaceChildren(...list.map(([value, name]) => new Option(name, value)));
    $(id).value = list.some(([value]) => value === before) && before !== "" && !$(id).fresh ? before : list[Math.min(fallback, list.length - 1)][0];
    $(id).fresh = false;
  }
}

const download = guarded(async () => {
  const id = Number($("right").value);
  if (!results.get(id)?.whole) await run(true, id);
  const result = results.get(id);
  if (!result?.blob) return;
  if (!result.whole) return;
  const link = document.createElement("a"), name = offer.tasks[task].choices.find((each) => each.id === id).name;
  link.href = URL.createObjectURL(result.blob);
  link.download = `${source.name}_${name}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
});

// ---- the page

function buttons() {
  const { tools } = offer.tasks[task];
  $("undo").disabled = !strokes.length;
  $("redo").disabled = !undone.length;
  $("clear").disabled = !strokes.length;
  for (const button of $("kinds").children) button.setAttribute("aria-pressed", String(button.value === tool));
  $("tools").classList.toggle("none", !tools.length);
  $("colored").hidden = !COLORED.includes(tool);
  $("sized").hidden = !tool || ["box", "point"].includes(tool);
  $("hint").textContent = tool ? TOOLS[tool][1] : "";
  $("picture").classList.toggle("still", !tool);
}

function use(name) { tool = name; buttons(); }

function turn_to(name) {
  task = name;
  const own = offer.tasks[name], tools = own.tools.length ? [...own.tools, "erase"] : [];
  for (const button of $("tasks").children) button.setAttribute("aria-current", String(button.value === name));
  history.replaceState(null, "", `#${name}`);
  $("kinds").replaceChildren(...tools.map((kind) => {
    const button = document.createElement("button");
    button.value = kind;
    [button.textContent, button.title] = TOOLS[kind];
    button.onclick = () => use(kind);
    return button;
  }));
  $("blank").hidden = !tools.includes("pen");
  $("example").hidden = !own.example;
  $("choices").replaceChildren(...own.choices.map((choice) => {
    const label = document.createElement("label"), box = document.createElement("input"), small = document.createElement("small");
    box.type = "checkbox";
    box.checked = chosen.get(task).has(choice.id);
    box.onchange = () => { chosen.get(task)[box.checked ? "add" : "delete"](choice.id); if (!box.checked) results.delete(choice.id); options(); changed(); };
    small.dataset.id = choice.id;
    small.dataset.plain = choice.learned ? "network" : "method that learns nothing";
    label.append(box, choice.name, small);
    return label;
  }));
  strokes = []; undone = []; drawing = null;
  if (source) source.small = null;
  $("left").fresh = $("right").fresh = true;
  tool = tools[0];
  forget();
  changed();
}

function start() {
  const names = Object.keys(offer.tasks);
  for (const name of names) {
    const { choices, title } = offer.tasks[name], asked = choices.filter((choice) => choice.asked);
    chosen.set(name, new Set((asked.length ? asked : choices.slice(0, 2)).map(({ id }) => id)));
    const button = document.createElement("button");
    button.value = name;
    button.textContent = title;
    button.onclick = () => turn_to(name);
    $("tasks").append(button);
  }
  $("tasks").hidden = names.length < 2;
  $("file").onchange = (event) => { take(event.target.files[0]); event.target.value = ""; };
  $("example").onclick = open_example;
  $("camera").onclick = snap;
  $("camera").hidden = !navigator.mediaDevices;
  $("blank").onclick = blank;
  $("undo").onclick = undo;
  $("redo").onclick = redo;
  $("clear").onclick = () => { undone = strokes.reverse(); strokes = []; changed(); };
  $("whole").onclick = () => run(true);
  $("download").onclick = download;
  $("left").onchange = $("right").onchange = () => { compare(); tell(); };
  $("split").oninput = compare;
  const canvas = $("picture");
  canvas.onpointerdown = begin;
  canvas.onpointermove = go_on;
  canvas.onpointerup = end;
  canvas.onpointercancel = () => { drawing = null; show(); };
  const slide = (event) => {
    const box = $("compared").getBoundingClientRect();
    $("split").value = 1000 * (event.clientX - box.left) / box.width;
    compare();
  };
  $("compared").onpointerdown = (event) => { $("compared").setPointerCapture(event.pointerId); slide(event); };
  $("compared").onpointermove = (event) => { if (event.buttons) slide(event); };
  addEventListener("resize", () => { show(); compare(); });
  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    (event.shiftKey ? redo : undo)();
  });
  addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files][0];
    if (file) { event.preventDefault(); take(file); }
  });
  addEventListener("dragover", (event) => { event.preventDefault(); $("drop").classList.add("over"); });
  addEventListener("dragleave", () => $("drop").classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    $("drop").classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  const begun = location.hash.slice(1);
  turn_to(names.includes(begun) ? begun : names[0]);
}

guarded(async () => {
  offer = await (await fetch("offer.json")).json();
  start();
})();
