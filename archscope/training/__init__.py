"""Train a built network by the recipe of its spec, on samples that come along or that torchvision fetches."""
