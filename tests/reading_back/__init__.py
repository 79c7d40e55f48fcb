"""The law of text: what a person says is read back from every format by that format's own parser, and does nothing."""
