"use strict";
// What is drawn: a list of strokes in pixels of the picture, undone by taking one off, and painted anew at any size.

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

function paint(context, stroke, least) {
  // In pixels of the picture: how the context is scaled is its own.
  const { points } = stroke;
  context.globalCompositeOperation = stroke.kind === "erase" ? "destination-out" : "source-over";
  context.strokeStyle = context.fillStyle = { brush: "#ffffff", pen: "#101010", erase: "#000000" }[stroke.kind] || stroke.color;
  context.lineWidth = Math.max(least, stroke.size);
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(...points[0]);
  if (points.length === 1) context.lineTo(points[0][0] + 0.01, points[0][1]);
  for (const each of points.slice(1)) context.lineTo(...each);
  context.stroke();
  context.globalCompositeOperation = "source-over";
}

function all() { return drawing && drawing.kind !== "box" ? [...strokes, drawing] : strokes; }

function layer(kinds, scale, [left, top, across, down] = [0, 0, source.width, source.height]) {
  // Of a part of the picture; null: nothing of these kinds is drawn.
  if (!all().some(({ kind }) => kinds.includes(kind))) return null;
  const canvas = sheet(across * scale, down * scale), context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, -left * scale, -top * scale);
  for (const stroke of all()) {
    if (stroke.kind === "selected" && kinds.includes("selected")) context.drawImage(stroke.bitmap, 0, 0, source.width, source.height);
    else if (kinds.includes(stroke.kind) || stroke.kind === "erase") paint(context, stroke, 1 / scale);
  }
  context.resetTransform();
  return canvas;
}

const HOLE = ["brush", "selected"];

function wider(hole, by) {
  // About what the server does: to see how far it goes.
  if (by < 0.5) return hole;
  const canvas = sheet(hole.width, hole.height), context = canvas.getContext("2d");
  for (let k = 0; k < 24; k++) context.drawImage(hole, by * Math.cos(k * Math.PI / 12), by * Math.sin(k * Math.PI / 12));
  context.drawImage(hole, 0, 0);
  return canvas;
}

function points() {
  // Those that no later eraser has touched.
  return all().flatMap((stroke, place) => {
    if (stroke.kind !== "point") return [];
    const [x, y] = stroke.points[0];
    const gone = all().slice(place).some((other) => other.kind === "erase" &&
      other.points.some(([ex, ey]) => Math.hypot(x - ex, y - ey) < Math.max(other.size, other.near)));
    return gone ? [] : [[x, y, stroke.color]];
  });
}

function show() {
  const canvas = $("picture");
  canvas.hidden = $("zoom").hidden = !source || Boolean(stream);
  $("empty").hidden = Boolean(source) || Boolean(stream);
  if (canvas.hidden) return;
  const scale = fit(canvas, source.width, source.height) * view.zoom, context = canvas.getContext("2d");
  const part = seen_of(source.bitmap), at = (x, y) => [(x - part[0]) * scale, (y - part[1]) * scale];
  context.imageSmoothingQuality = "high";
  context.imageSmoothingEnabled = scale < SQUARE;
  context.drawImage(source.bitmap, ...part, 0, 0, canvas.width, canvas.height);
  const brushed = layer(HOLE, scale, part);
  if (brushed) {
    const hole = wider(brushed, edge("grow") * scale);
    const red = hole.getContext("2d");
    red.globalCompositeOperation = "source-in";
    red.fillStyle = "#e5254b";
    red.fillRect(0, 0, hole.width, hole.height);
    context.globalAlpha = 0.55;
    context.drawImage(hole, 0, 0);
    context.globalAlpha = 1;
  }
  for (const kind of ["pen", "stroke"]) {
    const drawn = layer([kind], scale, part);
    if (drawn) context.drawImage(drawn, 0, 0);
  }
  const round = 7 * canvas.width / canvas.clientWidth;
  for (const [x, y, color] of points()) {
    context.beginPath();
    context.arc(...at(x, y), round, 0, 7);
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
    const [x, y, width, height] = boxed(drawing);
    context.lineWidth = 2 * canvas.width / canvas.clientWidth;
    context.strokeStyle = "#e5254b";
    context.strokeRect(...at(x, y), width * scale, height * scale);
  }
}
