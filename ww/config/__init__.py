"""Configuration: its layers, their merge, its validation, one value of it, its secrets, files made from it.

Knows JSON, files and environment variables; knows nothing of processes, states, hooks or events. `inputs`, `query`,
`secrets`, `shell` and `fastcfg` use the standard library only and are cheap to import: `inputs` and `secrets` run
inside PID 1. Everything else belongs to the compile child and to commands.
"""
