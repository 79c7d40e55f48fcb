"""The style sheet and the script of the HTML view; see `archscope.diagrams.html`."""
