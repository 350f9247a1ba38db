"""Tests told in TAP; any thread may tell one."""

import threading


class Tap:
    def __init__(self):
        self.lock = threading.Lock()
        self.count = 0
        self.failed = 0

    def ok(self, good, name, why=None):
        with self.lock:
            self.count += 1
            self.failed += not good
            print("%sok %d - %s" % ("" if good else "not ", self.count,
                                    name.replace("#", "")), flush=True)

            if not good and why is not None:
                for line in str(why).splitlines():
                    print("# " + line, flush=True)

        return good

    def same(self, got, want, name):
        return self.ok(got == want, name, "got  %r\nwant %r" % (got, want))

    def end(self):
        print("1..%d" % self.count, flush=True)

        return 1 if self.failed else 0
