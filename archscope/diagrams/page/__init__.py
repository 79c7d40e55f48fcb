"""The HTML view from the inside: what it is told (`facts`, `graph`, `still`), its style sheet and its program.

See `archscope.diagrams.html`. The files of the program are put together in one function: `start.js` around
`columns.js`, `ranks.js`, `level.js` and `layout.js` (the layout of a graph), `draw.js` and `graph.js` (its shapes in
the page), or `still.js`; then `colour.js`, `view.js`, `use.js` and `end.js`.
"""
