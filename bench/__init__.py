"""Benchmarks: ww beside its peers, each as the real PID 1 of a PID namespace of its own. Started by `make bench`.

install   gets the peers from their registries into build/bench, and says of each why it could not
peers     how each is started with one service or many
lives     one life of a PID 1: start, look, kill, stop
rows      what is measured, row by row of the table
run       alternates everything, writes bench/results
report    makes docs/benchmarks.md from bench/results; nothing in it is typed by hand
"""
