(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const cards = all(".card");
  const layers = all("svg a.layer");
  const names = cards.map((card) => card.dataset.row);
  let current = "";

  // Equal layers are worked out once on a page; a card that is looked at has its own copy.
  const complete = (card) => {
    for (const mark of card.querySelectorAll("[data-like]")) {
      mark.replaceWith(...document.getElementById(mark.dataset.like).cloneNode(true).childNodes);
    }
  };

  const select = (name) => {
    if (name === current || !names.includes(name)) return;
    current = name;
    for (const card of cards) {
      card.classList.toggle("current", card.dataset.row === name);
      if (card.dataset.row === name) complete(card);
    }
    for (const link of layers) link.classList.toggle("lit", link.dataset.rows.split(" ").includes(name));
    for (const edge of all("svg .edge")) edge.classList.toggle("lit", edge.dataset.into === name);
    for (const row of all("tr[data-row]")) row.classList.toggle("lit", row.dataset.row === name);
    for (const picture of all(".live svg")) {
      picture.classList.toggle("chosen", picture.querySelector("a.layer.lit") !== null);
    }
  };

  // A picture may be taller than the window, and a graph stands far below the cards: what a layer's card says then
  // stands in a line at the foot of the window. A listener is told it by the link itself.
  const line = document.createElement("p");
  line.className = "line";
  line.hidden = true;
  line.ariaHidden = "true";
  document.body.append(line);
  const text = (within, selector) => [...within.querySelectorAll(selector)].map((each) => each.textContent);
  const tell = () => {
    const card = cards.find((each) => each.dataset.row === current);
    const { top, bottom } = card.getBoundingClientRect();
    line.hidden = top < innerHeight - 120 && bottom > 120;
    if (line.hidden) return;
    const [into, out] = [...card.querySelectorAll(".flow > div")].map((each) => text(each, ".box b").join(", "));
    const counts = ["parameters", "connections", "macs"].flatMap((quantity) => {
      const work = card.querySelector(`[data-quantity="${quantity}"]`);
      const results = work === null ? [] : text(work, ".chain b");
      return results.length === 1 ? [`${results[0]} ${text(work, "dt")[0].replace(/^[PC]/, (letter) => letter.toLowerCase())}`] : [];
    });
    const name = document.createElement("b");
    name.textContent = text(card, "h3")[0];
    line.replaceChildren(name, ` ${into} → ${out}`, ...counts.map((each) => ` · ${each}`));
  };
  for (const figure of all(".live")) {
    figure.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") line.hidden = true; });
    figure.addEventListener("focusout", () => { line.hidden = true; });
  }
  addEventListener("scroll", () => { if (!line.hidden) tell(); }, { passive: true });

  const point = (link) => { select(first(link)); tell(); };
  const named = () => decodeURIComponent(location.hash).replace(/^#layer-/, "");
  const first = (link) => link.dataset.rows.split(" ")[0];
  const stops = (picture) => [...picture.querySelectorAll('a.layer:not([tabindex="-1"])')];
  const inView = (link) => link.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });

  const step = (picture, by, from) => {
    const links = stops(picture);
    const place = links.findIndex((link) => first(link) === from);
    const next = links[Math.min(Math.max(place + by, 0), links.length - 1)];
    next.focus({ preventScroll: true });
    inView(next);
  };

  for (const link of layers) {
    link.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") point(link); });
    link.addEventListener("focus", () => point(link));
    link.addEventListener("click", (event) => {
      event.preventDefault();
      point(link);
      history.replaceState(null, "", `#layer-${first(link)}`);
    });
    link.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -1e6, End: 1e6 }[event.key];
      if (by === undefined) {
        if (event.key === "Enter") document.getElementById(`layer-${first(link)}`).focus();
        return;
      }
      event.preventDefault();
      step(link.closest("svg"), by, first(link));
    });
  }
  for (const row of all("table.layers tr[data-row]")) {
    row.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") select(row.dataset.row); });
    row.addEventListener("focusin", () => select(row.dataset.row));
  }
  addEventListener("hashchange", () => {
    select(named());
    const card = document.getElementById(`layer-${named()}`);
    if (card) card.scrollIntoView();
  });
  select(names.includes(named()) ? named() : names[0]);
  const card = document.getElementById(`layer-${named()}`);
  if (card) card.scrollIntoView();
})();
