"""An index of all candidates: kept on disk, changed by day, asked by many campaigns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from marketing_ds._core.errors import InvalidInput
from marketing_ds.lookalike import Expansion, SeedsNotDistinct
from marketing_ds.lookalike.kept import ann, campaign
from marketing_ds.lookalike.kept.candidates import CandidateIndex
from marketing_ds.lookalike.kept.population import Sorted, as_bytes

from .conftest import make_bank


@pytest.fixture
def index(frame: pd.DataFrame, tmp_path: Path) -> CandidateIndex:
    return CandidateIndex.build(frame, tmp_path / "index", n_jobs=1)


@pytest.fixture
def easy(monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Customers whom an approximate index finds, on however few it is tried."""
    monkeypatch.setattr(ann, "_EXACT_BELOW", 1_000)
    rng = np.random.default_rng(0)
    ids = [f"c{i:04d}" for i in range(6000)]
    return pd.DataFrame(
        {"customer_id": ids, **{f"t{i}": rng.standard_normal(6000) for i in range(3)}}
    )


def _points(index: CandidateIndex) -> np.ndarray:
    return index.space.coordinates(index.population.codes(index.population.live()))


def _truth(index: CandidateIndex, rows: np.ndarray, k: int) -> np.ndarray:
    """Distances that scikit-learn finds."""
    points = _points(index)
    found = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points)
    return found.kneighbors(points[rows])[0]


def test_the_nearest_are_those_of_scikit_learn(index: CandidateIndex) -> None:
    ids = index.population.ids(index.population.live())
    found, distance = index.nearest(ids[:20].tolist(), 30)
    np.testing.assert_allclose(distance, _truth(index, np.arange(20), 30), atol=2e-3)
    assert index.kind == "exact"
    assert index.recall == 1
    assert found.shape == (20, 30)
    assert all(len(set(row)) == 30 for row in found)


def test_customers_may_be_asked_by_their_tags(index: CandidateIndex, frame: pd.DataFrame) -> None:
    someone = frame.iloc[[7]].assign(customer_id="new")
    by_tags = index.nearest(someone, 5)
    by_id = index.nearest([frame["customer_id"].iloc[7]], 5)
    np.testing.assert_array_equal(by_tags[1], by_id[1])


def test_fewer_candidates_than_neighbours(index: CandidateIndex, frame: pd.DataFrame) -> None:
    index.refresh(frame.head(3))
    found, distance = index.nearest(frame["customer_id"].head(2).tolist(), 5)
    assert (found[:, 3:] == "").all()
    assert np.isinf(distance[:, 3:]).all()
    assert np.isfinite(distance[:, :3]).all()


@pytest.mark.parametrize("kind", ["ivf", "ivf_sq8", "ivf_pq", "hnsw"])
def test_every_kind_of_index_reaches_its_recall(
    easy: pd.DataFrame, tmp_path: Path, kind: str
) -> None:
    index = CandidateIndex.build(
        easy, tmp_path / "index", kind=kind, n_neighbors=20, recall=0.8, n_jobs=1
    )
    index = CandidateIndex.open(tmp_path / "index", n_jobs=1)
    assert index.kind == kind
    assert 0.8 <= index.recall <= 1
    rows = np.arange(0, 6000, 40)
    ids = index.population.ids(rows).tolist()
    found, distance = index.nearest(ids, 20)
    bound = _truth(index, rows, 20)[:, -1:]
    assert (distance <= bound + 1e-3).mean() > 0.75
    # Nobody who is gone is found, whatever the kind.
    index.remove(found[0, :10].tolist())
    again, _ = index.nearest(ids[1:], 20)
    assert not set(found[0, :10]) & set(again.ravel())


def test_more_neighbours_than_recall_was_measured_for_are_searched_exactly(
    easy: pd.DataFrame, tmp_path: Path
) -> None:
    index = CandidateIndex.build(easy, tmp_path / "index", kind="ivf", n_neighbors=5, n_jobs=1)
    assert index.kind == "ivf"
    distance = index.nearest(["c0000"], 300)[1]
    np.testing.assert_allclose(distance, _truth(index, np.array([0]), 300), atol=2e-3)


def test_search_is_exact_where_no_index_reaches_the_recall(tmp_path: Path) -> None:
    noise = pd.DataFrame(np.random.default_rng(0).standard_normal((2000, 30))).add_prefix("t")
    noise.insert(0, "customer_id", [f"c{i}" for i in range(2000)])
    index = CandidateIndex.build(
        noise, tmp_path / "index", kind="ivf", n_neighbors=100, recall=0.99, n_jobs=1
    )
    assert (index.kind, index.recall) == ("exact", 1.0)


def test_the_kind_follows_from_size_and_memory() -> None:
    chosen = [ann.choose_kind(n, 64, gib) for n, gib in [(10_000, 4), (10**6, 4), (10**8, 8)]]
    assert chosen == ["exact", "ivf", "ivf_sq8"]
    assert ann.choose_kind(10**8, 64, 2) == "ivf_pq"


def test_a_day_of_changes_gives_what_a_new_index_would(
    index: CandidateIndex, frame: pd.DataFrame, tmp_path: Path
) -> None:
    now = frame.iloc[100:].copy()
    now.loc[now.index[:50], "visits"] = 9.0
    new = frame.iloc[:60].assign(customer_id=[f"n{i:02d}" for i in range(60)])
    now = pd.concat([now, new])
    changed = int((frame["visits"].iloc[100:150] != 9.0).sum())
    done = index.refresh(now)
    assert (done.added, done.removed, done.n_candidates) == (60, 100, 2960)
    assert done.changed <= changed
    assert done.changed > 30
    assert done.unchanged == 2960 - 60 - done.changed
    assert not done.rebuilt
    reopened = CandidateIndex.open(index.folder, n_jobs=1)
    assert reopened.n_candidates == 2960
    for ours in (index, reopened):
        ids = ["n00", "c02000", str(now["customer_id"].iloc[0])]
        found, distance = ours.nearest(ids, 40)
        rows = np.searchsorted(np.sort(ours.population.live()), ours.population.rows_of("x", ids))
        np.testing.assert_allclose(distance, _truth(ours, rows, 40), atol=2e-3)
        assert not set(found.ravel()) & set(frame["customer_id"].iloc[:100])
    again = index.refresh(now)
    assert (again.added, again.changed, again.removed, again.unchanged) == (0, 0, 0, 2960)


def test_added_customers_replace_themselves(index: CandidateIndex, frame: pd.DataFrame) -> None:
    first = frame.iloc[:2].assign(funds_cny=1e9)
    done = index.add(first)
    assert (done.added, done.changed, done.removed, done.n_candidates) == (0, 2, 0, 3000)
    back = index.add(frame.iloc[:2])
    assert (back.changed, back.n_candidates) == (2, 3000)
    assert len(index.population.beside.ids) == 0
    new = index.add(first.assign(customer_id=["x1", "x2-with-a-longer-id-than-any"]))
    assert (new.added, new.unchanged, new.n_candidates) == (2, 3000, 3002)
    found, distance = index.nearest(["x2-with-a-longer-id-than-any"], 1)
    assert (found[0, 0], distance[0, 0]) == ("x2-with-a-longer-id-than-any", 0)


def test_removed_customers_may_come_back(index: CandidateIndex, frame: pd.DataFrame) -> None:
    done = index.remove(["c00001", "nobody"])
    assert (done.removed, done.n_candidates) == (1, 2999)
    with pytest.raises(InvalidInput, match=r"customers must be in the index, got 1 of 1 .*c00001"):
        index.nearest(["c00001"], 1)
    assert index.add(frame.iloc[[1]]).added == 1
    assert index.nearest(["c00001"], 1)[0][0, 0] in set(frame["customer_id"])


def test_many_changes_build_the_index_anew(index: CandidateIndex, frame: pd.DataFrame) -> None:
    done = index.refresh(frame.iloc[:2000])
    assert done.rebuilt
    assert len(index.population.gone) == index.n_candidates == 2000
    assert len(list(index.folder.glob("codes-*.npy"))) == 1


@given(st.data())
@settings(max_examples=15)
def test_any_days_leave_who_was_there_last(tmp_path_factory: pytest.TempPathFactory, data) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    everyone = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(30)], "x": rng.random(30), "y": rng.random(30)}
    )
    index = CandidateIndex.build(everyone, tmp_path_factory.mktemp("days"), n_jobs=1)
    there = dict(zip(everyone["customer_id"], everyone["x"], strict=True))
    for _ in range(data.draw(st.integers(1, 4))):
        some = data.draw(st.lists(st.integers(0, 40), min_size=1, unique=True))
        ids = [f"c{i}" for i in some]
        now = pd.DataFrame({"customer_id": ids, "x": rng.random(len(ids)), "y": 0.5})
        kind = data.draw(st.sampled_from(["add", "remove", "refresh"]))
        if kind == "remove":
            if not set(there) - set(ids):
                continue
            index.remove(ids)
            there = {i: x for i, x in there.items() if i not in ids}
            continue
        getattr(index, kind)(now)
        there = ({} if kind == "refresh" else there) | dict(zip(ids, now["x"], strict=True))
    for seen in (index, CandidateIndex.open(index.folder)):
        live = seen.population.live()
        assert set(seen.population.ids(live)) == set(there)
        x = index.levels[0]
        codes = dict(zip(seen.population.ids(live), seen.population.codes(live)[:, 0], strict=True))
        assert all(np.searchsorted(x.edges, there[i], "right") + 1 == codes[i] for i in there)


def test_a_campaign_scores_as_a_look_alike_does(
    index: CandidateIndex, frame: pd.DataFrame, seeds: list[str], bank
) -> None:  # type: ignore[no-untyped-def]
    found = index.expand(seeds, size=100)
    assert isinstance(found, Expansion)
    assert found.size == 100
    assert found.n_candidates == 3000 - len(seeds)
    assert not set(found.ids()) & set(seeds)
    group = set(frame.loc[bank[1], "customer_id"])
    assert len(group & set(found.ids())) > 50
    assert found.to_frame()["score"].is_monotonic_decreasing
    assert index.expand(seeds, min_score=found.min_score).size >= 100
    assert set(seeds) & set(index.expand(seeds, share=0.1, keep_seeds=True).ids())


def test_through_neighbours_only_they_are_scored(
    index: CandidateIndex, seeds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = index.expand(seeds, size=60, through="scan")
    found = index.expand(seeds, size=60, through="neighbours")
    assert found.scored < 0.2
    assert found.n_candidates == exact.n_candidates
    both = found.to_frame().merge(exact.to_frame(), on="customer_id")
    np.testing.assert_allclose(both["score_x"], both["score_y"], rtol=1e-6)
    assert found.recall == pytest.approx(len(both) / 60, abs=1e-9)  # everybody else is audited
    monkeypatch.setattr(campaign, "_MANY", 1_000)
    assert found.recall < index.asked_recall
    assert index.expand(seeds, size=60).ids() == exact.ids()  # so auto scans after all
    index.asked_recall = 0.1
    assert index.expand(seeds, size=60).ids() == found.ids()
    monkeypatch.setattr(campaign, "_ASKED", 20)  # of many seeds some are asked
    few = index.expand(seeds, size=60, through="neighbours")
    assert few.size == 60
    assert few.ids() != found.ids()


def test_too_few_neighbours_are_no_reason_to_refuse(
    frame: pd.DataFrame, seeds: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "_MANY", 1_000)
    monkeypatch.setattr(campaign, "_POOL", 0.01)
    index = CandidateIndex.build(frame, tmp_path / "index", n_neighbors=20, n_jobs=1)
    assert index.expand(seeds, size=500).scored == 1.0
    with pytest.raises(InvalidInput, match="size must be at most"):
        index.expand(seeds, size=2900, through="neighbours")


def test_one_odd_seed_brings_in_nobody(index: CandidateIndex, seeds: list[str]) -> None:
    odd = next(name for name in index.population.ids(np.arange(3000)) if name not in seeds)
    made = campaign._training(index, sorted([*seeds, odd]))
    for training, extra in ((campaign._training(index, seeds), False), (made, True)):
        run = campaign._Campaign(index, training, None, campaign.Limit(10, None, None, None), [])  # type: ignore[arg-type]
        pool = set(run._pool(100))
        assert len(pool) == 500
        if extra:
            alone = index.neighbours(index.population.codes(
                index.population.rows_of("x", [odd])), 500)[1][0]  # fmt: skip
            others = index.neighbours(index.population.codes(
                index.population.rows_of("x", seeds)), 500)[1]  # fmt: skip
            assert not (set(alone) - set(others.ravel())) & pool


def test_a_scan_of_many_is_screened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, group = make_bank(16_000, seed=3)
    seeds = frame.loc[group, "customer_id"].tolist()[::4]
    index = CandidateIndex.build(frame, tmp_path / "index", n_jobs=1)
    exact = index.expand(seeds, size=300)
    monkeypatch.setattr(campaign, "WORTH_FROM", 1_000)
    found = index.expand(seeds, size=300)
    assert found.scored < 0.5
    assert len(set(found.ids()) & set(exact.ids())) >= 285


def test_seeds_are_checked(index: CandidateIndex, seeds: list[str]) -> None:
    with pytest.raises(InvalidInput, match="seeds must be in the index, got 1 of 2"):
        index.expand([seeds[0], "nobody"], size=5)
    with pytest.raises(InvalidInput, match="seeds must leave candidates, got all 3,000"):
        index.expand(index.population.ids(np.arange(3000)).tolist(), size=5)
    with pytest.raises(SeedsNotDistinct, match="a random draw could have been"):
        index.expand(index.population.ids(np.arange(0, 3000, 30)).tolist(), size=5)
    with pytest.raises(InvalidInput, match="size must be at most the number of candidates"):
        index.expand(seeds, size=3000)
    with pytest.raises(InvalidInput, match="got min_score; use 'scan'"):
        index.expand(seeds, min_score=0.9, through="neighbours")
    with pytest.raises(InvalidInput, match="through must be one of"):
        index.expand(seeds, size=5, through="magic")


@pytest.mark.parametrize("wrong", [None, 7])
def test_ids_that_are_no_texts_are_refused(index: CandidateIndex, wrong: object) -> None:
    for ask in (index.remove, lambda ids: index.nearest(ids, 2)):
        with pytest.raises(InvalidInput, match="must hold ids as text"):
            ask(["c00001", wrong])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "tree"}, "kind must be one of"),
        ({"recall": 2}, "recall must be between 0 and 1"),
        ({"n_neighbors": 0}, "n_neighbors must be between 1"),
        ({"memory_gib": 0}, "memory_gib must be"),
        ({"n_jobs": 0}, "n_jobs must be"),
        ({"exclude": "visits"}, "exclude must be a list"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_is_written(
    frame: pd.DataFrame, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        CandidateIndex.build(frame, tmp_path / "index", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "index").exists()


def test_bad_frames_leave_the_old_index(index: CandidateIndex, frame: pd.DataFrame) -> None:
    twice = pd.concat([frame, frame.head(2)])
    with pytest.raises(InvalidInput, match="customer_id must be unique in the frame, got 2"):
        CandidateIndex.build(twice, index.folder)
    with pytest.raises(InvalidInput, match="all of them are constant"):
        CandidateIndex.build(frame[["customer_id"]].assign(x=1.0), index.folder)
    with pytest.raises(InvalidInput, match="must be finite"):
        index.add(frame.head(2).assign(visits=np.inf))
    with pytest.raises(InvalidInput, match="frame must have at least one row"):
        index.refresh(frame.head(0))
    with pytest.raises(InvalidInput, match="at least one candidate"):
        index.remove(frame["customer_id"])
    with pytest.raises(InvalidInput, match="visits"):
        index.refresh(frame.drop(columns="visits"))
    for wrong in ("c00001", b"c00001"):
        with pytest.raises(InvalidInput, match="must be a list of"):
            index.nearest(wrong, 1)
    with pytest.raises(InvalidInput, match="ids must be a list of customer ids"):
        index.remove("c00001")
    assert CandidateIndex.open(index.folder).n_candidates == 3000


def test_repeated_ids_of_a_stream_are_refused(index: CandidateIndex, frame: pd.DataFrame) -> None:
    import ibis
    import pyarrow as pa

    twice = ibis.memtable(pa.Table.from_pandas(pd.concat([frame, frame.head(2)])))
    with pytest.raises(InvalidInput, match=r"unique in the frame, got 2 row.*'c00000'"):
        index.refresh(twice)


def test_what_is_no_index_is_refused_in_words(index: CandidateIndex, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="must hold an index of candidates"):
        CandidateIndex.open(tmp_path)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InvalidInput, match="folder must be a directory, got the file"):
        CandidateIndex.build(make_bank(300)[0], file)


def test_a_file_cut_short_is_refused_in_words(index: CandidateIndex) -> None:
    file = next(index.folder.glob("codes-*.npy"))
    content = file.read_bytes()
    file.write_bytes(content[:-100])
    with pytest.raises(InvalidInput, match=r"codes-.* must be .* bytes long.*cut short"):
        CandidateIndex.open(index.folder)
    file.write_bytes(b"x" * len(content))
    with pytest.raises(InvalidInput, match="is damaged; build the index again"):
        CandidateIndex.open(index.folder)
    file.unlink()
    with pytest.raises(InvalidInput, match="one missing"):
        CandidateIndex.open(index.folder)


def test_another_version_is_refused_in_words(index: CandidateIndex) -> None:
    head = index.folder / "index.json"
    head.write_text(json.dumps(json.loads(head.read_text()) | {"format": 99}))
    with pytest.raises(InvalidInput, match="must be of format 1, got 99; build the index again"):
        CandidateIndex.open(index.folder)
    head.write_text("[]")
    with pytest.raises(InvalidInput, match="must be of format 1, got None"):
        CandidateIndex.open(index.folder)
    head.write_text("{")
    with pytest.raises(InvalidInput, match="is damaged"):
        CandidateIndex.open(index.folder)


def test_who_has_it_open_sees_the_old_index_until_they_change_it(
    index: CandidateIndex, frame: pd.DataFrame
) -> None:
    other = CandidateIndex.open(index.folder, n_jobs=1)
    index.refresh(frame.iloc[:1000])
    assert other.n_candidates == 3000
    assert other.nearest(["c02999"], 3)[1][0, 0] == 0
    assert other.remove(["c00000"]).n_candidates == 999


def test_one_writer_at_a_time(index: CandidateIndex, frame: pd.DataFrame) -> None:
    with (
        index._shelf.locked(),
        pytest.raises(InvalidInput, match="is being written by another process"),
    ):
        CandidateIndex.build(frame, index.folder)


_KILLED = """
import os, signal, sys
import pandas as pd
from marketing_ds.lookalike.kept.candidates import CandidateIndex

folder, frame, step = sys.argv[1], pd.read_parquet(sys.argv[2]), int(sys.argv[3])
left = step

def count(event, arguments):
    global left
    if event in ("open", "os.rename", "os.remove") and folder in str(arguments[0]):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
CandidateIndex.build(frame, folder, n_jobs=1)
"""


def test_a_killed_build_leaves_the_old_index_usable(
    index: CandidateIndex, frame: pd.DataFrame, tmp_path: Path
) -> None:
    new = tmp_path / "new.parquet"
    frame.head(500).to_parquet(new)
    script = tmp_path / "build.py"
    script.write_text(_KILLED)
    sizes = []
    for step in (6, 15, 18, 200):
        command = [sys.executable, str(script), str(index.folder), str(new), str(step)]
        root = str(Path(__file__).parents[2])
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": root}, check=False)
        seen = CandidateIndex.open(index.folder, n_jobs=1)
        sizes.append(seen.n_candidates)
        assert seen.nearest(["c00001"], 2)[1][0, 0] == 0
        assert done.returncode == (0 if step == 200 else -signal.SIGKILL)
    assert sizes == [3000, 3000, 500, 500]  # the third had switched already
    assert len(list(index.folder.glob("*.npy"))) == 6  # what was left half done is gone


def test_an_index_shows_itself(index: CandidateIndex) -> None:
    assert "3,000 candidates" in repr(index)
    assert "recall 1.000" in repr(index)
    frame = index.remove(["c00001"]).to_frame()
    assert frame.loc[0, ["removed", "n_candidates"]].tolist() == [1, 2999]


def test_ids_are_found_whatever_their_length() -> None:
    rows = Sorted(as_bytes(["a", "bb", "é"]), np.zeros((3, 1), np.uint8))
    assert rows.find(as_bytes(["bb", "bbb", "é", "", "a"])).tolist() == [1, -1, 2, -1, 0]
    assert rows.part(np.arange(0)).find(as_bytes(["a"])).tolist() == [-1]
