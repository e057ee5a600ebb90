"""The conformance kit: runs any sink through what befalls sinks, and says which guarantee it found beside the claimed one.

    ww sinks conformance MODULE:BENCH

An author writes a `Bench` (`ww.sinks.conformance.bench`): settings for the sink, a look at what its receiver holds, and
the faults that the receiver can be given. The rest is here: the events come from a real journal, through the reporter's
own delivery, and a killed process is really killed. Knows sinks only by `ww.sinks.base`. See docs/writing-a-sink.md.
"""
