"""Sums up JUnit files: prints failures, then "N passed, N failed, N skipped"; exits 1 on any failure."""

import sys
import xml.etree.ElementTree as ElementTree


def main(paths):
    passed, failed, skipped = 0, [], 0
    for path in paths:
        try:
            cases = list(ElementTree.parse(path).iter("testcase"))
        except (OSError, ElementTree.ParseError) as error:
            failed.append(f"{path}: no result ({error})")
            continue
        if not cases:
            failed.append(f"{path}: no test ran")
        for case in cases:
            name = f"{case.get('classname', '')} {case.get('name')}".strip()
            if case.find("failure") is not None or case.find("error") is not None:
                failed.append(name)
            elif case.find("skipped") is not None:
                skipped += 1
            else:
                passed += 1
    for name in failed:
        print("FAILED", name)
    print(f"{passed} passed, {len(failed)} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
