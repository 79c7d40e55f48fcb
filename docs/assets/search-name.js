// Material marks its search as a dialog and gives it no name; a listener would hear that something opened, and not what.
document.querySelector(".md-search[role=dialog]")?.setAttribute("aria-label", "Search");
