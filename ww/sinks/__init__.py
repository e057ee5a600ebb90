"""Sinks: where events go. `base` is the API that every sink fills; a file or, where it takes several, a package each.

`delivery` drives a sink, `registry` finds its type, `setup` makes it from its settings, `reachability` tries it without an
event, `conformance` finds out what it keeps. `over_http`, `currentstate` and `eventtable` are what several sinks share.

They run in the reporter, one thread per sink, and may import what they like. A sink may not know the journal, PID 1
or another sink: a sink is given a batch of events and a deadline, and answers for each event.
"""
