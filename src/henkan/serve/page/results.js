"use strict";
// What networks make of it, and how two are compared.

const live = () => Math.min(1, offer.tasks[task].live / Math.max(source.width, source.height));

async function small() { return picture_at(live()); }

async function picture_at(scale) {
  const drawn = offer.tasks[task].tools.includes("pen") ? layer(["pen"], scale) : null;
  if (scale === 1 && !drawn) return source.blob;
  if (!drawn && source.small?.scale === scale) return source.small.blob;
  const canvas = sheet(source.width * scale, source.height * scale), context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(source.bitmap, 0, 0, canvas.width, canvas.height);
  if (drawn) context.drawImage(drawn, 0, 0);
  const blob = await png(canvas);
  if (!drawn) source.small = { scale, blob };
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
    for (const key of ["grow", "feather"]) facts[key] = Math.round(edge(key) * scale);
  }
  if (style && offer.tasks[task].styled) parts.style = style.blob;
  if (tools.includes("stroke")) {
    const drawn = layer(["stroke"], scale), key = tools.includes("point") ? "scribble" : "strokes";
    const spots = points();
    if (drawn) {
      // Points become dabs beside strokes: the two are one way to say colors.
      const context = drawn.getContext("2d");
      context.scale(scale, scale);
      for (const [x, y, color] of spots) paint(context, { kind: "stroke", color, size: 6 / scale, points: [[x, y]] }, 1);
      parts[key] = await png(drawn);
    } else if (spots.length) facts.points = spots.map(([x, y, color]) => [within(x, "width", scale), within(y, "height", scale), color]);
  }
  return [facts, parts];
}

// Of a point, which may have been dragged over an edge, the place in the picture as it is sent.
const within = (value, side, scale) => Math.min(Math.max(value * scale, 0), Math.max(1, Math.round(source[side] * scale)) - 1);

const run = guarded(async (whole, wanted = (id) => chosen.get(task).has(id)) => {
  clearTimeout(timer);
  timer = 0;
  running?.abort();
  if (!source) return;
  const own = running = new AbortController(), scale = whole ? 1 : live(), { signal } = own;
  const picked = offer.tasks[task].choices.filter(({ id }) => wanted(id));
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
        const after = performance.now() - changed.at;
        results.set(choice.id, { blob, bitmap, whole: scale === 1, seconds: Number(answer.headers.get("X-Seconds")), note, after });
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
    if (each?.bitmap) context.drawImage(each.bitmap, ...seen_of(each.bitmap), 0, 0, canvas.width, canvas.height);
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
  if (!choices.length) $("status").textContent = "No network for this came with this version: open one of yours, below.";
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
  const several = there.filter((each) => each.asked).length > 1, last = there.findLastIndex((each) => each.learned);
  // Else the last that has learned: of those that come along the one that takes hints, the adversarial one.
  for (const [id, fallback] of [["left", several ? 1 : 0], ["right", several ? 2 : Math.max(last, 0) + 1]]) {
    const before = $(id).value, list = [["source", "the picture"], ...there.map((each) => [String(each.id), each.name])];
    $(id).replaceChildren(...list.map(([value, name]) => new Option(name, value)));
    $(id).value = list.some(([value]) => value === before) && before !== "" && !$(id).fresh ? before : list[Math.min(fallback, list.length - 1)][0];
    $(id).fresh = false;
  }
}

const download = guarded(async () => {
  const id = Number($("right").value);
  const old = (other) => !results.has(other) || results.get(other).stale;
  if (old(id) || !results.get(id).whole) {
    const begun = task;
    await run(true, (other) => other === id);
    // It has put off what was under way.
    const others = task === begun ? [...chosen.get(task)].filter((other) => other !== id && old(other)) : [];
    if (others.length && !timer) run(false, (other) => others.includes(other));
  }
  const result = results.get(id);
  if (!result?.blob || !result.whole || result.stale) return;
  const link = document.createElement("a"), name = offer.tasks[task].choices.find((each) => each.id === id).name;
  link.href = URL.createObjectURL(result.blob);
  link.download = `${source.name}_${name}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
});
