"""The service processes of an instance: what they are, one of them, all of them.

`definition` reads `/ww/usr/services/NAME` and `ww.services`; `process` is one life of one service; `readiness` says
when it is ready; `group` starts and stops all of them in order and tells the instance what ended. What is decided is
decided in `ww.lifecycle.services`; it may not know states of the instance, events or the control socket.
"""
