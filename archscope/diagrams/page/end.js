const scene = packed.graph ? new Graph(packed.graph) : new Still(packed.still);
document.getElementById("levels").hidden = scene.deepest < 2;
dress(theme);
recall();
// For who drives the page from outside.
window.archscope = { scene, look, enter, toggle, view: () => view };
document.body.dataset.ready = "yes";
