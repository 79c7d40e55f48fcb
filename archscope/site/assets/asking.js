(() => {
  // "Hide the numbers": the table of layers becomes a sheet that checks what is typed. Nothing else is seen meanwhile,
  // as figures and cards tell the numbers; what was typed is kept in this browser.
  const button = document.querySelector(".asking-switch");
  const table = document.querySelector("table.layers");
  if (!button || !table) return;
  const root = document.documentElement;
  const status = document.querySelector(".asking-status");
  const kept = `archscope-asked ${document.title}`;
  const recall = () => { try { return JSON.parse(localStorage.getItem(kept)) || {}; } catch { return {}; } };
  const keep = (state) => { try { localStorage.setItem(kept, JSON.stringify(state)); } catch { /* it holds for this page */ } };

  // Whole numbers and their arithmetic, read and never run: sums of products of powers of numbers and brackets.
  const value = (text) => {
    if (text.length > 200) return null;
    const plain = text.trim().replace(/^=/, "").replace(/(\d)[,.' _\u00a0\u2009\u202f](?=\d{3}(?!\d))/g, "$1")
      .replace(/[×xX·⋅∙•]/g, "*").replace(/[−–]/g, "-").replace(/÷/g, "/").replace(/\*\*/g, "^").replace(/²/g, "^2").replace(/³/g, "^3");
    const tokens = plain.match(/\d+|[-+*/^()]/g);
    if (!tokens || tokens.join("") !== plain.replace(/\s+/g, "") || /\d\s+\d/.test(plain)) return null;
    let at = 0;
    const atom = (depth) => {
      const token = tokens[at++];
      if (token === "(" && depth < 24) {
        const inner = sum(depth + 1);
        return tokens[at++] === ")" ? inner : NaN;
      }
      return token !== undefined && /^\d{1,16}$/.test(token) ? Number(token) : NaN;
    };
    const power = (depth) => {
      const base = atom(depth);
      return tokens[at] === "^" ? (at++, base ** power(depth)) : base;
    };
    const product = (depth) => {
      let result = power(depth);
      while (tokens[at] === "*" || tokens[at] === "/" || tokens[at] === "(" || (tokens[at - 1] === ")" && /^\d/.test(tokens[at] || ""))) {
        const sign = "*/".includes(tokens[at]) ? tokens[at++] : "*";
        result = sign === "*" ? result * power(depth) : result / power(depth);
      }
      return result;
    };
    const sum = (depth) => {
      const negative = tokens[at] === "-" && at++ >= 0;
      let result = negative ? -product(depth) : product(depth);
      while (tokens[at] === "+" || tokens[at] === "-") result = tokens[at++] === "+" ? result + product(depth) : result - product(depth);
      return result;
    };
    const result = sum(0);
    return at === tokens.length && Number.isSafeInteger(result) ? result : null;
  };
  const sides = (text) => (text.length > 200 ? [] : text.match(/\d+/g) || []).map(Number);
  const same = (one, other) => one.length === other.length && one.every((each, at) => each === other[at]);
  const holds = (typed, right, isShape) => {
    if (!isShape) return value(typed) === value(right);
    const [ours, theirs] = [sides(right), sides(typed)];
    return same(theirs, ours) || (ours.length > 1 && same(theirs, [...ours.slice(1), ours[0]]));
  };

  const headings = [...table.tHead.rows[0].cells].map((each) => each.textContent);
  const asked = ["Output", "Parameters", "Fixed", "Connections", "MACs"];
  const cells = [];
  const prepare = () => {
    if (cells.length) return;
    for (const tile of document.querySelectorAll(".tiles > div")) {
      tile.classList.toggle("asking-given", tile.querySelector("dt").textContent === "input");
    }
    for (const row of [...table.tBodies[0].rows, ...table.tFoot.rows]) {
      const layer = row.cells[0].textContent;
      const options = [...document.querySelectorAll(".card")].find((card) => card.dataset.row === row.dataset.row);
      const stated = options && [...options.querySelectorAll(".facts div")].find((each) => each.querySelector("dt").textContent === "options");
      if (stated) {
        const told = document.createElement("small");
        told.className = "asking-options";
        told.textContent = stated.querySelector("dd").textContent;
        row.cells[1].append(told);
        const table = options.querySelector(".crossed");
        if (table) {
          const drawn = document.createElement("div");
          drawn.className = "asking-options";
          drawn.append(table.cloneNode(true));
          row.cells[1].append(drawn);
        }
      }
      [...row.cells].forEach((cell, column) => {
        const right = column === 2 ? cell.textContent : (cell.querySelector("b, small") || {}).textContent;
        if (!asked.includes(headings[column]) || !right || !/\d/.test(right) || right.includes(",") && column === 2) return;
        const shown = document.createElement("span");
        shown.className = "asking-answer";
        shown.append(...cell.childNodes);
        const input = document.createElement("input");
        input.type = "text";
        input.autocomplete = "off";
        input.spellcheck = false;
        input.maxLength = 200;
        input.ariaLabel = `${headings[column]} of ${layer}`;
        cell.append(shown, input);
        const entry = { name: `${layer} ${headings[column]}`, right, shown, input, isShape: column === 2 };
        cells.push(entry);
        input.addEventListener("change", () => check(entry, true));
        input.addEventListener("keydown", (event) => {
          if (event.key !== "Enter") return;
          check(entry, true);
          const next = cells[cells.indexOf(entry) + 1];
          if (next && input.ariaInvalid !== "true") next.input.focus();
        });
      });
    }
  };
  const check = (entry, aloud) => {
    const { input, shown, right, isShape, name } = entry;
    const typed = input.value.trim();
    const fits = typed !== "" && holds(typed, right, isShape);
    input.ariaInvalid = String(typed !== "" && !fits);
    input.classList.toggle("fits", fits);
    shown.classList.toggle("found", fits);
    const state = recall();
    state.typed = { ...state.typed, [name]: typed };
    keep(state);
    const found = cells.filter((each) => each.input.classList.contains("fits")).length;
    const verdict = typed === "" ? "" : fits ? `${name}: right. ` : `${name}: not yet. `;
    if (aloud) status.textContent = `${verdict}${found} of ${cells.length} found`;
  };
  const show = (on) => {
    if (on) prepare();
    root.classList.toggle("asking", on);
    button.setAttribute("aria-pressed", String(on));
    const { typed = {} } = recall();
    for (const entry of on ? cells : []) {
      entry.input.value = typed[entry.name] || "";
      check(entry, false);
    }
    status.textContent = "";
  };
  button.parentElement.hidden = false;
  button.addEventListener("click", () => {
    const on = !root.classList.contains("asking");
    keep({ ...recall(), on });
    show(on);
  });
  if (recall().on) show(true);
})();
