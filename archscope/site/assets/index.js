(() => {
  const box = document.getElementById("search");
  const list = document.getElementById("found");
  const count = document.getElementById("found-count");
  const entries = JSON.parse(document.getElementById("search-index").textContent);
  const most = 12;

  const score = (entry, words) => {
    const name = entry.n.toLowerCase();
    const rest = entry.t.toLowerCase();
    let sum = 0;
    for (const word of words) {
      if (name === word) sum += 12;
      else if (name.startsWith(word)) sum += 6;
      else if (name.includes(word)) sum += 3;
      else if (rest.includes(word)) sum += 1;
      else return 0;
    }
    return sum + (entry.k === "network" ? 2 : 0);
  };
  const search = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = words.length === 0 ? [] : entries
      .map((entry, place) => ({ entry, place, sum: score(entry, words) }))
      .filter((hit) => hit.sum > 0)
      .sort((one, two) => two.sum - one.sum || one.place - two.place);
    list.replaceChildren(...hits.slice(0, most).map(({ entry }) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      const text = document.createElement("small");
      link.href = entry.h;
      link.append(entry.n, text);
      text.textContent = entry.t;
      item.append(link);
      return item;
    }));
    list.hidden = hits.length === 0;
    const more = hits.length > most ? `, the best ${most} of them shown` : "";
    count.textContent = words.length === 0 ? "" : `${hits.length || "Nothing"} found${more}`;
  };
  box.addEventListener("input", search);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { box.value = ""; search(); }
    if (event.key === "Enter" && list.firstChild) list.querySelector("a").click();
    if (event.key === "ArrowDown" && list.firstChild) { event.preventDefault(); list.querySelector("a").focus(); }
  });
  list.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a")];
    const place = links.indexOf(document.activeElement);
    if (event.key === "ArrowDown") { event.preventDefault(); links[Math.min(place + 1, links.length - 1)].focus(); }
    if (event.key === "ArrowUp") { event.preventDefault(); (place > 0 ? links[place - 1] : box).focus(); }
    if (event.key === "Escape") box.focus();
  });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== box) { event.preventDefault(); box.focus(); }
  });
  search();

  const told = document.querySelector(".reading");
  for (const dot of document.querySelectorAll(".growth .dot")) {
    for (const kind of ["pointerenter", "focus"]) {
      dot.addEventListener(kind, () => { told.textContent = dot.dataset.said; });
    }
  }

  for (const button of document.querySelectorAll("th button[data-column]")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const table = button.closest("table");
      const column = [...head.parentElement.children].indexOf(head);
      const numeric = head.hasAttribute("data-numeric");
      const now = head.getAttribute("aria-sort");
      const down = now === null ? numeric : now === "ascending";
      const sign = down ? -1 : 1;
      const key = (row) => row.children[column].dataset.value ?? row.children[column].textContent;
      const compare = numeric
        ? (one, two) => Number(key(one)) - Number(key(two))
        : (one, two) => key(one).localeCompare(key(two), "en", { numeric: true });
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort((one, two) => sign * compare(one, two)));
      for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
    });
  }
})();
