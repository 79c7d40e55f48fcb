// A table that is wider than a phone scrolls inside its line; where it does, the keyboard stops there to scroll it.
addEventListener("load", () => {
  const stops = new ResizeObserver((all) => all.forEach(({ target }) => {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }));
  document.querySelectorAll(".md-typeset__scrollwrap").forEach((each) => stops.observe(each));
});
