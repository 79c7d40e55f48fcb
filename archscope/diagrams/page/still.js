// A figure, which stays as it was drawn. What one of its shapes or frames holds is opened in the graph.

class Still {
  constructor({ items, whole, smallest, family, markup, costs, headings }) {
    this.root = document.getElementById("figure");
    if (markup) this.root.innerHTML = markup;
    Object.assign(this, { costs, headings, smallest });
    this.parts = items.map((item, at) => ({ parent: -1, end: at + 1, ...item, names: item.names ?? item.rows.flatMap(row => row.slice(1)) }));
    const levelOf = part => part.parent < 0 ? 1 : levelOf(this.parts[part.parent]) + 1;
    this.parts.forEach(part => {
      part.level = levelOf(part);
      part.block = Boolean(part.title);
    });
    this.opened = new Set(this.parts.flatMap((part, at) => part.block ? [at] : []));
    this.whole = whole;
    this.family = family;
    this.deepest = 1;
    this.depth = 1;
    this.changed = new Set();
    this.elements = [...this.root.querySelectorAll("g.layer"), ...this.root.querySelectorAll("g.frame")];
    this.edges = [...this.root.querySelectorAll("g.edge")];
    this.texts = [...this.root.querySelectorAll("text")];
    const inked = element => [element, element.getAttribute("fill"), element.getAttribute("stroke")];
    this.inked = [...this.root.querySelectorAll("[fill], [stroke]")].map(inked);
    this.plain = this.texts.filter(each => !each.hasAttribute("fill"));
    this.shapes = this.elements.map(layer => [...layer.querySelectorAll("polygon, path, text")]);
    this.elements.forEach((layer, at) => {
      layer.id = `figure${at}`;
      layer.setAttribute("role", "treeitem");
      layer.setAttribute("aria-level", this.parts[at].level);
      const words = layer.textContent.replace(/\s+/g, " ").trim();
      layer.setAttribute("aria-label", this.parts[at].title ?? [words, this.parts[at].is].filter(Boolean).join(": "));
    });
    const placed = this.elements.map((layer, part) => {
      const { x, y, width, height } = layer.getBBox();
      return { part, x, y, width, height };
    });
    this.boxes = placed.filter(({ part }) => !this.parts[part].block);
    this.panes = placed.filter(({ part }) => this.parts[part].block);
    this.lines = [];
    this.places = new Map(placed.map(each => [each.part, each]));
    this.joined = new Map();
    this.drawn = this.shapes.map(shapes => shapes.map(inked));
  }

  open() {}
  draw() {}
  onSign() { return false; }
  seenAs(at) { return this.places.get(at); }
  elementOf(at) { return this.elements[at]; }

  touched(element) {
    const at = this.elements.indexOf(element.closest("g.layer, g.frame"));
    return at < 0 ? null : at;
  }

  // The shape or the frame that holds all of some layers and little else; else that of the first of them.
  holding(names) {
    const sizes = this.parts.map(part => names.every(each => part.names.includes(each)) ? part.names.length : Infinity);
    const least = sizes.indexOf(Math.min(...sizes));
    const at = Number.isFinite(sizes[least]) ? least : this.parts.findIndex(part => !part.block && part.names.includes(names[0]));
    return at < 0 ? null : at;
  }

  hide() { this.root.remove(); }
  reveal() { picture.append(this.root); }

  dress(on, dim) {
    const name = on === null || this.parts[on].block ? null : this.parts[on].names[0];
    this.elements.forEach((layer, at) => {
      layer.classList.toggle("on", at === on);
      layer.setAttribute("aria-selected", at === on);
      layer.classList.toggle("dim", !this.parts[at].block && dim(at));
    });
    for (const edge of this.edges) {
      edge.classList.toggle("lit", name !== null && [edge.dataset.source, edge.dataset.target].includes(name));
    }
  }

  // In another theme every colour has its place in a list, the same in both.
  wear(from, to) {
    const change = new Map(from.map((each, place) => [each, to[place]]));
    for (const [element, fill, stroke] of this.inked) {
      if (fill) element.setAttribute("fill", change.get(fill) ?? fill);
      if (stroke) element.setAttribute("stroke", change.get(stroke) ?? stroke);
    }
    for (const text of this.plain) text.setAttribute("fill", change.get("#000000") || "#000000");
    this.drawn = this.shapes.map(shapes => shapes.map(each => [each, each.getAttribute("fill"), each.getAttribute("stroke")]));
  }

  // A legend of families is not there while colours say a cost; of arrows, without the swatches that they lead to.
  tell(families) {
    const fills = new Set(Object.entries(painting.families).filter(([name]) => name !== "input").map(([, [fill]]) => fill));
    for (const entry of this.root.querySelectorAll("g.part")) {
      const [sign, ...rest] = entry.querySelectorAll("polygon, path");
      const swatches = rest.filter(each => each.getAttribute("points")?.split(" ").length === 4);
      const told = sign && fills.has(sign.getAttribute("fill")) ? [entry] : swatches;
      for (const each of told) each.style.visibility = families ? "" : "hidden";
    }
  }

  // The shape has the colours of a cost instead of its family's, or of any where it stands for several layers.
  colour(at, now) {
    const change = new Map();
    if (now) {
      for (const family of [...Object.keys(painting.families), this.family[at]]) {
        faces(painting.families[family]).forEach((was, face) => change.set(was, faces(now)[face]));
      }
    }
    for (const [element, fill, stroke] of this.drawn[at]) {
      if (fill) element.setAttribute("fill", change.get(fill) ?? fill);
      if (stroke) element.setAttribute("stroke", change.get(stroke) ?? stroke);
    }
  }
}

function faces([fill, stroke]) {
  return [mix(fill, ...painting.light), mix(fill, ...painting.shadow), fill, stroke];
}
