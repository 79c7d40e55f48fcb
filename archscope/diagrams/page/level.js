// The layout of one level: its children in ranks and columns, and the way of every line between them.
// `archscope.diagrams.graph.level`, `channels` and `ways`, in the page.

const NEAR = 4, FORBIDDEN = 1000;

// The track of every wire that needs one, chosen to cross few others, and how many tracks there are.
function tracksOf(wires) {
  const crossings = (upper, lower) => {
    let crossed = 0;
    for (const x of lower.sources) crossed += upper.low < x && x < upper.high;
    for (const x of upper.targets) crossed += lower.low < x && x < lower.high;
    for (const x of lower.sources) for (const y of upper.targets) crossed += Math.abs(x - y) < NEAR ? FORBIDDEN : 0;
    return crossed;
  };
  const order = [];
  for (const wire of wires) {
    wire.low = Math.min(...wire.sources, ...wire.targets);
    wire.high = Math.max(...wire.sources, ...wire.targets);
    if (wire.high - wire.low < 0.5) continue;
    // The cost of each place in the order, from that of the first place on.
    let cost = order.reduce((sum, other) => sum + crossings(wire, other), 0), least = cost, best = 0;
    order.forEach((other, place) => {
      cost += crossings(other, wire) - crossings(wire, other);
      if (cost < least) [least, best] = [cost, place + 1];
    });
    order.splice(best, 0, wire);
  }
  let count = 0;
  order.forEach((wire, place) => {
    wire.track = 0;
    for (const other of order.slice(0, place)) {
      if (other.low < wire.high + NEAR && wire.low < other.high + NEAR) wire.track = Math.max(wire.track, other.track + 1);
    }
    count = Math.max(count, wire.track + 1);
  });
  return count;
}

// Spots near the wanted ones, in the same order, within bounds and if possible so far apart.
function spread(wanted, low, high, apart) {
  apart = Math.min(apart, (high - low) / Math.max(wanted.length - 1, 1));
  const spots = wanted.map(want => Math.min(Math.max(want, low), high));
  for (let at = 1; at < spots.length; at++) spots[at] = Math.max(spots[at], spots[at - 1] + apart);
  if (spots[spots.length - 1] > high) {
    spots[spots.length - 1] = high;
    for (let at = spots.length - 2; at >= 0; at--) spots[at] = Math.min(spots[at], spots[at + 1] - apart);
  }
  return spots;
}

class Level {
  // `children` have a key, across, along, middle, ins and outs (by net), circle, center, end and whether they are open;
  // `split` is the first and the last rank of each column, where that is settled.
  constructor(children, nets, sizes, split) {
    this.sizes = sizes;
    const ranking = rankingOf(children, nets);
    this.rows = ranking.rows;
    this.gaps = ranking.gaps;
    this.slots = ranking.slots;
    this.last = ranking.last;
    across(ranking, sizes.gap);
    this.sides = [];
    for (const row of this.rows) for (const slot of [...row]) if (slot.child && slot.child.circle) this.enterFromTheSide(slot);
    this.heights = this.ranks().map(row => row.reduce((most, { child }) => Math.max(most, child ? child.along : 0), 0));
    this.gaps.forEach((gap, rank) => this.enter(gap, rank));
    this.depth = this.gaps.map((gap, rank) => this.room(rank, this.track(gap)));
    this.split = split ?? this.columns();
    this.place();
    this.lead();
  }

  ranks() {
    return this.rows.slice(1, -1);
  }

  from({ source, net }) {
    return source.x + offset(source, net, "outs");
  }

  // Lines come into a circle from its right, where they come down there and the way is free; not if some come down on
  // its left: then all meet above it.
  enterFromTheSide(slot) {
    const { child, rank } = slot;
    const middle = slot.x - child.across / 2 + child.middle;
    const coming = this.gaps[rank].filter(hop => hop.targets.includes(slot));
    const lineOf = hop => (this.rows[rank + 1].find(each => !each.child && each.net === hop.net) ?? { x: this.from(hop) }).x;
    if (coming.length < 2 || Math.min(...coming.map(lineOf)) < middle - 0.5) return;
    for (const hop of coming) {
      const line = lineOf(hop);
      if (line < middle + child.circle + this.sizes.track || !this.free(slot, middle, line, hop)) continue;
      let pass = this.rows[rank + 1].find(each => !each.child && each.net === hop.net);
      if (!pass) {
        pass = { child: null, net: hop.net, rank, width: 2, x: line };
        this.rows[rank + 1].push(pass);
      }
      hop.targets = [...new Set(hop.targets.map(each => each === slot ? pass : each))];
      this.sides.push({ net: hop.net, slot, pass });
    }
  }

  free(circle, middle, line, hop) {
    const room = this.sizes.track;
    return this.rows[circle.rank + 1].every(slot => {
      if (!slot.child) return slot.net === hop.net || Math.abs(slot.x - line) >= room;
      return slot === circle || slot.x - slot.width / 2 >= line + room || slot.x + slot.width / 2 <= middle;
    });
  }

  // Where each line ends at the bottom of a gap; several spread along a box.
  enter(gap) {
    const ends = new Map();
    for (const hop of gap) {
      hop.ends = new Map();
      for (const target of hop.targets) ends.has(target) ? ends.get(target).push(hop) : ends.set(target, [hop]);
    }
    for (const [slot, hops] of ends) {
      const { child } = slot;
      if (!child || child.circle || child.open || hops.length === 1) {
        for (const hop of hops) hop.ends.set(slot, slot.x + offset(slot, hop.net, "ins"));
        continue;
      }
      const edge = this.sizes.pad / 2, left = slot.x - slot.width / 2;
      const sorted = [...hops].sort((one, two) => this.from(one) - this.from(two) || one.net.key - two.net.key);
      const spots = spread(sorted.map(hop => this.from(hop)), left + edge, left + child.end - edge, 1.2 * this.sizes.track);
      sorted.forEach((hop, at) => hop.ends.set(slot, spots[at]));
    }
  }

  // Nets that only lead to one circle share a track.
  track(gap) {
    const merged = new Map();
    for (const hop of gap) {
      const only = hop.targets.length === 1 && hop.targets[0].child && hop.targets[0].child.circle;
      const key = only ? hop.targets[0] : hop;
      merged.has(key) ? merged.get(key).push(hop) : merged.set(key, [hop]);
    }
    const wires = [...merged.values()].map(hops => ({
      hops, sources: hops.map(hop => this.from(hop)), targets: hops.flatMap(hop => [...hop.ends.values()]),
    }));
    const count = tracksOf(wires);
    for (const wire of wires) for (const hop of wire.hops) hop.track = wire.track;
    gap.tracks = count;
    return count;
  }

  room(rank, count) {
    const { gap, arrow, track } = this.sizes;
    const outer = rank === 0 || rank === this.gaps.length - 1;
    if (outer && !this.gaps[rank].length) return 0;
    return (outer ? 0.6 * gap + (rank ? 0 : arrow) : gap + arrow) + count * track;
  }

  columns() {
    const { gap, track, tower, lr } = this.sizes;
    const rows = this.ranks();
    const stack = {
      heights: this.heights,
      gaps: this.depth.slice(1, -1),
      lines: this.gaps.slice(1, -1).map(hops => hops.length),
      widths: rows.map(row => row.reduce((sum, { child }) => sum + (child ? child.across : 2) + gap, -gap)),
    };
    return columnsOf(stack, 2 * gap + track, tower, lr ? 1.8 : 1.2);
  }

  // How far ranks reach, with the lines above and below them.
  extent(first, last) {
    let low = Infinity, high = -Infinity;
    const reach = (from, to = from) => { low = Math.min(low, from); high = Math.max(high, to); };
    for (let rank = first; rank <= last; rank++) {
      for (const { child, x, width } of this.rows[rank + 1]) if (child) reach(x - width / 2, x + width / 2);
      for (const gap of [this.gaps[rank], this.gaps[rank + 1]]) for (const hop of gap) {
        reach(this.from(hop));
        for (const x of hop.ends.values()) reach(x);
      }
    }
    return [low, high];
  }

  cut(column) {
    return [...this.gaps[this.split[column][1] + 1]].sort((one, two) => this.from(two) - this.from(one));
  }

  place() {
    const { gap, track } = this.sizes;
    this.column = [];
    this.shift = [];
    this.gutter = [];
    this.top = [];
    this.along = 0;
    let right = 0;
    const turning = (lines, part) => (lines - 1) * track + part * gap;
    this.split.forEach(([first, last], number) => {
      const [low, high] = this.extent(first, last), end = number === this.split.length - 1;
      this.shift.push(right - low);
      right += high - low;
      if (!end) {
        this.gutter.push(right + gap);
        right += 2 * gap + (this.cut(number).length - 1) * track;
      }
      let y = number ? turning(this.cut(number - 1).length, 1) : this.depth[0];
      for (let rank = first; rank <= last; rank++) {
        this.column.push(number);
        this.top.push(y);
        y += this.heights[rank] + (rank < last ? this.depth[rank + 1] : 0);
      }
      y += end ? this.depth[this.depth.length - 1] : turning(this.cut(number).length, 0.8);
      this.along = Math.max(this.along, y);
    });
    this.across = right;
    for (const slot of this.slots.values()) {
      slot.at = [this.x(slot.x - slot.width / 2, slot.rank), this.top[slot.rank] + (this.heights[slot.rank] - slot.child.along) / 2];
    }
  }

  x(x, rank) {
    return x + this.shift[this.column[Math.min(Math.max(rank, 0), this.last)]];
  }

  floor(rank) {
    return this.top[rank] + this.heights[rank];
  }

  bottomOf(slot, rank) {
    if (rank < 0) return 0;
    if (!slot.child) return this.floor(rank);
    return slot.at[1] + (slot.child.circle ? slot.child.center + slot.child.circle : slot.child.along);
  }

  topOf(slot, rank) {
    if (rank > this.last) return this.along;
    if (!slot.child) return this.top[rank];
    return slot.at[1] + (slot.child.circle ? slot.child.center - slot.child.circle : 0);
  }

  // Every line drawn out: by net and target (`BORDER` for the way out), from its source or from the border.
  lead() {
    this.routes = new Map();
    this.ins = new Map();
    this.outs = new Map();
    const ways = new Map();
    this.gaps.forEach((gap, rank) => {
      for (const hop of gap) {
        const { net, source } = hop;
        const before = source.child ? [] : ways.get(source) ?? [];
        for (const target of hop.targets) {
          const way = [...before, ...this.hop(rank, hop, target)];
          if (target.child) this.routes.set(`${net.key} ${target.child.key}`, straightened(way));
          else ways.set(target, way);
          if (target.rank > this.last) {
            this.outs.set(net.key, way[way.length - 1][0]);
            this.routes.set(`${net.key} ${BORDER}`, straightened(way));
          }
        }
        if (source.rank < 0) this.ins.set(net.key, this.x(source.x, 0));
      }
    });
    for (const { net, slot, pass } of this.sides) {
      const way = ways.get(pass).slice(0, -1), { child, at: [x, y] } = slot;
      const line = ways.get(pass)[way.length][0], height = y + child.center;
      this.routes.set(`${net.key} ${child.key}`, straightened([...way, [line, height], [x + child.middle + child.circle, height]]));
    }
  }

  hop(rank, hop, target) {
    const start = [this.x(this.from(hop), rank - 1), this.bottomOf(hop.source, rank - 1)];
    const end = [this.x(hop.ends.get(target), rank), this.topOf(target, rank)];
    if (rank > 0 && rank <= this.last && this.column[rank] !== this.column[rank - 1]) {
      return [start, ...this.turn(this.column[rank - 1], hop, start[0], end[0]), end];
    }
    if (hop.track === undefined) return [start, end];
    const inside = rank <= this.last;
    const above = inside ? this.top[rank] - this.depth[rank] : this.floor(rank - 1);
    const y = above + (hop.track + 1) * (this.depth[rank] - (inside ? this.sizes.arrow : 0)) / (this.gaps[rank].tracks + 1);
    return [start, [start[0], y], [end[0], y], end];
  }

  // Down below a column, up between it and the next, and over the top of that.
  turn(column, hop, start, end) {
    const step = this.cut(column).indexOf(hop) * this.sizes.track;
    const bottom = this.floor(this.split[column][1]) + 0.6 * this.sizes.gap + step, between = this.gutter[column] + step;
    return [[start, bottom], [between, bottom], [between, step], [end, step]];
  }
}

// A way without points that change nothing.
function straightened(points) {
  const kept = [], same = (one, two, axis) => Math.abs(one[axis] - two[axis]) < 0.05;
  for (const point of points) {
    const last = kept[kept.length - 1], before = kept[kept.length - 2];
    if (last && same(last, point, 0) && same(last, point, 1)) continue;
    if (before && [0, 1].some(axis => same(before, last, axis) && same(last, point, axis))) kept.pop();
    kept.push(point);
  }
  return kept;
}
