"use strict";
// The page: its tasks, its networks, its buttons.

function buttons() {
  const { tools } = offer.tasks[task];
  $("undo").disabled = !strokes.length;
  $("redo").disabled = !undone.length;
  $("clear").disabled = !strokes.length;
  for (const button of $("kinds").children) button.setAttribute("aria-pressed", String(button.value === tool));
  $("tools").classList.toggle("none", !tools.length);
  $("colored").hidden = !COLORED.includes(tool);
  $("sized").hidden = !tool || ["box", "point"].includes(tool);
  $("edge").hidden = !tools.includes("brush");
  $("styled").hidden = !offer.tasks[task].styled;
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
  list();
  strokes = []; undone = []; drawing = null;
  $("left").fresh = $("right").fresh = true;
  tool = tools[0];
  forget();
  changed();
}

function list() {
  $("choices").replaceChildren(...offer.tasks[task].choices.map((choice) => {
    const label = document.createElement("label"), box = document.createElement("input"), small = document.createElement("small");
    box.type = "checkbox";
    box.checked = chosen.get(task).has(choice.id);
    box.onchange = () => { chosen.get(task)[box.checked ? "add" : "delete"](choice.id); if (!box.checked) results.delete(choice.id); options(); changed(); };
    small.dataset.id = choice.id;
    small.dataset.plain = choice.learned ? "network" : "method that learns nothing";
    label.append(box, choice.name, small);
    return label;
  }));
}

function bar() {
  const names = Object.keys(offer.tasks);
  $("tasks").replaceChildren(...names.map((name) => {
    const { choices, title } = offer.tasks[name], asked = choices.filter((choice) => choice.asked);
    if (!chosen.has(name)) chosen.set(name, new Set((asked.length ? asked : choices.slice(0, 2)).map(({ id }) => id)));
    const button = document.createElement("button");
    button.value = name;
    button.textContent = title;
    button.setAttribute("aria-current", String(name === task));
    button.onclick = () => turn_to(name);
    return button;
  }));
  $("tasks").hidden = names.length < 2;
}

const suggest = guarded(async () => {
  const answer = await fetch("runs.json");
  if (!answer.ok) return;
  $("runs").replaceChildren(...(await answer.json()).map(({ name, title }) => new Option(title, name)));
});

const add_place = guarded(async () => {
  const place = $("place").value.trim();
  if (!place) return;
  complain("");
  busy(true);
  $("add").disabled = true;
  try {
    const found = await (await ask("add", { place }, {})).json();
    offer = found.offer;
    bar();
    $("place").value = "";
    chosen.get(found.task).add(found.choice);
    if (found.task !== task) turn_to(found.task);
    else { list(); options(); tell(); changed(); }
    $("right").value = String(found.choice);
  } finally { busy(false); $("add").disabled = false; }
});

function start() {
  const names = Object.keys(offer.tasks);
  bar();
  for (const key of ["grow", "feather"]) {
    $(key).max = offer.most.edge;
    $(key).value = offer[key];
    $(key).oninput = changed;
  }
  $("style").onchange = (event) => { restyle(event.target.files[0]); event.target.value = ""; };
  $("plain").onclick = () => restyle(null);
  $("place").onfocus = suggest;
  $("place").onkeydown = (event) => { if (event.key === "Enter") add_place(); };
  $("add").onclick = add_place;
  $("in").onclick = () => nearer(1.5);
  $("out").onclick = () => nearer(1 / 1.5);
  $("fit").onclick = () => nearer(0);
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
  movable($("picture"), { down: begin, go: go_on, up: end, cancel: () => { drawing = null; show(); }, drags: () => !tool });
  const slide = (event) => {
    const box = $("compared").getBoundingClientRect();
    $("split").value = 1000 * (event.clientX - box.left) / box.width;
    compare();
  };
  const sliding = (event) => { if (event.buttons) slide(event); };
  movable($("compared"), { down: slide, go: sliding, up: () => {}, cancel: () => {}, drags: () => false });
  addEventListener("resize", () => { show(); compare(); });
  const hand = (on) => { movable.held = on; document.body.classList.toggle("hand", on); };
  addEventListener("keyup", (event) => { if (event.key === " ") hand(false); });
  addEventListener("blur", () => hand(false));
  addEventListener("keydown", (event) => {
    if (event.key === " " && view.zoom > 1 && (event.target === document.body || event.target.tagName === "CANVAS")) {
      event.preventDefault();
      hand(true);
    }
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    // What was typed is undone there.
    if (event.target.matches("[type=text], [type=number]")) return;
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
