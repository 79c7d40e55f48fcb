// The whole graph: which boxes and frames are seen while some blocks are open, and where everything stands. A block is
// laid out by itself, and the level around it sees it as a box with places on its border where lines come and go.
// `archscope.diagrams.graph.layout` and `nets`, in the page.

// What is drawn: for every part the box it is seen as, the children of every open frame, and the edges between boxes.
function seen(parts, edges, open) {
  const shown = new Int32Array(parts.length);
  const frames = new Map([[-1, []]]);
  for (let at = 0; at < parts.length;) {
    const part = parts[at];
    frames.get(part.parent).push(at);
    if (part.end > at + 1 && open.has(at)) {
      frames.set(at, []);
      shown[at] = at++;
    } else {
      shown.fill(at, at, part.end);
      at = part.end;
    }
  }
  const ends = new Set();
  for (let at = 0; at < edges.length; at += 2) {
    const source = shown[edges[at]], target = shown[edges[at + 1]];
    if (source !== target) ends.add(source * parts.length + target);
  }
  const lines = [...ends].map(each => [Math.floor(each / parts.length), each % parts.length]);
  return { shown, frames, lines };
}

// A box, and every frame around it, from the outermost: `[frame, the child of it that leads there]`.
function wayTo(parts, at) {
  const way = [];
  for (; at >= 0; at = parts[at].parent) way.unshift([parts[at].parent, at]);
  return way;
}

// Every edge has a part in each frame it passes; those of one source in one frame are a net.
function netsOf(parts, lines) {
  const found = new Map();
  const add = (frame, key, source, target) => {
    if (!found.has(frame)) found.set(frame, new Map());
    const nets = found.get(frame), name = `${key} ${source}`;
    if (!nets.has(name)) nets.set(name, { key, source, targets: new Set() });
    nets.get(name).targets.add(target);
  };
  for (const [source, target] of lines) {
    const here = wayTo(parts, source), there = wayTo(parts, target);
    let common = 0;
    while (here[common][1] === there[common][1]) common++;
    add(here[common][0], source, here[common][1], there[common][1]);
    for (const [frame, child] of here.slice(common + 1)) add(frame, source, child, BORDER);
    for (const [frame, child] of there.slice(common + 1)) add(frame, source, BORDER, child);
  }
  const nets = new Map();
  for (const [frame, each] of found) nets.set(frame, [...each.values()].map(net => ({ ...net, targets: [...net.targets] })));
  return nets;
}

const even = length => 2 * Math.ceil(length / 2 - 1e-6);

// `kept` is a map in which the levels of last time are found again where nothing in them has changed, and the columns of
// every block, so that opening one moves nothing into another column.
function layOut(parts, edges, open, sizes, kept) {
  const { shown, frames, lines } = seen(parts, edges, open);
  const nets = netsOf(parts, lines);
  const turned = (x, y) => sizes.lr ? [y, x] : [x, y];

  function boxOf(at) {
    const { width, height, box, round } = parts[at];
    const [across, along] = turned(width, height), [middle, center] = turned(box[0] + box[2] / 2, box[1] + box[3] / 2);
    return {
      key: at, across, along, middle, center, open: false,
      ins: new Map(), outs: new Map(), circle: round ? box[2] / 2 : 0, end: turned(box[2], box[3])[0],
    };
  }

  function levelOf(at, children, lines) {
    const mark = JSON.stringify([
      children.map(({ key, across, along, ins, outs }) => [key, across, along, [...ins], [...outs]]),
      lines.map(({ key, source, targets }) => [key, source, targets]),
    ]);
    const last = kept.get(at);
    if (last && last.mark === mark) return last.level;
    const level = new Level(children, lines, sizes, last && last.level.split);
    kept.set(at, { mark, level });
    return level;
  }

  // From the inside out: sizes.
  function frameOf(at) {
    const inner = frames.get(at).map(each => frames.has(each) ? frameOf(each) : { child: boxOf(each) });
    const level = levelOf(at, inner.map(each => each.child), nets.get(at) ?? []);
    if (at < 0) return { level, inner, body: [0, 0] };
    const margins = marginsOf(parts[at], level);
    const child = boxOf(at), move = map => new Map([...map].map(([net, x]) => [net, margins.before + x]));
    Object.assign(child, {
      across: even(margins.before + level.across + margins.after), along: even(margins.above + level.along + margins.below),
      ins: move(level.ins), outs: move(level.outs), circle: 0, open: true, wrapped: level.split.length > 1,
    });
    child.middle = child.across / 2;
    return { child, level, inner, body: [margins.before, margins.above], title: margins.title };
  }

  function marginsOf({ titleWidth, copies }, level) {
    const { pad, line, sheet, track, lr } = sizes, band = line + pad / 2, behind = copies > 1 ? 2 * sheet : 0;
    if (lr) {
      const below = pad + behind + Math.max(titleWidth - level.along, 0);
      return { before: pad + band, above: pad, after: pad + behind, below, title: pad };
    }
    const ins = [...level.ins.values()];
    const first = Math.min(level.across, ...ins), last = Math.max(0, ...ins);
    const lacking = Math.max(titleWidth + track - first, 0), right = Math.max(titleWidth + track - (level.across - last), 0);
    const found = { above: band, below: pad + behind };
    if (ins.length && right < lacking) return { ...found, before: pad, after: pad + right + behind, title: pad + last + track };
    const after = pad + behind + Math.max(titleWidth - level.across - lacking, 0);
    return { ...found, before: pad + lacking, after, title: pad };
  }

  // From the outside in: places.
  const boxes = [], panes = [], bodies = new Map();
  function walk(laid, at, corner) {
    if (at >= 0) {
      const behind = parts[at].copies > 1 ? 2 * sizes.sheet : 0, [x, y] = turned(...corner);
      const [width, height] = turned(laid.child.across - behind, laid.child.along - behind);
      panes.push({ part: at, x, y, width, height, title: [x + laid.title, y + 0.25 * sizes.pad + sizes.line] });
    }
    const body = [corner[0] + laid.body[0], corner[1] + laid.body[1]];
    bodies.set(at, { body, level: laid.level });
    for (const each of laid.inner) {
      const [x, y] = laid.level.slots.get(each.child.key).at;
      const place = [body[0] + x, body[1] + y];
      if (each.level) walk(each, each.child.key, place);
      else {
        const [left, top] = turned(...place), { width, height } = parts[each.child.key];
        boxes.push({ part: each.child.key, x: left, y: top, width, height });
      }
    }
  }

  // Out of the frames of its source, across, into those of its target.
  function route([source, target]) {
    const here = wayTo(parts, source), there = wayTo(parts, target);
    let common = 0;
    while (here[common][1] === there[common][1]) common++;
    const steps = here.slice(common + 1).reverse().map(([frame]) => [frame, BORDER]);
    steps.push(...there.slice(common));
    const points = [];
    for (const [frame, end] of steps) {
      const { body, level } = bodies.get(frame);
      for (const [x, y] of level.routes.get(`${source} ${end}`)) points.push([body[0] + x, body[1] + y]);
    }
    return { source, target, points: straightened(points).map(each => turned(...each)) };
  }

  const root = frameOf(-1);
  walk(root, -1, [sizes.pad, sizes.pad]);
  const [width, height] = turned(root.level.across + 2 * sizes.pad, root.level.along + 2 * sizes.pad);
  return { width, height, boxes, panes, shown, edges: lines.map(route) };
}
