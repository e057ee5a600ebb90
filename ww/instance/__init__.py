"""Performs what `ww.lifecycle` decides: turns what `ww.supervise` saw into outcomes, runs hooks, keeps the data's records.

It may not decide the next state, wait for a process, open a network socket or import a merge; it is wired by `ww.entrypoint`.
"""
