"""One writer: rounds in which processes ask for the lock of one store at the same moment.

    PYTHONPATH=. python benchmarks/simultaneous_starts.py [ROUNDS] [STARTS]

In every other round the process that got in is killed, so that its claim has to be taken over.
"""

import sys
import tempfile
import warnings

from helpers.smoke import sized

from tests.support.simultaneous import answers_of


def main() -> None:
    rounds, starts = (int(word) for word in (*sys.argv[1:], *sized(("40", "40"), ("2", "4")))[:2])
    two, none, other = 0, 0, 0
    with tempfile.TemporaryDirectory() as store:
        for number in range(rounds):
            answers = answers_of(store, starts, killed=number % 2 == 1)
            inside = answers.count("in")
            told = sum("in use by sweep 's' (process " in answer for answer in answers)
            two, none = two + (inside > 1), none + (inside == 0)
            other += starts - inside - told
    print(f"{rounds} rounds of {starts} starts: two in: {two}, none in: {none}, else: {other}")
    sys.exit(bool(two or none or other))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
