"""Events and the journal that keeps them: written by PID 1 (`journal`), read by the reporter (`spool`).

It may not know what a state means, who delivers an event, or how: an event is a number, a kind, two times and data.
"""
