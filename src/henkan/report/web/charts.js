// The value under the pointer: read off the drawing itself, whose axes say where they lie and what their ends mean.
// Focused, a chart is walked along with the arrows; a click or Enter enlarges it.
const tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
tip.setAttribute("role", "status");
const known = new WeakMap();

function traces(svg) {
  if (!known.has(svg)) {
    const axes = JSON.parse(svg.dataset.axes), [left, top, right, bottom] = axes.box;
    const found = [...svg.querySelectorAll("[data-of]")].map(group => {
      const marks = [...group.querySelectorAll("use")];
      const numbers = group.querySelector(":scope > path")?.getAttribute("d").match(/-?[\d.]+/g)?.map(Number) || [];
      const points = marks.length
        ? marks.map(mark => [Number(mark.getAttribute("x")), Number(mark.getAttribute("y"))])
        : numbers.flatMap((x, place) => place % 2 ? [] : [[x, numbers[place + 1]]]);
      const inside = ([x, y]) => x > left - 1 && x < right + 1 && y > top - 1 && y < bottom + 1;
      return { of: group.dataset.of, points: points.filter(inside) };
    });
    known.set(svg, { axes, traces: found.filter(trace => trace.points.length), at: [0, -1] });
  }
  return known.get(svg);
}

function number(value) {
  return Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 }).replace("-", "−");
}

function meant({ x, y, box: [left, top, right, bottom] }, [across, down]) {
  const share = (down - bottom) / (top - bottom);
  const height = y.log ? y.from * (y.to / y.from) ** share : y.from + share * (y.to - y.from);
  if (x.at) {
    const distances = x.at.map(place => Math.abs(place - across));
    return [x.is[distances.indexOf(Math.min(...distances))], number(height)];
  }
  const value = x.from + (across - left) / (right - left) * (x.to - x.from);
  return [number(x.to - x.from > 50 ? Math.round(value) : value), number(height)];
}

function tell(figure, trace, point) {
  const svg = figure.querySelector("svg"), state = traces(svg);
  state.at = [trace, point];
  const { of, points } = state.traces[trace], [x, y] = points[point];
  let mark = svg.querySelector("circle.told");
  if (!mark) {
    mark = document.createElementNS(svg.namespaceURI, "circle");
    mark.setAttribute("class", "told");
    mark.setAttribute("r", 3.5);
    svg.append(mark);
  }
  mark.setAttribute("cx", x);
  mark.setAttribute("cy", y);
  const [value, height] = meant(state.axes, points[point]), [across, up] = state.axes.names;
  tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: of }), `${across} ${value}`, `${up} ${height}`);
  tip.replaceChildren(...[...tip.childNodes].flatMap((node, place) => place ? [document.createElement("br"), node] : [node]));
  (figure.closest("dialog") || document.body).append(tip);
  tip.hidden = false;
  const { left, top } = mark.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(left + 12, innerWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${top - tip.offsetHeight - 6 > 0 ? top - tip.offsetHeight - 6 : top + 16}px`;
}

function hush(figure) {
  tip.hidden = true;
  figure.querySelector("circle.told")?.remove();
}

function listen(figure) {
  const svg = figure.querySelector("svg");
  figure.addEventListener("pointermove", event => {
    const state = traces(svg);
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    let nearest = [Infinity, 0, 0];
    state.traces.forEach(({ points }, trace) => points.forEach(([x, y], point) => {
      const distance = (x - at.x) ** 2 + (y - at.y) ** 2;
      if (distance < nearest[0]) nearest = [distance, trace, point];
    }));
    nearest[0] < 900 ? tell(figure, nearest[1], nearest[2]) : hush(figure);
  });
  figure.addEventListener("pointerleave", () => hush(figure));
  figure.addEventListener("blur", () => hush(figure));
  figure.addEventListener("keydown", event => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const state = traces(svg);
    if (event.key === "Enter" && !figure.closest("dialog")) enlarge(figure);
    if (!step || !state.traces.length) return;
    event.preventDefault();
    const trace = (state.at[0] + step[0] + state.traces.length) % state.traces.length;
    const last = state.traces[trace].points.length - 1;
    tell(figure, trace, Math.max(0, Math.min(last, Math.max(0, state.at[1]) + (state.at[1] < 0 ? 0 : step[1]))));
  });
}

const large = document.querySelector("dialog.chart");
function enlarge(figure) {
  hush(figure);
  const copy = figure.cloneNode(true);
  large.querySelector("figure")?.remove();
  large.prepend(copy);
  listen(copy);
  large.showModal();
  copy.focus();
}
large.querySelector("button").addEventListener("click", () => large.close());
for (const figure of document.querySelectorAll("figure:has(svg[data-axes])")) {
  figure.tabIndex = 0;
  listen(figure);
  figure.addEventListener("click", () => enlarge(figure));
}
