// What the colours say: each layer's family, or what it costs, from light to dark; and in which theme.

const { themes: both, told, colours: { quantities, first, law } } = packed;
const picture = document.getElementById("picture");
const far = document.getElementById("far");
const side = document.getElementById("side");
const colour = document.getElementById("colour");
const legend = document.getElementById("legend");
let painting, tones, ramp = null;

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function mix(one, other, part) {
  const channel = at => {
    const [from, to] = [one, other].map(each => parseInt(each.slice(at, at + 2), 16));
    return Math.floor(from + (to - from) * part + 0.5).toString(16).padStart(2, "0");
  };
  return "#" + channel(1) + channel(3) + channel(5);
}

// Where on the ramp a cost stands, 0 to 1; what costs least is told from what costs nothing.
function placeOf(cost) {
  const { least, most } = ramp;
  if (cost <= 0 || most <= 0) return 0;
  if (law === "linear") return cost / most;
  return least === most ? 1 : 0.08 + 0.92 * Math.log(cost / least) / Math.log(most / least);
}

function spell(cost) {
  if (Number.isInteger(cost)) return cost.toLocaleString("en-US");
  const [unit, factor] = cost >= 1 ? ["s", 1] : cost >= 1e-3 ? ["ms", 1e3] : ["µs", 1e6];
  return `${+(cost * factor).toPrecision(3)} ${unit}`;
}

// The colours of a shape: of its cost, or of its family where it has none or nobody asked.
function costShade(at) {
  if (!ramp) return null;
  const cost = ramp.costs[at];
  if (cost === -1) return null;
  return cost === null ? painting.none : [mix(...painting.ramp, placeOf(cost)), painting.ink];
}

function shadeOf(at) {
  return costShade(at) ?? painting.families[scene.parts[at].family] ?? painting.families.input;
}

function recolour() {
  const at = quantities.findIndex(each => each.name === colour.value), quantity = quantities[at];
  const before = legend.hidden;
  legend.hidden = !quantity;
  if (quantity) {
    const costs = scene.costs[at], shown = scene.boxes.map(each => costs[each.part]).filter(each => each !== -1);
    const known = shown.filter(Boolean);
    const [least, most] = [known.reduce((one, other) => Math.min(one, other), Infinity), known.reduce((one, other) => Math.max(one, other), 0)];
    ramp = { costs, least: law === "log" && known.length ? least : 0, most };
    const [low, high] = legend.querySelectorAll("span");
    legend.querySelector("strong").textContent = scene.headings[at];
    [low.textContent, high.textContent] = [spell(ramp.least), spell(ramp.most)];
    legend.querySelector("small").hidden = !shown.includes(null);
    const bar = legend.querySelector("canvas").getContext("2d");
    for (let x = 0; x < 256; x++) {
      bar.fillStyle = mix(...painting.ramp, x / 255);
      bar.fillRect(x, 0, 1, 1);
    }
  } else ramp = null;
  if (view && legend.hidden !== before) resized();
  if (scene.colour) {
    scene.boxes.forEach(({ part }) => scene.colour(part, costShade(part)));
    scene.tell(!ramp);
  } else {
    scene.clear();
    settle();
  }
}

for (const { name, unit } of [{ name: "family", unit: "what it is" }, ...quantities]) {
  const option = element("option", unit);
  option.value = name;
  colour.append(option);
}
colour.value = first;
colour.addEventListener("change", () => {
  recolour();
  remember();
});

// The page takes the reader's theme where nobody asked for one.
const dusk = matchMedia("(prefers-color-scheme: dark)");
const themeButton = document.getElementById("theme");
let theme = both.follows && dusk.matches ? "dark" : both.drawn;
function dress(name) {
  theme = name;
  ({ painting, tones } = both[theme]);
  for (const [variable, value] of Object.entries(tones)) document.documentElement.style.setProperty(`--${variable}`, value);
  for (const swatch of document.querySelectorAll("[data-family]")) {
    const [fill, stroke] = painting.families[swatch.dataset.family];
    Object.assign(swatch.style, { background: fill, borderColor: stroke });
  }
  if (scene.wear && both[theme].colours) scene.wear(both[both.drawn].colours, both[theme].colours);
  small = null;
  recolour();
  if (view) mark();
}
themeButton.hidden = !(both.light && both.dark);
themeButton.addEventListener("click", () => dress(theme === "dark" ? "light" : "dark"));
if (both.follows) dusk.addEventListener("change", () => dress(dusk.matches ? "dark" : "light"));
// On paper: light, and all of the picture where that can be read, else what is seen of it.
let shelved = null;
addEventListener("beforeprint", () => {
  shelved = { theme, view };
  if (both.light) dress("light");
  if (isReadable(5)) look([...scene.whole]);
});
addEventListener("afterprint", () => {
  dress(shelved.theme);
  look(shelved.view);
});
