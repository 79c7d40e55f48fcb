// A level that is too tall goes on in a second column, and a third: `archscope.diagrams.graph.columns`, in the page.

const MOST_LINES = 4, PATIENCE = 1.5, WORTH = 0.5;

// First and last rank of each column. `stack` has heights, gaps (below each but the last), lines (through each of these
// gaps) and widths. What is open does not count, so that opening a block moves nothing into another column.
function columnsOf(stack, gutter, tallest, ratio) {
  const { heights, gaps } = stack;
  const tops = [0];
  heights.forEach((height, rank) => tops.push(tops[rank] + height + (gaps[rank] ?? 0)));
  const height = ([first, last]) => tops[last] + heights[last] - tops[first];
  const width = split => split.reduce((sum, [first, last]) => {
    let widest = 0;
    for (let rank = first; rank <= last; rank++) widest = Math.max(widest, stack.widths[rank]);
    return sum + widest;
  }, gutter * (split.length - 1));
  const tall = split => Math.max(...split.map(height));

  function packed(most, lines) {
    const found = [];
    let first = 0, cut = -1;
    for (let rank = 0; rank < heights.length; rank++) {
      while (height([first, rank]) > most) {
        if (cut < first) return null;
        found.push([first, cut]);
        first = cut + 1;
      }
      if (rank < gaps.length && stack.lines[rank] > 0 && stack.lines[rank] <= lines) cut = rank;
    }
    return [...found, [first, heights.length - 1]];
  }

  function splitIn(count, lines) {
    let low = Math.max(...heights), high = height([0, heights.length - 1]), best = null;
    for (let turn = 0; turn < 24; turn++) {
      const middle = (low + high) / 2;
      const found = packed(middle, lines);
      if (found && found.length <= count) [best, high] = [found, middle];
      else low = middle;
    }
    return best;
  }

  let best = [[0, heights.length - 1]];
  const whole = height(best[0]);
  for (const [lines, patience] of [[1, 1], [MOST_LINES, PATIENCE]]) {
    for (let count = best.length + 1; count <= heights.length; count++) {
      const before = tall(best);
      if (before <= patience * Math.max(tallest, ratio * width(best))) return best;
      const split = splitIn(count, lines);
      if (!split || before - tall(split) < WORTH * whole / (count * (count - 1))) break;
      best = split;
    }
  }
  return best;
}
