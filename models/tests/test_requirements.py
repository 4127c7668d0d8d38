"""The lock file pins everything by hash and names no place to get it from."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]


def test_lock_is_hashed_and_names_no_index():
    text = (ROOT / "requirements.txt").read_text()
    assert not re.search(r"index|find-links|://|trusted-host", text)
    entries = re.split(r"\n(?=[a-z])", text.strip())
    assert len(entries) > 5
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==[^\s]+ \\\n +--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


def test_every_direct_need_is_locked():
    names = [
        re.split(r"[=<>]", line)[0]
        for line in (ROOT / "requirements.in").read_text().splitlines()
        if line[:1] not in "#"
    ]
    locked = re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.txt").read_text(), re.M)
    assert set(names) <= set(locked)
