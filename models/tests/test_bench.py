"""The benchmark's reading of its own lines, and one of the shapes that conformance trains."""

import json

from sentinela_models import bench, shapes

LINES = """goos: linux
BenchmarkScore/leaves-2         	   64683	     18727 ns/op	       0 B/op	       0 allocs/op
BenchmarkScore/compiled-2       	  321566	      3624 ns/op	       0 B/op	       0 allocs/op
BenchmarkScore/compiled-2       	  321566	      3600 ns/op	       0 B/op	       0 allocs/op
BenchmarkExplain-2              	    5588	    252092.5 ns/op	       0 B/op	       0 allocs/op
BenchmarkLoad-2                 	       4	 300252092 ns/op	   3.93 MB/s	93301020 B/op	  811234 allocs/op
BenchmarkFloor-2                	1000000000	         0.9632 ns/op	    110365 bytes/row
"""


def test_ratios_take_the_least_and_hold_to_the_budget(capsys):
    text = LINES + "\n".join(
        [bench.line("LightGBM/batch", 4096, 5999.9), bench.line("LightGBM/pred_contrib", 128, 2_016_740.0)]
    )
    assert bench.ratios(text) == 1  # 3600 / 5999.9 is above 0.6
    out = capsys.readouterr().out
    assert "Score/compiled 3.60 µs against Score/leaves 18.73 µs: 0.192, budget 0.45: within" in out
    assert "Score/compiled 3.60 µs against LightGBM/batch 6.00 µs: 0.600, budget 0.6: ABOVE" in out
    assert "Explain 252.09 µs against LightGBM/pred_contrib 2016.74 µs: 0.125, budget 0.25: within" in out
    assert "Load 300252092 ns/op, budget 1000000000: within" in out
    assert "Score/compiled 0 allocs/op, budget 0: within" in out
    assert "skipped: Score/compiled against Lleaves/batch: not measured" in out


def test_a_shape_is_an_artefact_that_covers(tmp_path):
    assert shapes.write(tmp_path, "ten-by-eight", shapes.SHAPES["ten-by-eight"]).startswith(
        "ten-by-eight: 10 trees, 80"
    )
    m = json.loads((tmp_path / "ten-by-eight" / "manifest.json").read_text())
    assert m["golden_covers_splits"] is True
    assert len(m["features"]) == 20


def test_absolute_budgets_are_held_to(capsys):
    text = LINES.replace("300252092 ns/op", "1000000001 ns/op").replace(" 0 allocs/op", " 1 allocs/op")
    assert bench.ratios(text) == 2
    assert "Load 1000000001 ns/op, budget 1000000000: ABOVE" in capsys.readouterr().out
    assert bench.ratios("") == 0
