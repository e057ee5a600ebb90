"""The files of one instance: where everything lies, the data lock, marker, versions, step journal and run directory.

Standard library only; knows paths and bytes, and nothing of processes, states or events.
"""
