"""From the journal to one sink: `engine` decides what to do now, `thread` does it, the rest are the parts that they use.

Knows sinks by `ww.sinks.base` alone: not one of them by its name.
"""
