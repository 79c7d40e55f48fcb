// The shapes of a graph: boxes, circles, frames and lines as elements, and from far the same on a canvas.

const SPACE = "http://www.w3.org/2000/svg";
const HAIRLINE = 0.6;

function make(name, attributes, text) {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

class Pen {
  attributes(place) {
    const part = this.parts[place.part];
    const found = { id: `part${place.part}`, role: "treeitem", "aria-level": part.level, "aria-label": (place.title ? [part.title] : [...part.lines, ...(part.badge ? [part.badge] : [])]).join(", ") };
    if (part.block) found["aria-expanded"] = Boolean(place.title);
    return found;
  }

  drawPane(place) {
    const { title, copies } = this.parts[place.part], { font } = this.sizes;
    const group = make("g", { class: "frame", ...this.attributes(place) });
    if (copies > 1) group.append(...this.sheets(place, tones.band, tones.frame));
    group.append(this.rectangle(place.x, place.y, place.width, place.height, tones.band, tones.frame));
    group.append(this.text(place.title[0], place.title[1], title, font, true, "start"), ...this.sign(place, "−"));
    return group;
  }

  rectangle(x, y, width, height, fill, stroke, bold) {
    return make("polygon", { points: `${x},${y} ${x + width},${y} ${x + width},${y + height} ${x},${y + height}`, fill, stroke, "stroke-width": bold ? 2.8 * HAIRLINE : HAIRLINE });
  }

  text(x, y, string, size, bold, anchor, fill = tones.text) {
    const found = { x: +x.toFixed(2), y: +y.toFixed(2), "font-size": size, fill };
    if (bold) found["font-weight"] = "bold";
    if (anchor !== "start") found["text-anchor"] = anchor;
    return make("text", found, string);
  }

  // What is seen of two more sheets behind a box: their right and lower borders.
  sheets({ x, y, width, height }, fill, stroke) {
    const { sheet } = this.sizes, right = x + width, bottom = y + height;
    return [1, 2].map(number => {
      const far = number * sheet, near = far - sheet;
      const points = [[right + near, y + far], [right + far, y + far], [right + far, bottom + far], [x + far, bottom + far], [x + far, bottom + near], [right + near, bottom + near]];
      return make("polygon", { points: points.join(" "), fill, stroke, "stroke-width": HAIRLINE });
    });
  }

  // The sign that opens or closes a block.
  sign(place, sign) {
    const [x, y] = this.signOf(place), arm = 0.28 * this.sizes.font, side = 0.55 * this.sizes.font;
    const d = `M${x - arm} ${y}L${x + arm} ${y}` + (sign === "+" ? `M${x} ${y - arm}L${x} ${y + arm}` : "");
    return [
      make("path", { class: "sign", d: `M${x - side} ${y - side}L${x + side} ${y - side}L${x + side} ${y + side}L${x - side} ${y + side}Z`, fill: tones.page, stroke: tones.frame, "stroke-width": HAIRLINE }),
      make("path", { class: "sign", d, fill: "none", stroke: tones.text, "stroke-width": 1.6 * HAIRLINE }),
    ];
  }

  drawBox(place) {
    const part = this.parts[place.part], { font } = this.sizes;
    const [fill, ink] = shadeOf(place.part), stroke = part.bold ? tones.text : ink;
    const group = make("g", { class: part.output ? "part" : `layer${part.block ? " closed" : ""}`, "data-layers": this.namesOf(place.part), ...this.attributes(place) });
    if (part.round) this.drawCircle(group, place, part, fill, stroke);
    else {
      const [left, top, width, height] = part.box, x = place.x + left, y = place.y + top;
      group.append(this.rectangle(x, y, width, height, fill, stroke, part.bold));
      if (part.copies > 1) group.append(...this.sheets({ x, y, width, height }, fill, stroke));
      const mark = part.badge ? part.badgeWidth : 0;
      group.append(...this.linesOf(part.lines, x + (width - mark) / 2 + (part.block ? 0.5 * font : 0), y + font / 2, "middle"));
      if (part.badge) group.append(this.text(x + width - this.sizes.pad, y + height / 2 + 0.69 * font * 0.6, part.badge, 1.2 * font, true, "end", stroke));
      if (part.block) group.append(...this.sign(place, "+"));
    }
    (part.notes ?? []).forEach((note, at) => {
      const x = place.x + part.box[0] + part.box[2] - at * 1.3 * font, y = place.y + part.box[1];
      group.append(make("circle", { cx: x, cy: y, r: 0.58 * font, fill: tones.text }), this.text(x, y + 0.25 * font, note, 0.72 * font, true, "middle", tones.page));
    });
    return group;
  }

  linesOf(lines, x, top, anchor) {
    const { line, font } = this.sizes, rise = (line + 0.64 * font) / 2;
    // With a space between them, for who takes the words alone.
    return lines.flatMap((string, at) => [this.text(x, top + at * line + rise, string, font, !at, anchor), " "]);
  }

  drawCircle(group, place, part, fill, stroke) {
    const { radius, font, line, lr } = this.sizes, [left, top, side] = part.box;
    const x = place.x + left + side / 2, y = place.y + top + side / 2, arm = 0.45 * radius, k = 0.5522847498 * radius, r = radius;
    const d = `M${x + r} ${y}C${x + r} ${y + k} ${x + k} ${y + r} ${x} ${y + r}C${x - k} ${y + r} ${x - r} ${y + k} ${x - r} ${y}C${x - r} ${y - k} ${x - k} ${y - r} ${x} ${y - r}C${x + k} ${y - r} ${x + r} ${y - k} ${x + r} ${y}Z`;
    group.append(make("path", { d, fill, stroke, "stroke-width": part.bold ? 2.8 * HAIRLINE : HAIRLINE }));
    const strokes = {
      "+": `M${x - arm} ${y}L${x + arm} ${y}M${x} ${y - arm}L${x} ${y + arm}`,
      "×": `M${x - arm} ${y - arm}L${x + arm} ${y + arm}M${x - arm} ${y + arm}L${x + arm} ${y - arm}`,
      "‖": `M${x - arm / 2} ${y - arm}L${x - arm / 2} ${y + arm}M${x + arm / 2} ${y - arm}L${x + arm / 2} ${y + arm}`,
    }[part.sign];
    if (strokes) group.append(make("path", { d: strokes, fill: "none", stroke, "stroke-width": 1.6 * HAIRLINE }));
    else group.append(this.text(x, y + 0.35 * font, part.sign, font, true, "middle", stroke));
    const tall = part.lines.length * line;
    if (lr) group.append(...this.linesOf(part.lines, x, place.y, "middle"));
    else group.append(...this.linesOf(part.lines, place.x + left - 0.4 * font, place.y + (place.height - tall) / 2, "end"));
  }

  drawEdge({ source, target, draws }) {
    const { arrow, track } = this.sizes, [[x0, y0], [x1, y1]] = draws.slice(-2);
    const length = Math.abs(x1 - x0) + Math.abs(y1 - y0) || 1, [dx, dy] = [(x1 - x0) / length, (y1 - y0) / length];
    const half = 0.375 * arrow, [x, y] = [x1 - dx * arrow, y1 - dy * arrow];
    const way = [...draws.slice(0, -1), [x1 - 0.8 * dx * arrow, y1 - 0.8 * dy * arrow]];
    const group = make("g", { class: "edge", "data-source": this.firstOf(source), "data-target": this.firstOf(target) });
    group.append(
      make("path", { d: rounded(way, 0.5 * track), fill: "none", stroke: tones.line, "stroke-width": 1.2 * HAIRLINE }),
      make("polygon", { points: [[x1, y1], [x - dy * half, y + dx * half], [x + dy * half, y - dx * half]].join(" "), fill: tones.line }),
    );
    return group;
  }

  namesOf(at) {
    const part = this.parts[at];
    if (part.output) return part.lines[0];
    return this.parts.slice(at, part.end).flatMap(each => each.names).join(" ");
  }

  firstOf(at) {
    const part = this.parts[at];
    return part.output ? part.lines[0] : this.parts.slice(at, part.end).find(each => each.names.length).names[0];
  }

  // The same on a canvas, with its words while they can be read.
  paint(boxes, panes, lines, cover, size) {
    const sharp = devicePixelRatio || 1, pen = far.getContext("2d");
    [far.width, far.height] = [cover[2] / size * sharp, cover[3] / size * sharp];
    pen.setTransform(sharp / size, 0, 0, sharp / size, -cover[0] * sharp / size, -cover[1] * sharp / size);
    pen.lineWidth = Math.max(HAIRLINE, 0.5 * size);
    for (const place of panes) {
      [pen.fillStyle, pen.strokeStyle] = [tones.band, tones.frame];
      pen.fillRect(place.x, place.y, place.width, place.height);
      pen.strokeRect(place.x, place.y, place.width, place.height);
    }
    pen.strokeStyle = tones.line;
    pen.beginPath();
    for (const { draws } of lines) draws.forEach(([x, y], at) => at ? pen.lineTo(x, y) : pen.moveTo(x, y));
    pen.stroke();
    const dim = each => hidden(each.part);
    for (const place of boxes) {
      const [left, top, width, height] = this.parts[place.part].box;
      [pen.fillStyle, pen.strokeStyle] = shadeOf(place.part);
      pen.globalAlpha = dim(place) ? 0.25 : 1;
      pen.fillRect(place.x + left, place.y + top, width, height);
      pen.strokeRect(place.x + left, place.y + top, width, height);
    }
    if (this.sizes.font / size >= 5) this.write(pen, boxes, panes);
  }

  write(pen, boxes, panes) {
    const { font, line } = this.sizes;
    pen.fillStyle = tones.text;
    pen.font = `bold ${font}px ${picture.getAttribute("font-family")}`;
    for (const { part, title } of panes) pen.fillText(this.parts[part].title, ...title);
    for (const bold of [true, false]) {
      pen.font = `${bold ? "bold " : ""}${font}px ${picture.getAttribute("font-family")}`;
      for (const place of boxes) {
        const { lines, box: [left, top, width], round } = this.parts[place.part];
        pen.textAlign = round ? "right" : "center";
        const x = place.x + (round ? left - 0.4 * font : left + width / 2);
        (bold ? lines.slice(0, 1) : lines.slice(1)).forEach((each, at) =>
          pen.fillText(each, x, place.y + (round ? 0 : top + font / 2) + (at + !bold) * line + (line + 0.64 * font) / 2));
      }
    }
  }
}

const apart = ([x, y], [u, v]) => Math.abs(x - u) + Math.abs(y - v);
const lengthOf = points => points.reduce((sum, point, at) => at ? sum + apart(points[at - 1], point) : sum, 0);

function towards([x, y], [u, v], by) {
  const length = apart([x, y], [u, v]), part = length ? Math.min(by / length, 1) : 0;
  return [x + (u - x) * part, y + (v - y) * part];
}

// What is left of a line without the stretch that it shares with another of the same source.
function branch(points, other, lead) {
  let place = 0;
  while (place < Math.min(points.length, other.length) && apart(points[place], other[place]) < 0.1) place++;
  if (!place || place === points.length) return points;
  const last = points[place - 1], onward = points[place], beside = other[place];
  let shared = 0;
  if (beside) {
    const [ax, ay, bx, by] = [beside[0] - last[0], beside[1] - last[1], onward[0] - last[0], onward[1] - last[1]];
    if (Math.abs(ax * by - ay * bx) < 0.1 && ax * bx + ay * by > 0) shared = Math.min(apart(last, beside), apart(last, onward));
  }
  if (shared >= apart(last, onward) - 0.1) return [towards(onward, last, lead), ...points.slice(place)];
  if (shared > 0) return [towards(towards(last, onward, shared), last, lead), ...points.slice(place)];
  return place > 1 ? [towards(last, points[place - 2], lead), ...points.slice(place - 1)] : points;
}

// A line with rounded corners.
function rounded(points, radius) {
  const spell = ([x, y]) => `${+x.toFixed(2)} ${+y.toFixed(2)}`;
  let d = `M${spell(points[0])}`;
  for (let at = 1; at < points.length - 1; at++) {
    const corner = points[at];
    const [start, end] = [points[at - 1], points[at + 1]].map(each => Math.min(radius, apart(corner, each) / 2));
    const [before, after] = [points[at - 1], points[at + 1]];
    d += `L${spell(towards(corner, before, start))}C${[towards(corner, before, 0.45 * start), towards(corner, after, 0.45 * end), towards(corner, after, end)].map(spell).join(" ")}`;
  }
  return `${d}L${spell(points[points.length - 1])}`;
}
