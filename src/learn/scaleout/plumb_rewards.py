"""The rewards of `plumb train grpo`, for training frameworks: plain Python, nothing to install.

Every function takes one completion and what is known of its prompt, and answers a number in 0..1.
`python3 plumb_rewards.py < FILE` prints the rewards of each line {"completion", "gold_score", "gold_evidence", "papers"}.
"""

import json
import re
import sys

FIELDS = {"evidence": list, "score": int, "rationale": str, "suggestion": str}
LARGEST_NUMBER = 2**32 - 1
WEIGHTS = {"score": 1.0, "evidence": 1.0, "schema": 0.5, "counts": 0.5}


def _whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _once(pairs):
    """An object whose keys stand once each."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def parse(completion):
    """The answer in a completion; None where it has not the asked form."""
    try:
        answer = json.loads(completion, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or set(answer) != set(FIELDS):
        return None
    if not all(isinstance(answer[name], kind) for name, kind in FIELDS.items()):
        return None
    if not _whole(answer["score"]) or not 1 <= answer["score"] <= 5:
        return None
    if not all(_whole(n) and 0 <= n <= LARGEST_NUMBER for n in answer["evidence"]):
        return None
    return answer


def score(completion, gold_score, **_):
    """1 minus the distance from the known level, in quarters."""
    answer = parse(completion)
    return 0.0 if answer is None else 1.0 - abs(answer["score"] - gold_score) / 4.0


def evidence(completion, gold_evidence, **_):
    """F1 of the cited lines; 1 where nothing was to be cited and nothing is."""
    answer = parse(completion)
    if answer is None:
        return 0.0
    cited, known = set(answer["evidence"]), set(gold_evidence)
    if not cited and not known:
        return 1.0
    return 2.0 * len(cited & known) / (len(cited) + len(known))


def schema(completion, **_):
    """Whether the completion has the asked form."""
    return 0.0 if parse(completion) is None else 1.0


def counts(completion, papers, **_):
    """The share of the numbers in the rationale that stand in the papers; 1 where it states none."""
    answer = parse(completion)
    if answer is None:
        return 0.0
    numbers = lambda text: re.findall(r"[0-9]+", text)
    said, known = numbers(answer["rationale"]), set(numbers(papers))
    return 1.0 if not said else sum(n in known for n in said) / len(said)


REWARDS = {"score": score, "evidence": evidence, "schema": schema, "counts": counts}


def text_of(completion):
    """A completion as text: frameworks hand over a string, or a list of messages."""
    return completion if isinstance(completion, str) else completion[-1]["content"]


def each(name, completions, columns):
    """The reward `name` of every completion; `columns` hold one entry a completion."""
    wanted = ("gold_score", "gold_evidence", "papers")
    known = {key: columns[key] for key in wanted if key in columns}
    rows = [{key: values[i] for key, values in known.items()} for i in range(len(completions))]
    return [REWARDS[name](text_of(completion), **row) for completion, row in zip(completions, rows)]


if __name__ == "__main__":
    for line in sys.stdin:
        row = json.loads(line)
        completion = row.pop("completion")
        print(json.dumps({name: reward(completion, **row) for name, reward in REWARDS.items()}))
