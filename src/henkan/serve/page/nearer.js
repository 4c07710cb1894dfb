"use strict";
// What both canvases show of the picture: all of it, or a part that is nearer.

function seen_of({ width, height }) { return [view.x * width, view.y * height, width / view.zoom, height / view.zoom]; }

function look() {
  // What lies outside of the picture is never seen.
  const most = 1 - 1 / view.zoom, inside = (value) => Math.min(Math.max(value, 0), most);
  view.x = inside(view.x);
  view.y = inside(view.y);
  $("fit").textContent = `${Math.round(100 * view.zoom)} %`;
  for (const id of ["picture", "compared"]) $(id).classList.toggle("near", view.zoom > 1);
  cancelAnimationFrame(look.frame);
  look.frame = requestAnimationFrame(() => { show(); compare(); });
}

function nearer(factor, [x, y] = [0.5, 0.5]) {
  // What is under a place (in shares of the canvas) stays there.
  if (!source) return;
  const most = Math.max(2, CLOSEST * source.width / Math.max(1, $("picture").clientWidth));
  const zoom = Math.min(Math.max(view.zoom * factor, 1), most);
  view = { zoom, x: view.x + x / view.zoom - x / zoom, y: view.y + y / view.zoom - y / zoom };
  look();
}

function move(right, down) {
  // In shares of the canvas.
  view.x -= right / view.zoom;
  view.y -= down / view.zoom;
  look();
}

const STEPS = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };

function movable(canvas, { down, go, up, cancel, drags }) {
  // Two fingers, the middle button, Space and the wheel move what both canvases show; all else is for the tools.
  const fingers = new Map();
  let moving = false;
  const share = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  };
  const spread = () => {
    const [[ax, ay], [bx, by]] = [...fingers.values()];
    return { at: [(ax + bx) / 2, (ay + by) / 2], apart: Math.max(0.01, Math.hypot(ax - bx, ay - by)) };
  };
  canvas.onpointerdown = (event) => {
    if (fingers.size === 2) return;
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, share(event));
    if (fingers.size === 2 || event.button === 1 || movable.held || (drags() && view.zoom > 1)) {
      event.preventDefault();
      if (!moving) cancel();
      moving = true;
    } else if (!moving) down(event);
  };
  canvas.onpointermove = (event) => {
    if (!moving) return go(event);
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const pinched = fingers.size === 2 ? spread() : null, now = share(event);
    fingers.set(event.pointerId, now);
    if (pinched) {
      const { at, apart } = spread();
      move(at[0] - pinched.at[0], at[1] - pinched.at[1]);
      nearer(apart / pinched.apart, at);
    } else move(now[0] - before[0], now[1] - before[1]);
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    if (!moving) (event.type === "pointerup" ? up : cancel)(event);
    else if (!fingers.size) moving = false;
  };
  canvas.addEventListener("wheel", (event) => {
    // Who scrolls down the page, and comes by, goes on scrolling.
    const inward = event.deltaY < 0, top = document.scrollingElement.scrollTop === 0;
    if (!event.ctrlKey && view.zoom === 1 && !(inward && top)) return;
    event.preventDefault();
    nearer(Math.exp(-event.deltaY * (event.deltaMode ? 16 : 1) * (event.ctrlKey ? 0.01 : 0.002)), share(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (["+", "=", "-"].includes(event.key)) nearer(event.key === "-" ? 0.8 : 1.25);
    else if (event.key === "0") nearer(0);
    else if (event.key in STEPS && view.zoom > 1) move(...STEPS[event.key]);
    else return;
    event.preventDefault();
  });
}
