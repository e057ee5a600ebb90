"""Python's floor: what any PID 1 in Python costs at least. A plain supervisor on `posix` and `_signal` alone.

Started as `python3 -I -S floor.py N PROGRAM ARG…`: starts PROGRAM N times, starts at once again what died, reaps all that
falls to it, and at TERM passes TERM on and ends when all are gone. No configuration, no log, no limits, no states.
"""

import _signal
import posix
import sys

TERM, CHLD = 15, 17
BLOCK, UNBLOCK = 0, 1


class Floor:
    """The services by pid, and whether we are going down."""

    def __init__(self, count, argv):
        self.argv = argv
        self.pids = set()
        self.stopping = False
        for _ in range(count):
            self.start()

    def start(self):
        pid = posix.posix_spawn(self.argv[0], self.argv, posix.environ, setsid=True, setsigmask=())
        self.pids.add(pid)

    def reap(self):
        """Everything that has ended, also orphans; a service that ended is replaced."""
        while True:
            try:
                pid, _status = posix.waitpid(-1, posix.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self.pids:
                self.pids.discard(pid)
                if not self.stopping:
                    self.start()

    def stop(self):
        self.stopping = True
        for pid in self.pids:
            posix.kill(pid, TERM)

    def run(self):
        while not (self.stopping and not self.pids):
            if _signal.sigwait((TERM, CHLD)) == TERM:
                self.stop()
            self.reap()


def main():
    _signal.pthread_sigmask(BLOCK, (TERM, CHLD))
    floor = Floor(int(sys.argv[1]), sys.argv[2:])
    floor.run()
    posix._exit(0)


main()
