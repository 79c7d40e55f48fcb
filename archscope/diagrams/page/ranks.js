// A level in ranks: which of its children stand side by side, in what order, and how far across; a line that passes a
// rank has a slot there, as a child has. `archscope.diagrams.graph.ranks`, `across` and `plainly`, in the page.

const BORDER = -2;
const SWEEPS = 4;
const SPINE = 10_000;

// Below all it reads, and a source right above what reads it.
function ranksOf(children, nets) {
  const before = new Map(children.map(each => [each.key, []]));
  const after = new Map(children.map(each => [each.key, []]));
  const entered = new Set();
  for (const net of nets) {
    for (const target of net.targets) {
      if (target === BORDER) continue;
      if (net.source === BORDER) entered.add(target);
      else {
        before.get(target).push(net.source);
        after.get(net.source).push(target);
      }
    }
  }
  const ranks = new Map();
  for (const { key } of children) {
    ranks.set(key, before.get(key).reduce((most, each) => Math.max(most, ranks.get(each) + 1), 0));
  }
  for (const { key } of [...children].reverse()) {
    if (!before.get(key).length && !entered.has(key) && after.get(key).length) {
      ranks.set(key, after.get(key).reduce((least, each) => Math.min(least, ranks.get(each)), Infinity) - 1);
    }
  }
  return ranks;
}

// Rows of slots, from the border's above rank 0 to the border's below the last, and the hops from each row to the next.
function rankingOf(children, nets) {
  const ranks = ranksOf(children, nets);
  const last = children.reduce((most, each) => Math.max(most, ranks.get(each.key)), 0);
  const rows = Array.from({ length: last + 3 }, () => []);
  const slots = new Map();
  for (const child of children) {
    const slot = { child, rank: ranks.get(child.key), width: child.across, x: 0, above: [], below: [] };
    slots.set(child.key, slot);
    rows[slot.rank + 1].push(slot);
  }
  const blank = (net, rank) => {
    const slot = { child: null, net, rank, width: 2, x: 0, above: [], below: [] };
    rows[rank + 1].push(slot);
    return slot;
  };
  const gaps = Array.from({ length: last + 2 }, () => []);
  for (const net of nets) {
    let source = net.source === BORDER ? blank(net, -1) : slots.get(net.source);
    const ends = net.targets.map(target => [target, target === BORDER ? last + 1 : ranks.get(target)]);
    const furthest = ends.reduce((most, [, end]) => Math.max(most, end), -1);
    for (let rank = source.rank + 1; rank <= furthest; rank++) {
      const targets = [];
      for (const [target, end] of ends) {
        if (end === rank) targets.push(target === BORDER ? blank(net, last + 1) : slots.get(target));
      }
      const onward = rank < furthest ? blank(net, rank) : null;
      if (onward) targets.push(onward);
      gaps[rank].push({ net, source, targets });
      source = onward;
    }
  }
  return { rows, gaps, slots, last, mains: mainLines(nets, ranks) };
}

// The lines that are the only longest way on from their source and to their target: drawn straight, they are the spine.
function mainLines(nets, ranks) {
  const lines = [];
  for (const net of nets) for (const target of net.targets) {
    lines.push([net.source === BORDER ? `in ${net.key}` : net.source, target === BORDER ? `out ${net.key}` : target]);
  }
  const above = new Map(), below = new Map();
  const rank = (key, other) => ranks.get(key) ?? other;
  for (const [source, target] of [...lines].sort((one, two) => rank(one[0], -1) - rank(two[0], -1))) {
    above.set(target, Math.max(above.get(target) ?? 0, (above.get(source) ?? 0) + 1));
  }
  for (const [source, target] of [...lines].sort((one, two) => rank(two[1], ranks.size) - rank(one[1], ranks.size))) {
    below.set(source, Math.max(below.get(source) ?? 0, (below.get(target) ?? 0) + 1));
  }
  const onward = new Map(), back = new Map();
  const add = (map, key, value) => map.has(key) ? map.get(key).push(value) : map.set(key, [value]);
  for (const [source, target] of lines) {
    add(onward, source, below.get(target) ?? 0);
    add(back, target, above.get(source) ?? 0);
  }
  const only = (steps, own) => own === Math.max(...steps) && steps.filter(each => each === own).length === 1;
  return new Set(lines
    .filter(([source, target]) => only(onward.get(source), below.get(target) ?? 0) && only(back.get(target), above.get(source) ?? 0))
    .map(([source, target]) => `${source} ${target}`));
}

// Where a line begins or ends on a slot, from its middle.
function offset(slot, net, side) {
  if (!slot.child) return 0;
  return (slot.child[side].get(net.key) ?? slot.child.middle) - slot.child.across / 2;
}

function join({ rows, gaps, mains }) {
  const wrapped = rows.flatMap((row, at) => row.some(({ child }) => child && child.wrapped) ? [at - 1] : []);
  for (const gap of gaps) for (const { net, source, targets } of gap) for (const target of targets) {
    const begins = source.child || source.rank < 0, ends = target.child || target.rank === rows.length - 2;
    const from = source.child ? source.child.key : `in ${net.key}`, to = target.child ? target.child.key : `out ${net.key}`;
    const weight = begins && ends ? (mains.has(`${from} ${to}`) ? SPINE : 2) : begins ? 3 : ends ? 1 : 8;
    // What leads into the first of several columns stands above it, and what leaves the last below that; between two
    // blocks of several columns no line is straight, or they would be stairs: it stands in the middle.
    const between = { ins: wrapped[0], outs: wrapped[wrapped.length - 1] };
    const end = (slot, side) => slot.child && slot.child.wrapped && slot.rank !== between[side] ? 0 : offset(slot, net, side);
    const by = end(source, "outs") - end(target, "ins");
    target.above.push({ slot: source, by, weight });
    source.below.push({ slot: target, by: -by, weight });
  }
}

// Each row by the middle of what it is joined to in the row before; what is joined to nothing stays.
function putInOrder(rows, side) {
  for (let at = 1; at < rows.length; at++) {
    const scale = rows[at - 1].length / Math.max(1, rows[at].length);
    rows[at - 1].forEach((slot, place) => { slot.place = place; });
    rows[at].forEach((slot, place) => {
      slot.own = place;
      const joined = slot[side];
      slot.sort = joined.length ? joined.reduce((sum, each) => sum + each.slot.place, 0) / joined.length : place * scale;
    });
    rows[at].sort((one, two) => one.sort - two.sort || one.own - two.own);
  }
}

// Places in this order, no two nearer than the gap, that depart least from those wanted: weighted least squares.
function nearest(row, gap) {
  let at = 0;
  const blocks = [];
  for (const slot of row) {
    slot.start = at + slot.width / 2;
    at += slot.width + gap;
    let block = [(slot.wanted - slot.start) * slot.heavy, slot.heavy, 1];
    while (blocks.length && blocks[blocks.length - 1][0] / blocks[blocks.length - 1][1] > block[0] / block[1]) {
      const before = blocks.pop();
      block = block.map((each, place) => each + before[place]);
    }
    blocks.push(block);
  }
  let place = 0;
  for (const [total, weight, count] of blocks) {
    for (const end = place + count; place < end; place++) row[place].x = row[place].start + total / weight;
  }
}

// The slots of each line that passes several ranks.
function runs(rows) {
  const found = new Map();
  for (const row of rows) for (const slot of row) {
    if (slot.child || slot.rank < 0 || slot.rank === rows.length - 2) continue;
    found.has(slot.net) ? found.get(slot.net).push(slot) : found.set(slot.net, [slot]);
  }
  return [...found.values()].filter(run => run.length > 1);
}

// One place across for all of a run, if there is one where nothing is in its way.
function straighten(run, rows, gap) {
  let low = -Infinity, high = Infinity, sum = 0;
  for (const slot of run) {
    const row = rows[slot.rank + 1], left = row[slot.place - 1], right = row[slot.place + 1];
    if (left) low = Math.max(low, left.x + (left.width + slot.width) / 2 + gap);
    if (right) high = Math.min(high, right.x - (right.width + slot.width) / 2 - gap);
    sum += slot.x;
  }
  const x = Math.min(Math.max(sum / run.length, low), high);
  if (low <= high) for (const slot of run) slot.x = x;
}

// The middle of every slot across, from the left edge of the level.
function across(ranking, gap) {
  const { rows } = ranking;
  const upwards = [...rows].reverse();
  join(ranking);
  for (let turn = 0; turn < SWEEPS; turn++) {
    putInOrder(rows, "above");
    putInOrder(upwards, "below");
  }
  putInOrder(rows, "above");
  for (const row of rows) {
    const width = row.reduce((sum, slot) => sum + slot.width + gap, -gap);
    for (const slot of row) [slot.wanted, slot.heavy] = [-width / 2, 1];
    nearest(row, gap);
  }
  for (let turn = 0; turn <= SWEEPS; turn++) {
    for (const [way, side] of turn < SWEEPS ? [[rows, "above"], [upwards, "below"]] : [[rows, "above"]]) {
      for (const row of way) {
        for (const slot of row) {
          // Straight below the spine, or else in the middle of all.
          let sum = 0, weights = 0;
          slot.heavy = slot[side].reduce((most, each) => Math.max(most, each.weight), 1);
          for (const { slot: other, by, weight } of slot[side]) {
            const counts = slot.heavy < SPINE ? 1 : weight;
            sum += counts * (other.x + by);
            weights += counts;
          }
          slot.wanted = weights ? sum / weights : slot.x;
        }
        nearest(row, gap);
      }
    }
  }
  for (const row of rows) row.forEach((slot, place) => { slot.place = place; });
  for (const run of runs(rows)) straighten(run, rows, gap);
  let left = Infinity;
  for (const row of rows) for (const slot of row) left = Math.min(left, slot.x - slot.width / 2);
  for (const row of rows) for (const slot of row) slot.x = Math.round(4 * (slot.x - left)) / 4;
}
