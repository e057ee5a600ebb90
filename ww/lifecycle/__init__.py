"""What an instance does next: states, one table of transitions, plans and restart policy, as pure values and functions.

It may not know the time, the operating system, processes, files or signals: `now_ms` is an argument,
an outcome is a value, and `decide` returns actions that somebody else performs.
"""
