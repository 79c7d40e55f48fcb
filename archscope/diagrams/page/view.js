// What is seen of the picture: the window moves over it. Only the space around the window is in the page; within that,
// moving is a shift of what is already painted.

const main = document.querySelector("main");
const map = document.getElementById("map");
const AROUND = 0.35;
let view = null, pixel = 1;
let covered = null;

// The view with the proportions of the window.
function fitted([x, y, width, height]) {
  const size = Math.max(width / main.clientWidth, height / main.clientHeight) || 1;
  const [wide, tall] = [size * main.clientWidth, size * main.clientHeight];
  return [x - (wide - width) / 2, y - (tall - height) / 2, wide, tall];
}

// Points of the picture to a pixel of the screen.
const scale = () => view[2] / main.clientWidth;

function look(next) {
  view = fitted(next);
  pixel = scale();
  const [x, y, width, height] = view;
  const kept = covered && Math.abs(covered.size / scale() - 1) < 1e-9
    && Math.abs(x - covered.view[0]) <= AROUND * width && Math.abs(y - covered.view[1]) <= AROUND * height;
  if (!kept) settle();
  const shift = [0, 1].map(axis => (covered.view[axis] - view[axis]) / scale());
  picture.style.transform = far.style.transform = `translate(${shift[0]}px, ${shift[1]}px)`;
  mark();
  remember();
}

// In another window: all of it, if all of it was seen, else at the same size around the same middle.
function resized() {
  const [x, y, width, height] = view, [wide, tall] = [main.clientWidth, main.clientHeight].map(each => each * pixel);
  covered = small = null;
  makeRoom();
  look(map.hidden ? whole() : [x + (width - wide) / 2, y + (height - tall) / 2, wide, tall]);
}

// Brings what is around the window into the page.
function settle() {
  if (!view) return;
  const [x, y, width, height] = view;
  const cover = [x - AROUND * width, y - AROUND * height, (1 + 2 * AROUND) * width, (1 + 2 * AROUND) * height];
  covered = { view: [...view], size: scale() };
  picture.setAttribute("viewBox", cover.map(each => +each.toFixed(3)).join(" "));
  picture.style.transform = far.style.transform = "";
  refill(cover);
}

function refill(cover = picture.getAttribute("viewBox").split(" ").map(Number)) {
  scene.draw(cover, covered.size, [chosen, pointed].filter(each => each !== null));
  scene.dress(pointed ?? chosen, hidden);
  if (chosen !== null && scene.elementOf(chosen)) picture.setAttribute("aria-activedescendant", scene.elementOf(chosen).id);
  else picture.removeAttribute("aria-activedescendant");
}

// All of the picture, with text of at most 20 pixels.
const LARGEST = 20;
function whole() {
  const [, , wide, tall] = scene.whole, [width, height] = [main.clientWidth, main.clientHeight].map(each => each * scene.smallest / LARGEST);
  const [x, y] = [Math.min(0, (wide - width) / 2), Math.min(0, (tall - height) / 2)];
  return wide < width && tall < height ? [x, y, width, height] : [...scene.whole];
}

// The side is narrower where all of the picture is seen thanks to that, with text of 9 pixels.
const NARROW = 256;
function makeRoom() {
  document.body.style.removeProperty("--side");
  const [, , wide, tall] = scene.whole, size = 9 / scene.smallest, lacks = Math.ceil(wide * size) - main.clientWidth;
  const own = side.offsetWidth - lacks;
  if (lacks > 0 && own >= NARROW && tall * size <= main.clientHeight) document.body.style.setProperty("--side", `${own}px`);
}

// Text of at least 9 pixels: all of the picture where that is so, else what of its upper end fits.
const isReadable = (least = 9) => {
  const [, , width, height] = scene.whole;
  return Math.max(width / main.clientWidth, height / main.clientHeight) <= scene.smallest / least;
};
function readable() {
  const [, , wide, tall] = scene.whole;
  if (isReadable() || !main.clientWidth) return whole();
  const size = scene.smallest / 9, [width, height] = [main.clientWidth * size, main.clientHeight * size];
  const { x, y, width: own, height: high } = scene.boxes[0];
  const begin = (at, all, part) => part >= all ? (all - part) / 2 : Math.min(Math.max(at - part / 2, 0), all - part);
  return [begin(x + own / 2, wide, width), begin(y + high / 2, tall, height), width, height];
}

// The address keeps what is seen, what is open, what is chosen and what the colours say, so that it can be sent, and a
// reload shows it again.
let waiting = 0;
function write() {
  clearTimeout(waiting);
  const changed = scene.changed.size ? `&changed=${[...scene.changed].map(each => each.toString(36)).join(".")}` : "";
  const layer = chosen === null ? "" : `&layer=${encodeURIComponent(nameOf(chosen))}${scene.parts[chosen].block ? "&block" : ""}`;
  const as = shown === packed.first ? "" : `as=${shown}&`, says = colour.value === first ? "" : `&colour=${colour.value}`;
  history.replaceState(null, "", `#${as}depth=${scene.depth}${changed}&view=${view.map(each => +each.toFixed(1)).join(",")}${layer}${says}`);
}
function remember() {
  clearTimeout(waiting);
  waiting = setTimeout(write, 150);
}

function recall() {
  const kept = new URLSearchParams(location.hash.slice(1)), as = kept.get("as") ?? packed.first;
  if (as !== shown && !other.hidden && makers[as]) change(as);
  const says = kept.get("colour") ?? first, depth = Number(kept.get("depth"));
  if ([...colour.options].some(each => each.value === says)) colour.value = says;
  const changed = (kept.get("changed") ?? "").split(".").map(each => parseInt(each, 36)).filter(each => scene.parts[each]?.block);
  if (depth >= 1 && depth <= scene.deepest) enter(Math.floor(depth), new Set(changed));
  else begin();
  makeRoom();
  const layer = kept.get("layer"), block = kept.has("block");
  const at = layer === null ? -1 : scene.parts.findIndex((part, at) => Boolean(part.block) === block && (block ? nameOf(at) === layer : part.names.includes(layer)));
  if (at >= 0) openTo(at);
  choose(at < 0 ? null : at);
  const seen = (kept.get("view") || "").split(",").map(Number);
  const stated = seen.length === 4 && seen.every(Number.isFinite) && seen[2] > 0 && seen[3] > 0;
  look(stated ? seen : readable());
  if (at >= 0 && !stated) bring(at);
}

// At first as many blocks are open as the window has room for, with text of 9 pixels, or else none, but for one that has
// nothing beside it; or as was asked for.
const ROOM = 150;
function begin() {
  const asked = new Set(scene.parts.flatMap((part, at) => part.asked === undefined ? [] : [at]));
  const differs = depth => new Set([...asked].filter(at => scene.parts[at].asked !== scene.parts[at].level < depth));
  const wanted = scene.asked === "full" ? scene.deepest : Math.min(Number(scene.asked) || 0, scene.deepest);
  if (wanted) return enter(wanted, differs(wanted));
  const many = depth => scene.parts.filter(part => part.level <= depth).length;
  for (let depth = scene.deepest; depth > 1; depth--) {
    if (many(depth) > ROOM) continue;
    enter(depth, differs(depth));
    if (isReadable()) return;
  }
  const alone = level => {
    const held = scene.parts.filter(part => part.level === level && part.family !== "input");
    return held.length === 1 && held[0].block;
  };
  let least = 1;
  while (alone(least) && many(least + 1) <= ROOM) least++;
  enter(least, differs(least));
}

// Another set of open blocks.
function enter(depth, changed) {
  scene.open(depth, changed);
  covered = null;
  small = null;
  if (scene.places && chosen !== null && !scene.places.has(chosen)) chosen = scene.seenAs(chosen)?.part ?? null;
  if (!scene.places.has(pointed)) pointed = null;
  recolour();
  tell();
}

function tell() {
  const own = scene.changed.size ? ` · ${scene.changed.size} by hand` : "";
  document.getElementById("depth").textContent = `Depth ${scene.depth} of ${scene.deepest}${own}`;
  document.getElementById("less").disabled = scene.depth <= 1 && !scene.changed.size;
  document.getElementById("more").disabled = scene.depth >= scene.deepest && !scene.changed.size;
}

// To a depth, with what was chosen still in sight; what was opened by hand goes by the depth again.
function deepen(by) {
  const depth = Math.min(Math.max(scene.depth + by, 1), scene.deepest);
  const layer = chosen;
  enter(depth, new Set());
  const at = layer === null ? null : scene.seenAs(layer)?.part ?? null;
  choose(at);
  look(readable());
  if (at !== null) bring(at);
}

// Opens or closes one block, which stays where it is on the screen. What a figure holds opens in the graph.
function toggle(at) {
  if (!scene.toggled) return turn("graph", at);
  const before = scene.places.get(at);
  enter(scene.depth, scene.toggled(at));
  const after = scene.places.get(at);
  if (before && after) view = [view[0] + after.x - before.x, view[1] + after.y - before.y, view[2], view[3]];
  choose(at);
  look(view);
}

const isOpen = at => scene.parts[at].block && scene.opened.has(at);

// Opens all blocks around a part.
function openTo(at) {
  const changed = new Set(scene.changed);
  let opens = false;
  for (let around = scene.parts[at].parent; around >= 0; around = scene.parts[around].parent) {
    if (scene.opened.has(around)) continue;
    changed.has(around) ? changed.delete(around) : changed.add(around);
    opens = true;
  }
  if (opens) enter(scene.depth, changed);
}

// The whole picture in small, with what is seen of it: `reduced` is pixels of that to a point.
let small = null;
const reduced = () => Math.min(150, 0.3 * main.clientWidth, 0.4 * main.clientHeight) / Math.max(scene.whole[2], scene.whole[3]);
function sketch() {
  const [, , width, height] = scene.whole, size = reduced();
  [map.width, map.height] = [Math.max(12, Math.ceil(width * size)), Math.max(12, Math.ceil(height * size))];
  small = document.createElement("canvas");
  [small.width, small.height] = [map.width, map.height];
  const pen = small.getContext("2d");
  pen.fillStyle = tones.text;
  for (const { x, y, width, height } of scene.boxes) pen.fillRect(x * size, y * size, Math.max(width * size, 1), Math.max(height * size, 1));
}
function mark() {
  const [, , width, height] = scene.whole;
  const all = view[0] <= 0 && view[1] <= 0 && view[0] + view[2] >= width && view[1] + view[3] >= height;
  map.hidden = all;
  if (all) return;
  if (!small) sketch();
  const size = reduced(), pen = map.getContext("2d");
  pen.clearRect(0, 0, map.width, map.height);
  pen.globalAlpha = 0.45;
  pen.drawImage(small, 0, 0);
  pen.globalAlpha = 1;
  pen.strokeStyle = tones.link;
  pen.lineWidth = 2;
  pen.strokeRect(...view.map(each => each * size));
}
function seek(event) {
  const box = map.getBoundingClientRect(), size = reduced();
  look([(event.clientX - box.x) / size - view[2] / 2, (event.clientY - box.y) / size - view[3] / 2, view[2], view[3]]);
}
map.addEventListener("pointerdown", event => { map.setPointerCapture(event.pointerId); seek(event); });
map.addEventListener("pointermove", event => { if (event.buttons) seek(event); });

function pointOf(event) {
  const box = main.getBoundingClientRect();
  return [view[0] + (event.clientX - box.x) * scale(), view[1] + (event.clientY - box.y) * scale()];
}

// Towards the chosen layer, or the middle.
function centre() {
  const place = chosen === null ? null : scene.places.get(chosen);
  const { x, y, width, height } = place ?? { x: view[0], y: view[1], width: view[2], height: view[3] };
  return [x + width / 2, y + height / 2];
}

function zoom(factor, [x, y] = centre()) {
  const [, , wide, tall] = scene.whole, most = Math.max(wide, tall * main.clientWidth / main.clientHeight);
  const width = Math.min(Math.max(view[2] / factor, Math.min(most / 200, 100)), most * 4);
  const part = width / view[2];
  look([x - (x - view[0]) * part, y - (y - view[1]) * part, width, view[3] * part]);
}

// Into sight, at a size that can be read.
function bring(at) {
  const place = scene.places.get(at);
  if (!place) return;
  const size = Math.min(scale(), scene.smallest / 9);
  const inside = place.x >= view[0] && place.y >= view[1]
    && place.x + Math.min(place.width, view[2]) <= view[0] + view[2] && place.y + Math.min(place.height, view[3]) <= view[1] + view[3];
  if (inside && size === scale()) return;
  const [width, height] = [main.clientWidth * size, main.clientHeight * size];
  const begin = (from, own, room) => own > room ? from - 0.1 * room : from + own / 2 - room / 2;
  look([begin(place.x, place.width, width), begin(place.y, place.height, height), width, height]);
}
