// Pictures enlarged, row by row, and those of the study that are not in this page, shown from where they lie.
const dialog = document.querySelector("dialog.picture"), shown = dialog.querySelector("img"), caption = dialog.querySelector("p");
let row = [], place = 0;

function fit() {
  const room = Math.min((innerWidth - 16) / shown.naturalWidth, (innerHeight - 170) / shown.naturalHeight);
  // Whole multiples keep every pixel the same size; a picture too large for the screen is shrunk instead.
  shown.style.width = `${shown.naturalWidth * (room >= 1 ? Math.floor(room) : room)}px`;
}
function show(index) {
  place = (index + row.length) % row.length;
  const small = row[place];
  shown.onload = fit;
  shown.onerror = () => {
    shown.onerror = null;
    shown.src = small.src;
    caption.textContent = `${small.alt} (reduced: the whole picture is not beside this page)`;
  };
  shown.src = small.dataset.full || small.src;
  shown.alt = caption.textContent = small.alt;
  if (!dialog.open) dialog.showModal();
}
document.addEventListener("click", event => {
  const button = event.target.closest(".line button");
  if (!button) return;
  row = [...button.parentElement.querySelectorAll("img")];
  show(row.indexOf(button.firstElementChild));
});
dialog.addEventListener("click", event => {
  const step = Number(event.target.dataset.step || 0);
  step ? show(place + step) : event.target !== caption && dialog.close();
});
dialog.addEventListener("keydown", event => {
  if (event.key === "ArrowLeft" || event.key === "ArrowRight") show(place + (event.key === "ArrowLeft" ? -1 : 1));
});

function absent() {
  return Object.assign(document.createElement("span"), { className: "absent", textContent: "not here" });
}
function line(name, stem, columns, headings) {
  const made = Object.assign(document.createElement("div"), { className: "line" });
  columns.forEach((column, index) => {
    if (!column) return made.append(absent());
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const image = Object.assign(document.createElement("img"), { loading: "lazy", alt: `${name}, ${headings[index]}` });
    image.addEventListener("error", () => button.replaceWith(absent()));
    image.src = column[0] + stem + column[1];
    button.append(image);
    made.append(button);
  });
  return made;
}
for (const gallery of document.querySelectorAll(".gallery:has(script)")) {
  const { columns, rows } = JSON.parse(gallery.querySelector("script").textContent);
  const headings = [...gallery.querySelectorAll(".head span")].map(span => span.textContent);
  const more = gallery.querySelector(".more"), words = more.textContent;
  let next = 0;
  function add(count) {
    const added = rows.slice(next, next + count).map(([stem, name]) => line(name, stem, columns, headings));
    gallery.querySelector(".grid").append(...added);
    next += added.length;
    more.textContent = `${words} (${rows.length - next} left)`;
    more.hidden = next === rows.length;
  }
  add(0);
  more.addEventListener("click", () => add(24));
  // Of a seed that has no picture in the page, the first ones are there when it is looked at.
  if (!gallery.querySelector(".line img")) {
    new IntersectionObserver((entries, observer) => {
      if (!entries.some(entry => entry.isIntersecting)) return;
      observer.disconnect();
      add(12);
    }).observe(gallery);
  }
}
