// Two outputs, one over the other, and a slider between them.
for (const place of document.querySelectorAll(".pairs")) {
  const pairs = JSON.parse(place.querySelector("script").textContent);
  const gallery = document.getElementById(place.dataset.gallery);
  const headings = [...gallery.querySelectorAll(".head span")].map(span => span.textContent);
  const choice = place.querySelector("select"), groups = place.querySelector(".choices");
  const stage = place.querySelector(".stage"), slider = place.querySelector("input");
  const [one, other] = stage.querySelectorAll("img"), [left, right] = stage.querySelectorAll("span");
  const sides = place.querySelectorAll(".aside img"), caption = place.querySelector("figcaption");
  const cell = (number, column) => gallery.querySelector(`.line[data-n="${number}"]`)?.children[column]?.querySelector("img");
  // A configuration may be called as what stands before the outputs is.
  const picture = (number, name) => cell(number, headings.slice(0, -1).lastIndexOf(name));

  function put(image, found, alt) {
    image.hidden = !found;
    if (!found) return;
    image.alt = alt;
    image.onerror = () => { image.onerror = null; image.src = found.src; };
    image.src = found.dataset.full || found.src;
  }
  function slide() {
    stage.style.setProperty("--at", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value} % ${left.textContent}, the rest ${right.textContent}`);
  }
  function look(pair, number, button) {
    groups.querySelectorAll("button").forEach(each => each.setAttribute("aria-pressed", each === button));
    put(one, picture(number, pair.one), `made by ${pair.one}`);
    put(other, picture(number, pair.other), `made by ${pair.other}`);
    put(sides[0], cell(number, headings.indexOf("source")), "source");
    put(sides[1], cell(number, headings.lastIndexOf("target")), "target");
    left.textContent = pair.one;
    right.textContent = pair.other;
    caption.textContent = button.dataset.told;
    slide();
  }
  function choose() {
    const pair = pairs[choice.value];
    groups.replaceChildren(...pair.groups.map(group => {
      const box = Object.assign(document.createElement("div"), { className: "group" });
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", group.title);
      box.append(Object.assign(document.createElement("span"), { textContent: group.title }));
      for (const [number, said] of group.choices) {
        const small = picture(number, pair.other), name = small?.alt.split(`, ${pair.other}`)[0] || `picture ${number}`;
        const button = Object.assign(document.createElement("button"), { type: "button", textContent: said });
        button.dataset.told = `${name}: ${group.title} (${said})`;
        button.title = name;
        if (small) button.prepend(Object.assign(document.createElement("img"), { src: small.src, alt: name, loading: "lazy" }));
        button.addEventListener("click", () => look(pair, number, button));
        box.append(button);
      }
      return box;
    }));
    groups.querySelector("button")?.click();
  }
  choice.append(...pairs.map((pair, index) => new Option(`${pair.one} and ${pair.other}`, index)));
  // Where most is to be seen.
  choice.value = pairs.reduce((most, pair, index) => pair.apart > pairs[most].apart ? index : most, 0);
  choice.addEventListener("change", choose);
  slider.addEventListener("input", slide);
  function drag(event) {
    const { left: edge, width } = stage.getBoundingClientRect();
    slider.value = Math.round(100 * (event.clientX - edge) / width);
    slide();
  }
  stage.addEventListener("pointerdown", event => { stage.setPointerCapture(event.pointerId); drag(event); });
  stage.addEventListener("pointermove", event => event.buttons && drag(event));
  place.hidden = false;
  choose();
}
