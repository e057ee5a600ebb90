"""Sinks: where events go. `base` is the API that every sink fills, `delivery` what drives one, a file each the rest.

They run in the reporter, one thread per sink, and may import what they like. A sink may not know the journal, PID 1
or another sink: a sink is given a batch of events and a deadline, and answers for each event.
"""
