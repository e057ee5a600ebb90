"""The operating-system half of PID 1: signals, the loop, children, process groups, their output.

It is the only package that starts, signals and waits for processes, and `reaper` is its only file that calls
`wait*`. It may not know what a hook, a state or an instance is: it reports what happened to a pid, and whoever
wires it decides. Outcomes are values with a closed set of names; nothing here waits for anything.
"""
