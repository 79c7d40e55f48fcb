// What a reader does: point, choose, search, and all of it with the keyboard.

const search = document.getElementById("search");
const count = document.getElementById("count");
const keys = document.getElementById("keys");
const other = document.getElementById("other");
const opening = [...side.childNodes];
const LISTED = 200;
let chosen = null, pointed = null, leaving = false;
let words = null, found = null, hits = null;

const nameOf = at => scene.parts[at].name ?? scene.parts[at].title ?? scene.parts[at].names[0];

function listOf(rows) {
  const list = document.createElement("dl");
  for (const [term, value, more, sign = ""] of rows) {
    list.append(element("dt", term), element("dd", value));
    if (more) list.append(element("dd", sign + more, "working"));
  }
  return list;
}

function button(text, press) {
  const made = element("button", text);
  made.addEventListener("click", press);
  return made;
}

// The blocks around a part, each of which can be gone to.
function path(at) {
  const steps = [];
  for (let around = scene.parts[at].parent; around >= 0; around = scene.parts[around].parent) {
    const own = around;
    steps.unshift(button(scene.parts[own].title, () => { choose(own); bring(own); }));
  }
  const line = element("p", "", "path");
  line.append(...steps);
  return steps.length ? [line] : [];
}

function show(at) {
  const part = scene.parts[at];
  const parts = [...path(at), element("h2", nameOf(at))];
  if (!scene.toggled && part.sums) {
    if (!part.block) parts.push(element("p", part.is));
    parts.push(listOf(part.sums), button("Open in the graph (Enter)", () => toggle(at)));
    if (part.block) parts.push(element("p", "In it are"), element("small", listed(part.names)));
    else parts.push(...working(part));
  } else if (part.block) {
    const inside = namesIn(at);
    const open = isOpen(at);
    parts.push(element("p", part.lines.slice(0, 2).join(", ") + (part.badge ? `, ${part.badge}` : "")), listOf(part.sums));
    parts.push(button(open ? "Close (Esc)" : "Open (Enter)", () => toggle(at)));
    parts.push(element("p", "In it are"), element("small", listed(inside)));
  } else parts.push(element("p", part.is ?? part.lines.join(", ")), ...working(part));
  side.replaceChildren(...parts);
}

const namesIn = at => scene.parts.slice(at, scene.parts[at].end).flatMap(each => each.names);

function listed(names) {
  const more = names.length > LISTED ? ` and ${(names.length - LISTED).toLocaleString("en-US")} more` : "";
  return names.slice(0, LISTED).join(", ") + more;
}

// The numbers of the layers of a shape, and how they come about.
function working(part) {
  const parts = [];
  for (const [place, ...names] of part.rows ?? []) {
    const { is, facts } = told[place];
    if (part.rows.length > 1 || names.length > 1) parts.push(element("h3", names[0]));
    if (names.length > 1) parts.push(element("small", `the same: ${listed(names.slice(1))}`));
    parts.push(element("p", is), listOf(facts.map(([term, value, working]) => [term, value, working, "= "])));
  }
  return parts;
}

// The other picture of the network, with the same layers chosen; `opens` the block that holds them.
function change(name, at = chosen, opens = false) {
  const names = at === null ? [] : namesIn(at);
  scene.hide();
  scene.seen = view;
  chosen = pointed = words = found = hits = view = covered = small = null;
  shown = name;
  const fresh = !scenes[name];
  scene = scenes[name] ??= makers[name]();
  scene.reveal();
  label();
  dress(theme);
  if (fresh) begin();
  else tell();
  makeRoom();
  const to = names.length ? scene.holding(names) : null;
  if (to !== null && scene.toggled) {
    openTo(to);
    if (opens && scene.parts[to].block && !isOpen(to)) enter(scene.depth, scene.toggled(to));
  }
  look(scene.seen ?? readable());
  if (search.value) filter();
  choose(to);
  if (to !== null) bring(to);
}

// The same, for a reader, whom the browser's way back leads to what is left.
function turn(name, at) {
  write();
  history.pushState(null, "");
  change(name, at, at !== undefined);
  write();
}

function label() {
  const [text, said] = shown === "graph" ? ["Figure", "Show the figure"] : ["Graph", "Show the graph, whose blocks open"];
  other.textContent = text;
  other.title = `${said} (v)`;
  document.getElementById("levels").hidden = scene.deepest < 2;
}

function point(at) {
  if (at === pointed) return;
  pointed = at;
  light();
}

function light() {
  const at = pointed ?? chosen;
  if (scene.far) refill();
  else scene.dress(at, hidden);
  if (at !== null) show(at);
  else side.replaceChildren(...opening);
}

function choose(at) {
  chosen = at;
  pointed = null;
  if (covered) refill();
  light();
  side.scrollTop = 0;
  remember();
}

// All that is said of a layer and of the blocks it is in.
function wordsOf(part) {
  const around = part.parent < 0 ? "" : `${scene.parts[part.parent].title} ${wordsOf(scene.parts[part.parent])}`;
  return [around, part.is ?? "", ...(part.lines ?? []), ...part.names, ...(part.rows ?? []).map(([place]) => JSON.stringify(told[place]))].join(" ").toLowerCase();
}

function filter() {
  const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const layers = scene.parts.flatMap((part, at) => part.block || part.output ? [] : [at]);
  if (!wanted.length) found = hits = null;
  else {
    words ??= new Map(layers.map(at => [at, wordsOf(scene.parts[at])]));
    found = layers.filter(at => wanted.every(word => words.get(at).includes(word)));
    // How many finds stand before a part: a block holds one where the number grows within it.
    hits = new Int32Array(scene.parts.length + 1);
    for (const at of found) hits[at + 1] = 1;
    for (let at = 0; at < scene.parts.length; at++) hits[at + 1] += hits[at];
  }
  count.textContent = found ? `${found.length} of ${layers.length}` : "";
  if (scene.far) settle();
  else scene.dress(pointed ?? chosen, hidden);
}

// Whether a part holds nothing of what is looked for.
const hidden = at => Boolean(hits) && hits[scene.parts[at].end] === hits[at];

function go(at) {
  openTo(at);
  choose(at);
  bring(at);
}

// From find to find, or from shape to shape in the order of the network.
function step(by) {
  const list = found?.length ? found : scene.boxes.map(each => each.part).filter(at => !scene.parts[at].output);
  const place = list.indexOf(chosen);
  go(list[place < 0 ? (by > 0 ? 0 : list.length - 1) : (place + by + list.length) % list.length]);
}

// Along a line, or to what stands beside; where there is nothing, to what is next in the network.
function move(key) {
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
  const from = chosen === null ? null : scene.places.get(chosen);
  if (!from || !scene.lines.length) return step(by);
  const along = ["ArrowDown", "ArrowUp"].includes(key) !== Boolean(scene.sizes.lr);
  const middle = ({ x, y, width, height }) => scene.sizes.lr ? [y + height / 2, x + width / 2] : [x + width / 2, y + height / 2];
  const [x, y] = middle(from);
  const others = along
    ? (scene.joined.get(chosen) ?? []).map(line => by > 0 ? line.target : line.source).filter(at => at !== chosen).map(at => scene.places.get(at))
    : scene.boxes.filter(each => Math.abs(middle(each)[1] - y) < Math.max(each.height, from.height) / 2 && by * (middle(each)[0] - x) > 1);
  const far = each => Math.abs(middle(each)[0] - x) + (along ? 3 : 0.5) * Math.abs(middle(each)[1] - y);
  const near = others.filter(each => !scene.parts[each.part].output).sort((one, other) => far(one) - far(other))[0];
  return near ? go(near.part) : step(by);
}

// A fifth of the window.
function pan(key) {
  const [x, y, width, height] = view;
  look([x + (key === "ArrowRight") * width / 5 - (key === "ArrowLeft") * width / 5, y + (key === "ArrowDown") * height / 5 - (key === "ArrowUp") * height / 5, width, height]);
}

function inside(at) {
  if (!scene.toggled) return toggle(at);
  if (!scene.parts[at].block) return bring(at);
  if (!isOpen(at)) toggle(at);
  choose(at + 1);
  bring(at + 1);
}

// Back, step by step: out of the search, out of the block, and to nothing chosen.
function back() {
  if (search.value || document.activeElement === search) {
    search.value = "";
    filter();
    choose(null);
    leaving = true;
    picture.focus();
    leaving = false;
    return;
  }
  if (chosen === null) return;
  if (!scene.toggled) return choose(null);
  const block = isOpen(chosen) ? chosen : scene.parts[chosen].parent;
  if (block < 0) return choose(null);
  toggle(block);
  bring(block);
}

const held = new Map();
let moved = false;
main.addEventListener("pointerdown", event => {
  if (event.target === map) return;
  held.set(event.pointerId, event);
  moved = false;
});
main.addEventListener("pointermove", event => {
  const before = held.get(event.pointerId);
  if (!before) return event.target === map ? point(null) : point(partAt(event));
  if (!moved && Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY) < 4) return;
  moved = true;
  main.classList.add("held");
  main.setPointerCapture(event.pointerId);
  if (held.size === 1) {
    const size = scale();
    look([view[0] - (event.clientX - before.clientX) * size, view[1] - (event.clientY - before.clientY) * size, view[2], view[3]]);
  } else {
    const other = [...held.values()].find(each => each.pointerId !== event.pointerId);
    const width = from => Math.hypot(from.clientX - other.clientX, from.clientY - other.clientY);
    zoom(width(event) / Math.max(width(before), 1), pointOf(other));
  }
  held.set(event.pointerId, event);
});
main.addEventListener("pointerleave", () => { if (!held.size) point(null); });
for (const end of ["pointerup", "pointercancel"]) {
  main.addEventListener(end, event => {
    held.delete(event.pointerId);
    main.classList.remove("held");
  });
}

// The part under the pointer.
function partAt(event) {
  return scene.touched ? scene.touched(event.target) : scene.itemAt(...pointOf(event));
}
main.addEventListener("click", event => {
  if (moved || event.target === map) return;
  const part = partAt(event);
  if (part !== null && scene.onSign(part, ...pointOf(event))) toggle(part);
  else choose(part);
});
main.addEventListener("dblclick", event => {
  const part = partAt(event);
  if (part !== null && (!scene.toggled || scene.parts[part].block) && !scene.onSign(part, ...pointOf(event))) toggle(part);
});
main.addEventListener("wheel", event => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), pointOf(event));
}, { passive: false });

const press = {
  less: () => deepen(-1), more: () => deepen(1), in: () => zoom(1.4), out: () => zoom(1 / 1.4), all: () => look(whole()),
  help: () => keys.showModal(), other: () => turn(shown === "graph" ? "figure" : "graph"),
};
for (const [id, act] of Object.entries(press)) document.getElementById(id).addEventListener("click", act);
addEventListener("hashchange", recall);
addEventListener("resize", resized);
search.addEventListener("input", filter);
document.addEventListener("keydown", event => {
  if (keys.open || event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target === search;
  const acts = {
    "/": () => search.focus(), "?": press.help, "+": press.in, "=": press.in, "-": press.out, 0: press.all, "[": press.less, "]": press.more,
    t: () => themeButton.hidden || themeButton.click(), v: () => other.hidden || press.other(),
    Enter: () => chosen !== null && inside(chosen), " ": () => chosen !== null && inside(chosen),
  };
  if (event.key === "Escape") back();
  else if (typing) {
    if (event.key !== "Enter") return;
    if (found?.length) step(event.shiftKey ? -1 : 1);
  } else if (event.target.matches("button, select") && ["Enter", " "].includes(event.key)) return;
  else if (event.target.matches("select")) return;
  else if (event.key.startsWith("Arrow")) {
    if (event.target === side) return;
    main.scrollIntoView({ block: "nearest" });
    if (event.shiftKey) pan(event.key);
    else {
      move(event.key);
      picture.focus({ preventScroll: true });
    }
  } else if (acts[event.key]) acts[event.key]();
  else return;
  event.preventDefault();
});
picture.addEventListener("focus", () => { if (!leaving && chosen === null && picture.matches(":focus-visible")) step(1); });
