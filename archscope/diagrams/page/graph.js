// The picture of a graph whose blocks open and close. Only what is near the window is in the page; where that is very
// much, it is painted on a canvas instead, from the same layout.

const MOST = 900;

const overlap = (one, [x, y, width, height]) =>
  one.x <= x + width && one.x + one.width >= x && one.y <= y + height && one.y + one.height >= y;

class Graph extends Pen {
  constructor({ parts, edges, sizes, depth, deepest, costs, headings }) {
    super();
    Object.assign(this, { costs, headings });
    const behind = part => part.copies > 1 ? 2 * sizes.sheet : 0;
    this.parts = parts.map((part, at) => {
      const sheets = behind(part);
      const box = [0, 0, part.width - sheets, part.height - sheets];
      return { parent: -1, end: at + 1, copies: 1, box, names: (part.rows ?? []).flatMap(row => row.slice(1)), ...part, round: Boolean(part.sign) };
    });
    this.parts.forEach(part => {
      part.level = part.parent < 0 ? 1 : this.parts[part.parent].level + 1;
      part.block = Boolean(part.sums);
    });
    this.edges = edges;
    this.sizes = sizes;
    this.asked = depth;
    this.deepest = deepest;
    this.smallest = sizes.font;
    this.kept = new Map();
    this.pools = { panes: new Map(), edges: new Map(), boxes: new Map() };
    this.layers = {};
    this.root = picture.appendChild(make("g", {}));
    for (const name of Object.keys(this.pools)) this.layers[name] = this.root.appendChild(make("g", {}));
    this.open(1);
  }

  // To a depth, but for the blocks that differ from it.
  open(depth, changed = new Set()) {
    const lay = () => layOut(this.parts, this.edges, this.opened, this.sizes, this.kept);
    const opened = but => new Set(this.parts.flatMap((part, at) => part.block && (part.level < depth) !== but.has(at) ? [at] : []));
    if (depth !== this.depth) {
      this.kept.clear();
      this.opened = opened(new Set());
      // The columns are those of the depth, whatever else is open.
      if (changed.size) lay();
    }
    this.depth = depth;
    this.changed = changed;
    this.opened = opened(changed);
    const laid = lay();
    this.whole = [0, 0, laid.width, laid.height];
    this.shown = laid.shown;
    this.boxes = laid.boxes;
    this.panes = laid.panes;
    this.lines = laid.edges.map(line => ({ ...line, ...around(line.points), draws: line.points }));
    this.part();
    this.places = new Map([...this.panes, ...this.boxes].map(each => [each.part, each]));
    this.joined = new Map();
    for (const line of this.lines) for (const end of [line.source, line.target]) {
      this.joined.has(end) ? this.joined.get(end).push(line) : this.joined.set(end, [line]);
    }
    this.clear();
  }

  // A stretch that two lines of one source share is drawn once: twice, it would look bolder.
  part() {
    const before = new Map();
    for (const line of this.lines) {
      const others = before.get(line.source) ?? [];
      before.set(line.source, [...others.slice(-15), line.points]);
      const ways = others.map(other => branch(line.points, other, 0.5 * this.sizes.track));
      line.draws = ways.reduce((best, each) => lengthOf(each) < lengthOf(best) ? each : best, line.points);
    }
  }

  toggled(at) {
    const changed = new Set(this.changed);
    changed.has(at) ? changed.delete(at) : changed.add(at);
    return changed;
  }

  // What is seen of a part: itself, or the closed block it is in.
  seenAs(at) {
    return this.places.get(this.places.has(at) ? at : this.shown[at]);
  }

  itemAt(x, y) {
    const inside = each => x >= each.x && x <= each.x + each.width && y >= each.y && y <= each.y + each.height;
    const found = this.boxes.find(inside) ?? this.panes.findLast(inside);
    return found && !this.parts[found.part].output ? found.part : null;
  }

  // Whether a point is on the sign that opens or closes.
  onSign(at, x, y) {
    const place = this.places.get(at), reach = 1.5 * this.sizes.font;
    const [left, top] = this.signOf(place);
    return this.parts[at].block && Math.abs(x - left) < reach / 2 + 2 && Math.abs(y - top) < reach / 2 + 2;
  }

  signOf(place) {
    const far = 0.85 * this.sizes.font;
    const width = place.width - (this.parts[place.part].copies > 1 && !place.title ? 2 * this.sizes.sheet : 0);
    return place.title ? [place.x + width - far, place.y + far] : [place.x + far, place.y + far];
  }

  // The least part that holds all of some layers; where several blocks do, the first of them.
  holding(names) {
    const wanted = new Set(names);
    const held = this.parts.flatMap((part, at) => part.names.some(each => wanted.has(each)) ? [at] : []);
    if (!held.length) return null;
    let at = held[0];
    while (at >= 0 && this.parts[at].end <= held[held.length - 1]) at = this.parts[at].parent;
    return at < 0 ? held[0] : at;
  }

  hide() {
    this.clear();
    far.hidden = true;
  }

  reveal() {}

  clear() {
    for (const name of Object.keys(this.pools)) {
      this.pools[name].clear();
      this.layers[name].replaceChildren();
    }
  }

  // Brings what is in a part of the picture into the page, and takes the rest out; `size` is points to a pixel.
  draw(cover, size, must) {
    const near = each => overlap(each, cover);
    let boxes = this.boxes.filter(near), panes = this.panes.filter(near);
    let lines = this.lines.filter(line => near(line) && crosses(line.points, cover));
    this.far = boxes.length + lines.length > MOST;
    far.hidden = !this.far;
    if (this.far) {
      this.paint(boxes, panes, lines, cover, size);
      const own = must.map(at => this.places.get(at)).filter(Boolean);
      lines = own.flatMap(place => this.joined.get(place.part) ?? []).slice(0, 100);
      boxes = own.filter(place => !place.title);
      panes = [];
    }
    const added = this.fill("panes", panes, place => this.drawPane(place));
    if (added) this.layers.panes.append(...[...this.pools.panes].sort(([one], [other]) => one.part - other.part).map(([, each]) => each));
    this.fill("edges", lines, line => this.drawEdge(line));
    this.fill("boxes", boxes, place => this.drawBox(place));
  }

  fill(name, wanted, draw) {
    const pool = this.pools[name], keep = new Set(wanted);
    for (const [each, element] of pool) {
      if (keep.has(each)) continue;
      element.remove();
      pool.delete(each);
    }
    let added = 0;
    for (const each of wanted) {
      if (pool.has(each)) continue;
      const element = draw(each);
      pool.set(each, element);
      this.layers[name].append(element);
      added++;
    }
    return added;
  }

  elementOf(at) {
    const place = this.places.get(at);
    return place && (this.pools.boxes.get(place) ?? this.pools.panes.get(place));
  }

  // Looks that change without the layout: what is chosen, lit and looked for.
  dress(on, dim) {
    for (const [place, element] of [...this.pools.boxes, ...this.pools.panes]) {
      element.classList.toggle("on", place.part === on);
      element.setAttribute("aria-selected", place.part === on);
      element.classList.toggle("dim", !place.title && dim(place.part));
    }
    for (const [line, element] of this.pools.edges) {
      element.classList.toggle("lit", on !== null && (line.source === on || line.target === on));
    }
  }
}

function around(points) {
  const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

// Whether a line with right angles passes through a part of the picture.
function crosses(points, cover) {
  return points.some((point, at) => at && overlap(around([points[at - 1], point]), cover));
}
