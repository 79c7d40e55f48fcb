"use strict";
const levels = JSON.parse(document.getElementById("facts").textContent);
const picture = document.getElementById("picture");
const side = document.getElementById("side");
const search = document.getElementById("search");
const count = document.getElementById("count");
const colours = JSON.parse(document.getElementById("colours").textContent);
const opening = [...side.childNodes];
let chosen = null;

// Every depth of the blocks is a picture of its own; one of them is in the page at a time.
[...picture.querySelectorAll("g.level")].forEach((group, place) => {
  const level = levels[place];
  level.group = group;
  level.layers = [...group.querySelectorAll("g.layer")];
  level.edges = [...group.querySelectorAll("g.edge")];
  level.texts = [...group.querySelectorAll("text")];
  level.smallest = Math.min(...level.texts.map(each => +each.getAttribute("font-size")));
  level.inked = [...group.querySelectorAll("[fill], [stroke]")]
    .map(each => [each, each.getAttribute("fill"), each.getAttribute("stroke")]);
  level.plain = level.texts.filter(each => !each.hasAttribute("fill"));
  level.drawn = level.layers.map(layer => [...layer.querySelectorAll("polygon, path, text")]
    .map(each => [each, each.getAttribute("fill"), each.getAttribute("stroke")]));
  level.layers.forEach((layer, at) => {
    layer.setAttribute("tabindex", "0");
    layer.setAttribute("role", "button");
    layer.setAttribute("aria-label", level.facts[at].is);
    layer.dataset.words = JSON.stringify(level.facts[at]).toLowerCase();
    layer.classList.toggle("closed", Boolean(level.facts[at].sums));
    layer.addEventListener("pointerenter", () => light(layer));
    layer.addEventListener("pointerleave", () => light(chosen));
    layer.addEventListener("focus", () => { if (layer.matches(":focus-visible")) choose(layer); });
    layer.addEventListener("dblclick", () => open(layer));
  });
  group.remove();
});
let depth = colours.start;
let { facts, layers, edges, whole, smallest, drawn } = levels[depth];
let found = layers;
let view = [...whole];
picture.append(levels[depth].group);

const names = layer => layer.dataset.layers.split(" ");

// Another depth, with what was chosen still in sight.
function enter(next, name = chosen && names(chosen)[0]) {
  if (!(next in levels) || next === depth) return;
  levels[depth].group.remove();
  depth = next;
  ({ facts, layers, edges, whole, smallest, drawn } = levels[depth]);
  picture.append(levels[depth].group);
  chosen = null;
  small = null;
  look(readable());
  filter();
  dress(theme);
  const layer = name && layers.find(each => names(each).includes(name));
  choose(layer || null);
  if (layer) bring(layer);
  told();
}

function told() {
  document.getElementById("depth").textContent = `Depth ${depth + 1} of ${levels.length}`;
  document.getElementById("less").disabled = depth === 0;
  document.getElementById("more").disabled = depth === levels.length - 1;
}

// The first depth at which a closed block is not one shape any more.
function open(layer) {
  const inside = names(layer);
  for (let next = depth + 1; next < levels.length; next++) {
    const there = levels[next].layers.find(each => names(each).includes(inside[0]));
    if (there && names(there).length !== inside.length) return enter(next, names(there)[0]);
  }
  bring(layer);
}

function look(next) {
  view = next;
  picture.setAttribute("viewBox", view.map(each => +each.toFixed(3)).join(" "));
  mark();
  remember();
}

// Text of at least 9 pixels: all of the picture where that is so, else what of its upper end fits.
function readable() {
  const box = picture.getBoundingClientRect();
  const most = smallest / 9;
  if (!box.width || Math.max(whole[2] / box.width, whole[3] / box.height) <= most) return [...whole];
  const [width, height] = [box.width * most, box.height * most];
  const first = layers[0].getBBox();
  const x = width >= whole[2] ? (whole[2] - width) / 2 : Math.min(Math.max(first.x + first.width / 2 - width / 2, 0), whole[2] - width);
  const y = height >= whole[3] ? (whole[3] - height) / 2 : Math.min(Math.max(first.y + first.height / 2 - height / 2, 0), whole[3] - height);
  return [x, y, width, height];
}

// The address keeps what is seen and what is chosen, so that it can be sent, and a reload shows it again.
let waiting = 0;
function remember() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const name = chosen ? `&layer=${encodeURIComponent(names(chosen)[0])}` : "";
    history.replaceState(null, "", `#depth=${depth + 1}&view=${view.map(each => +each.toFixed(1)).join(",")}${name}`);
  }, 150);
}

function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  const asked = Number(kept.get("depth")) - 1;
  if (asked in levels) enter(asked, null);
  const seen = (kept.get("view") || "").split(",").map(Number);
  look(seen.length === 4 && seen.every(Number.isFinite) && seen[2] > 0 && seen[3] > 0 ? seen : readable());
  const layer = layers.find(each => names(each).includes(kept.get("layer")));
  if (layer) {
    choose(layer);
    if (!kept.get("view")) bring(layer);
  }
}

// The whole picture in small, with what is seen of it.
const map = document.getElementById("map");
let small = null;
function sketch() {
  const size = 150 / Math.max(whole[2], whole[3]);
  [map.width, map.height] = [Math.ceil(whole[2] * size), Math.ceil(whole[3] * size)];
  small = document.createElement("canvas");
  [small.width, small.height] = [map.width, map.height];
  const pen = small.getContext("2d");
  pen.fillStyle = getComputedStyle(document.body).color;
  for (const layer of layers) {
    const box = layer.getBBox();
    pen.fillRect(box.x * size, box.y * size, Math.max(box.width * size, 1), Math.max(box.height * size, 1));
  }
}
function mark() {
  const all = view[0] <= 0 && view[1] <= 0 && view[0] + view[2] >= whole[2] && view[1] + view[3] >= whole[3];
  map.hidden = all;
  if (all) return;
  if (!small) sketch();
  const size = map.width / whole[2];
  const pen = map.getContext("2d");
  pen.clearRect(0, 0, map.width, map.height);
  pen.globalAlpha = 0.45;
  pen.drawImage(small, 0, 0);
  pen.globalAlpha = 1;
  pen.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--link");
  pen.lineWidth = 2;
  pen.strokeRect(...view.map(each => each * size));
}
function seek(event) {
  const box = map.getBoundingClientRect();
  const [x, y] = [(event.clientX - box.x) / box.width * whole[2], (event.clientY - box.y) / box.height * whole[3]];
  look([x - view[2] / 2, y - view[3] / 2, view[2], view[3]]);
}
map.addEventListener("pointerdown", event => { map.setPointerCapture(event.pointerId); seek(event); });
map.addEventListener("pointermove", event => { if (event.buttons) seek(event); });

// Points of the picture to one pixel of the screen: the view box is centred and shown whole.
function scale() {
  const box = picture.getBoundingClientRect();
  return Math.max(view[2] / box.width, view[3] / box.height);
}

function at(event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
  return [point.x, point.y];
}

// Towards the chosen layer, or the middle.
function centre() {
  const box = chosen ? chosen.getBBox() : { x: view[0], y: view[1], width: view[2], height: view[3] };
  return [box.x + box.width / 2, box.y + box.height / 2];
}

function zoom(factor, [x, y] = centre()) {
  const width = Math.min(Math.max(view[2] / factor, whole[2] / 200), whole[2] * 4);
  const part = width / view[2];
  look([x - (x - view[0]) * part, y - (y - view[1]) * part, width, view[3] * part]);
}

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function show(place) {
  const { name, is, rows, sums, inside } = facts[place];
  const parts = [element("h2", name), element("p", is)];
  if (sums) {
    const list = document.createElement("dl");
    for (const [term, value, share] of sums) {
      list.append(element("dt", term), element("dd", value));
      if (share) list.append(element("dd", share, "working"));
    }
    parts.push(list, element("p", "Double-click, or Enter, opens it. In it are"), element("small", inside.join(", ")));
  }
  for (const row of rows) {
    if (rows.length > 1 || row.names.length > 1) parts.push(element("h3", row.names[0]));
    if (row.names.length > 1) parts.push(element("small", `the same: ${row.names.slice(1).join(", ")}`));
    const list = document.createElement("dl");
    for (const [term, value, working] of row.facts) {
      list.append(element("dt", term), element("dd", value));
      if (working) list.append(element("dd", `= ${working}`, "working"));
    }
    parts.push(element("p", row.is), list);
  }
  side.replaceChildren(...parts);
}

function light(layer) {
  layers.forEach(each => each.classList.toggle("on", each === layer));
  const name = layer && layer.dataset.layers.split(" ")[0];
  for (const edge of edges) {
    edge.classList.toggle("lit", name !== null && [edge.dataset.source, edge.dataset.target].includes(name));
  }
  if (layer) show(layers.indexOf(layer));
  else side.replaceChildren(...opening);
}

function choose(layer) {
  chosen = layer;
  light(layer);
  side.scrollTop = 0;
  remember();
}

function bring(layer) {
  const box = layer.getBBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const legible = Math.min(view[2], Math.max(whole[2] / 20, box.width * 6));
  const part = legible / view[2];
  const inside = box.x >= view[0] && box.y >= view[1]
    && box.x + box.width <= view[0] + view[2] && box.y + box.height <= view[1] + view[3];
  if (!inside || part < 0.5) look([x - legible / 2, y - view[3] * part / 2, legible, view[3] * part]);
}

function step(by) {
  const at = found.indexOf(chosen);
  const match = search.value && found[at < 0 ? 0 : (at + by + found.length) % found.length];
  // What was looked for stands inside of a closed block: open the way.
  if (match && facts[layers.indexOf(match)].sums && depth < levels.length - 1) {
    enter(levels.length - 1, null);
    const hit = found.find(each => names(match).includes(names(each)[0]));
    if (hit) {
      choose(hit);
      bring(hit);
      return hit;
    }
  }
  const list = found.length ? found : layers;
  const place = list.indexOf(chosen);
  const next = list[place < 0 ? (by > 0 ? 0 : list.length - 1) : (place + by + list.length) % list.length];
  choose(next);
  bring(next);
  return next;
}

function clear() {
  search.value = "";
  filter();
  choose(null);
}

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  found = layers.filter(layer => words.every(word => layer.dataset.words.includes(word)));
  layers.forEach(layer => layer.classList.toggle("dim", !found.includes(layer)));
  count.textContent = words.length ? `${found.length} of ${layers.length}` : "";
}

const held = new Map();
let moved = false;
picture.addEventListener("pointerdown", event => {
  held.set(event.pointerId, event);
  moved = false;
});
picture.addEventListener("pointermove", event => {
  const before = held.get(event.pointerId);
  if (!before) return;
  if (!moved && Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY) < 4) return;
  moved = true;
  picture.classList.add("held");
  picture.setPointerCapture(event.pointerId);
  if (held.size === 1) {
    const size = scale();
    look([view[0] - (event.clientX - before.clientX) * size, view[1] - (event.clientY - before.clientY) * size, view[2], view[3]]);
  } else {
    const other = [...held.values()].find(each => each.pointerId !== event.pointerId);
    const apart = from => Math.hypot(from.clientX - other.clientX, from.clientY - other.clientY);
    zoom(apart(event) / Math.max(apart(before), 1), at(other));
  }
  held.set(event.pointerId, event);
});
for (const end of ["pointerup", "pointercancel"]) {
  picture.addEventListener(end, event => {
    held.delete(event.pointerId);
    picture.classList.remove("held");
  });
}
picture.addEventListener("click", event => {
  if (!moved) choose(event.target.closest("g.layer"));
});
picture.addEventListener("wheel", event => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), at(event));
}, { passive: false });

document.getElementById("less").addEventListener("click", () => enter(depth - 1));
document.getElementById("more").addEventListener("click", () => enter(depth + 1));
document.getElementById("in").addEventListener("click", () => zoom(1.4));
document.getElementById("out").addEventListener("click", () => zoom(1 / 1.4));
document.getElementById("all").addEventListener("click", () => look([...whole]));
addEventListener("hashchange", recall);
addEventListener("resize", mark);
search.addEventListener("input", filter);
search.addEventListener("keydown", event => {
  if (event.key === "Enter" && found.length) step(event.shiftKey ? -1 : 1);
});
document.addEventListener("keydown", event => {
  if (event.key === "Escape") {
    clear();
    document.activeElement.blur();
    return;
  }
  if (event.target === search || event.target === colour || event.ctrlKey || event.metaKey || event.altKey) return;
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  if (event.key === "/") search.focus();
  else if (event.key === "+" || event.key === "=") zoom(1.4);
  else if (event.key === "-") zoom(1 / 1.4);
  else if (event.key === "0") look([...whole]);
  else if (event.key === "t" && !button.hidden) button.click();
  else if (event.key in steps) step(steps[event.key]).focus({ preventScroll: true });
  else if ((event.key === "Enter" || event.key === " ") && event.target.closest?.("g.layer")) open(event.target);
  else if (event.key === "[") enter(depth - 1);
  else if (event.key === "]") enter(depth + 1);
  else return;
  event.preventDefault();
});

// What the colours say: each layer's family, or what it costs, from light to dark.
const colour = document.getElementById("colour");
const legend = document.getElementById("legend");
function mix(one, other, part) {
  const channel = at => {
    const [from, to] = [one, other].map(each => parseInt(each.slice(at, at + 2), 16));
    return Math.floor(from + (to - from) * part + 0.5).toString(16).padStart(2, "0");
  };
  return "#" + channel(1) + channel(3) + channel(5);
}

function faces([fill, stroke]) {
  return [mix(fill, ...colours.light), mix(fill, ...colours.shadow), fill, stroke];
}

function paint(place, cost) {
  const now = cost === null ? colours.none : [mix(...colours.ramp, cost), colours.ink];
  const change = new Map();
  // A block of several layers may have the colours of any family; its first layer's come first.
  for (const family of [...Object.keys(colours.families), levels[depth].of[place]]) {
    faces(colours.families[family]).forEach((was, face) => change.set(was, faces(now)[face]));
  }
  for (const [element, fill, stroke] of drawn[place]) {
    if (change.has(fill)) element.setAttribute("fill", change.get(fill));
    if (change.has(stroke)) element.setAttribute("stroke", change.get(stroke));
  }
}

function plain(place) {
  for (const [element, fill, stroke] of drawn[place]) {
    if (fill) element.setAttribute("fill", fill);
    if (stroke) element.setAttribute("stroke", stroke);
  }
}

function recolour() {
  const quantity = levels[depth].quantities.find(each => each.name === colour.value);
  legend.hidden = !quantity;
  layers.forEach((layer, place) => {
    if (quantity && quantity.places[place] !== -1) paint(place, quantity.places[place]);
    else plain(place);
  });
  if (!quantity) return;
  const [least, most] = legend.querySelectorAll("span");
  legend.querySelector("figcaption").textContent = quantity.heading;
  [least.textContent, most.textContent] = quantity.ends;
  legend.querySelector("small").hidden = !quantity.places.includes(null);
  const bar = legend.querySelector("canvas").getContext("2d");
  for (let x = 0; x < 256; x++) {
    bar.fillStyle = mix(...colours.ramp, x / 255);
    bar.fillRect(x, 0, 1, 1);
  }
}

for (const [name, text] of [["family", "what it is"], ...levels[depth].quantities.map(each => [each.name, each.unit])]) {
  const option = element("option", text);
  option.value = name;
  colour.append(option);
}
colour.value = colours.first;
colour.addEventListener("change", recolour);

// The page takes the reader's theme where nobody asked for one: every colour has its place in both.
const both = JSON.parse(document.getElementById("themes").textContent);
function dress(name) {
  if (!both[name]) return recolour();
  const { vars, colours: said, painting } = both[name];
  const from = both[both.drawn].colours;
  const change = new Map(from.map((each, place) => [each, said[place]]));
  for (const [element, fill, stroke] of levels[depth].inked) {
    if (change.has(fill)) element.setAttribute("fill", change.get(fill));
    if (change.has(stroke)) element.setAttribute("stroke", change.get(stroke));
  }
  for (const text of levels[depth].plain) text.setAttribute("fill", change.get("#000000") || "#000000");
  for (const [variable, value] of Object.entries(vars)) document.documentElement.style.setProperty(`--${variable}`, value);
  Object.assign(colours, painting);
  drawn.forEach(parts => parts.forEach(part => {
    part[1] = part[0].getAttribute("fill");
    part[2] = part[0].getAttribute("stroke");
  }));
  small = null;
  mark();
  recolour();
}
const dusk = matchMedia("(prefers-color-scheme: dark)");
const button = document.getElementById("theme");
let theme = both.follows && dusk.matches ? "dark" : both.drawn;
button.hidden = !both.dark;
button.addEventListener("click", () => dress(theme = theme === "dark" ? "light" : "dark"));
if (both.follows) dusk.addEventListener("change", () => dress(theme = dusk.matches ? "dark" : "light"));
if (theme === both.drawn) recolour();
else dress(theme);
document.getElementById("levels").hidden = levels.length < 2;
told();
recall();
