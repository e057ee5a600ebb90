"""What the reporter consists of besides its sinks: the line to PID 1, the spool's keeper, measurements and probes.

Runs in the reporter's process only; it may not start, signal or wait for any process, and PID 1 may not import it.
"""
