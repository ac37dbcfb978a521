"""Compares what `plumb chart` reads with the values beside the pictures of a folder.

    python samples/check_charts.py target/debug/plumb samples/charts

A printed value counts when series, category and text are those of NAME.values.json; a measured one when series and
category are, and the number is within 2 % of the largest.
"""

import json
import pathlib
import subprocess
import sys
import time


def tight(text):
    return "".join(text.split()).replace("（", "(").replace("）", ")")


def right(read, true, printed, largest):
    same = tight(read["series"]) == tight(true["series"]) and tight(read["category"]) == tight(true["category"])
    if printed:
        return same and tight(read["text"]) == tight(true["text"])
    return same and read["value"] is not None and abs(read["value"] - float(true["text"])) <= 0.02 * largest


def main():
    plumb, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    sums = {True: [0, 0], False: [0, 0]}
    for path in sorted(folder.glob("*.values.json")):
        expected = json.loads(path.read_text(encoding="utf-8"))
        picture = path.with_name(path.name.replace(".values.json", ".png"))
        start = time.monotonic()
        said = subprocess.run([plumb, "chart", "--json", picture], capture_output=True, check=True)
        seconds = time.monotonic() - start
        read, printed, values = json.loads(said.stdout), expected["printed"], expected["values"]
        largest = 0 if printed else max(float(v["text"]) for v in values)
        good = [any(right(r, true, printed, largest) for r in read["values"]) for true in values]
        sums[printed][0] += sum(good)
        sums[printed][1] += len(good)
        title = "" if tight(read["title"]) == tight(expected["title"]) else f"  title {read['title']!r}"
        print(f"{picture.name:22} {read['kind']:9} {sum(good)}/{len(good)} of {len(read['values'])}  {seconds:.1f} s{title}")
        for true, ok in zip(values, good):
            if not ok:
                print("   missing", true)
        if not all(good):
            print("   read   ", [(r["series"], r["category"], r["text"]) for r in read["values"]])
    for printed, (good, total) in sums.items():
        if total:
            print(f"{'printed' if printed else 'measured'}: {good} of {total} = {100 * good / total:.1f} %")


main()
