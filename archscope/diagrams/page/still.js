// A picture that stays as it was drawn: its shapes are in the page from the beginning.

class Still {
  constructor({ items, whole, family }) {
    this.parts = items.map(item => ({ ...item, names: item.rows.flatMap(row => row.slice(1)), level: 1, parent: -1 }));
    this.parts.forEach((part, at) => { part.end = at + 1; });
    this.whole = whole;
    this.family = family;
    this.deepest = 1;
    this.depth = 1;
    this.changed = new Set();
    this.elements = [...picture.querySelectorAll("g.layer")];
    this.edges = [...picture.querySelectorAll("g.edge")];
    this.texts = [...picture.querySelectorAll("text")];
    this.smallest = Math.min(...this.texts.map(each => +each.getAttribute("font-size")));
    const inked = element => [element, element.getAttribute("fill"), element.getAttribute("stroke")];
    this.inked = [...picture.querySelectorAll("[fill], [stroke]")].map(inked);
    this.plain = this.texts.filter(each => !each.hasAttribute("fill"));
    this.shapes = this.elements.map(layer => [...layer.querySelectorAll("polygon, path, text")]);
    this.elements.forEach((layer, at) => {
      layer.id = `part${at}`;
      layer.setAttribute("role", "treeitem");
      layer.setAttribute("aria-level", 1);
      layer.setAttribute("aria-label", this.parts[at].is);
    });
    this.boxes = this.elements.map((layer, part) => {
      const { x, y, width, height } = layer.getBBox();
      return { part, x, y, width, height };
    });
    this.panes = [];
    this.lines = [];
    this.places = new Map(this.boxes.map(each => [each.part, each]));
    this.joined = new Map();
    this.drawn = this.shapes.map(shapes => shapes.map(inked));
  }

  open() {}
  draw() {}
  onSign() { return false; }
  seenAs(at) { return this.places.get(at); }
  elementOf(at) { return this.elements[at]; }

  touched(element) {
    const at = this.elements.indexOf(element.closest("g.layer"));
    return at < 0 ? null : at;
  }

  dress(on, dim) {
    const name = on === null ? null : this.parts[on].names[0];
    this.elements.forEach((layer, at) => {
      layer.classList.toggle("on", at === on);
      layer.setAttribute("aria-selected", at === on);
      layer.classList.toggle("dim", dim(at));
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
