"""What this project says about its speed, each as a ratio of two things measured side by side.

``python -m benchmarks`` runs them all, ``python -m benchmarks table`` some. A benchmark is a module here with a
function ``claims`` that yields `Claim` values, and its name in `benchmarks.__main__.BENCHMARKS`.
"""
