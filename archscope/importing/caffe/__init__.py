"""Caffe networks, ``.prototxt``, by their text: nothing but the standard library reads it, and Caffe does not run."""
