"""A progress that shows nothing, and notes what it is told."""


class Quiet:
    """Nobody watches; the kinds of steps are noted as they start, and lines as they are said."""

    def __init__(self):
        self.kinds, self.lines = [], []

    def start(self, schedule):
        pass

    def say(self, line):
        self.lines.append(line)

    def looked(self, busy, workers):
        pass

    def started(self, step):
        self.kinds.append(step.kind)

    def finished(self, record, schedule):
        pass
