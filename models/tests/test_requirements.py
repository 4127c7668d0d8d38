"""The lock file pins everything by hash and names no place to get it from."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]


LOCKS = ["requirements", "requirements-bench", "requirements-3.3", "requirements-lake"]


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_is_hashed_and_names_no_index(lock):
    text = (ROOT / f"{lock}.txt").read_text()
    assert not re.search(r"index|find-links|://|trusted-host", text)
    entries = re.split(r"\n(?=[a-z])", text.strip())
    assert len(entries) > 5
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==[^\s]+ \\\n +--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_direct_need_is_locked(lock):
    names = [
        re.split(r"[=<>]", line)[0] for line in (ROOT / f"{lock}.in").read_text().splitlines() if line[:1] not in "#"
    ]
    locked = re.findall(r"^([a-z0-9._-]+)==", (ROOT / f"{lock}.txt").read_text(), re.M)
    assert set(names) <= set(locked)
