// The figure and the graph of one network. That which the page does not begin with is made when it is first asked for.
const makers = { figure: () => new Still(packed.still), graph: () => new Graph(packed.graph) };
const scenes = {};
let shown = packed.first, scene = scenes[shown] = makers[shown]();
other.hidden = !(packed.graph && packed.still);
label();
dress(theme);
recall();
// For who drives the page from outside.
window.archscope = { get scene() { return scene; }, look, enter, toggle, change, view: () => view };
document.body.dataset.ready = "yes";
