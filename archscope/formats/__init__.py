"""An analysis as text, in one format a module; nothing here asks what type a layer is."""
