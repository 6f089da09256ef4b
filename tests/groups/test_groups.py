"""Natural groups: found, named, published as audiences; the same in any order and on any engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ibis
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import Audience
from marketing_ds.groups import NaturalGroups, natural_groups
from marketing_ds.groups import _groups as room
from marketing_ds.mart import Mart

from .customers import agreement, alike, planted, table

mpl.use("Agg")
N = 3000


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    """Fewer customers to judge by: a test room has one core."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_JUDGED", 2_000)
        yield


def bank(n: int = N, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Savers (half), salary earners (three tenths), the wealthy, in the catalogue's tags; and noise."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    saver, earner, wealthy = (kind == k for k in range(3))
    frame = table(
        {
            "aum": np.where(wealthy, 600_000, 8_000) * rng.lognormal(0, 0.5, n),
            "wealth_cny": np.where(wealthy, rng.lognormal(11, 0.6, n), 0.0),
            "products_held": np.where(wealthy, 4, 1) + rng.integers(0, 2, n),
            "salary_90d_cny": np.where(earner, rng.lognormal(10, 0.3, n), 0.0),
            "transactions_90d": np.where(earner, rng.poisson(30, n), rng.poisson(3, n)),
            "salary_found": earner,
            "days_since_transaction": np.where(saver, rng.integers(30, 300, n), rng.integers(0, 9, n)),
            "top_transaction_channel_90d": np.where(saver, "branch", np.where(rng.random(n) < 0.9, "app", "wechat")),
            "region": rng.choice(["Shanghai", "Chengdu"], n),
            "risk_level": rng.integers(1, 6, n),
            "age": np.where(wealthy, 60, 35) + rng.integers(-9, 9, n),
            "consent_sms": earner,
            "suppressed": wealthy,
            "branch_id": [f"BR{i % 7}" for i in range(n)],
            "note": [f"note {i}" for i in range(n)],
        }
    )  # fmt: skip
    return frame, kind


@pytest.fixture(scope="module")
def customers() -> tuple[pd.DataFrame, np.ndarray]:
    return bank()


@pytest.fixture(scope="module")
def found(customers: tuple[pd.DataFrame, np.ndarray]) -> NaturalGroups:
    return natural_groups(customers[0])


class TestFound:
    def test_they_are_the_planted_ones(
        self, found: NaturalGroups, customers: tuple[pd.DataFrame, np.ndarray]
    ) -> None:
        frame, truth = customers
        assert found.k == found.stability.chosen == 3
        labels = found.labels.to_pandas()
        assert labels["customer_id"].tolist() == frame["customer_id"].tolist()
        assert agreement(labels["natural_group"].to_numpy(), truth) > 0.97

    def test_the_largest_comes_first(self, found: NaturalGroups) -> None:
        rows = found.to_frame()
        assert rows["group"].tolist() == [1, 2, 3]
        assert rows["customers"].is_monotonic_decreasing
        assert rows["customers"].sum() == N
        assert rows["customer_share"].to_numpy() == pytest.approx([0.5, 0.3, 0.2], abs=0.03)

    def test_they_are_named_by_what_sets_them_apart(self, found: NaturalGroups) -> None:
        saver, earner, wealthy = (set(n.lower().split(" · ")) for n in found.to_frame()["name"])
        assert "channel used most to transact, last 90 days: branch" in saver
        assert earner & {"salary is paid here", "high transactions, last 90 days"}
        assert wealthy & {"high assets under management", "with wealth products"}
        chinese = found.to_frame("zh")["name"]
        assert all(any("\u4e00" <= letter <= "\u9fff" for letter in name) for name in chinese)
        assert any("有理财" in name for name in chinese)
        assert found.to_frame()["set_apart_by"].str.contains(r"\(TGI \d+\)").all()

    def test_keys_consent_and_sensitive_tags_are_left_out(self, found: NaturalGroups) -> None:
        assert found.left_out == {
            "age": "sensitive",
            "consent_sms": "consent",
            "suppressed": "consent",
            "branch_id": "identifier",
            "note": "identifier",
        }
        assert not set(found.used) & set(found.left_out)

    def test_each_is_an_audience(self, found: NaturalGroups) -> None:
        aud = found.audience(2)
        assert isinstance(aud, Audience)
        assert aud.count() == found.groups[1].customers
        labels = found.labels.to_pandas()
        wanted = labels.loc[labels["natural_group"] == 2, "customer_id"].tolist()
        assert aud.to_frame()["customer_id"].tolist() == wanted
        assert str(aud.rule) == "natural_group == 2"
        both = found.audience(1) | found.audience(3)
        assert both.count() == N - aud.count()

    def test_each_has_a_profile_of_all_its_customers(self, found: NaturalGroups) -> None:
        prof = found.profile(3, tags=["age", "salary_found"])
        rows = prof.to_frame()
        assert set(rows["tag"]) == {"age", "salary_found"}
        assert prof.base_count == N
        assert set(found.profile(3).to_frame()["tag"]) <= set(found.used)

    def test_they_are_a_tag_for_other_rules(self, found: NaturalGroups) -> None:
        counted = found.tagged.group_by("natural_group").aggregate(n=found.tagged.count())
        rows = counted.order_by("natural_group").to_pyarrow()["n"].to_pylist()
        assert rows == [g.customers for g in found.groups]

    @pytest.mark.parametrize("group", [0, 4, 1.5])
    def test_a_group_that_is_not_there_is_refused(self, found: NaturalGroups, group: Any) -> None:
        with pytest.raises(InvalidInput, match="group must be"):
            found.audience(group)

    def test_they_show_themselves(self, found: NaturalGroups) -> None:
        assert "NaturalGroups" in found._repr_html_()
        with pytest.raises(InvalidInput, match="language must be one of 'en', 'zh'"):
            found.to_frame("de")


class TestTheSame:
    def test_in_any_order_of_rows(
        self, found: NaturalGroups, customers: tuple[pd.DataFrame, np.ndarray]
    ) -> None:
        again = natural_groups(customers[0].sample(frac=1, random_state=3))
        assert again.labels.equals(found.labels)
        assert again.groups == found.groups

    def test_on_any_number_of_threads_and_in_any_order_of_columns(
        self, found: NaturalGroups, customers: tuple[pd.DataFrame, np.ndarray]
    ) -> None:
        one = natural_groups(customers[0], n_jobs=1)
        assert one.labels.equals(found.labels)
        turned = customers[0][customers[0].columns[::-1]]
        assert natural_groups(turned).labels.equals(found.labels)

    def test_as_a_frame_and_as_a_table(
        self, found: NaturalGroups, customers: tuple[pd.DataFrame, np.ndarray]
    ) -> None:
        lazy = ibis.memtable(pa.Table.from_pandas(customers[0], preserve_index=False))
        assert natural_groups(lazy).labels.equals(found.labels)

    def test_on_every_engine(self, engine_mart: Mart, tmp_path: Path) -> None:
        frame, _ = bank(600, seed=4)
        here = natural_groups(frame, 3)
        path = tmp_path / "tags.parquet"
        frame.to_parquet(path)
        there = natural_groups(engine_mart.read_parquet([path]), 3)
        assert there.labels.equals(here.labels)
        assert there.groups == here.groups
        assert there.audience(1).count() == there.groups[0].customers

    def test_from_a_sample_of_a_larger_table(self) -> None:
        frame, truth = bank(6000, seed=1)
        found = natural_groups(frame, sample_size=1500)
        assert agreement(found.labels["natural_group"].to_numpy(), truth) > 0.95
        shuffled = natural_groups(frame.sample(frac=1, random_state=2), sample_size=1500)
        assert shuffled.labels.equals(found.labels)


class TestOptions:
    def test_no_clear_groups_is_an_answer(self) -> None:
        found = natural_groups(alike(2000, 1)["one factor"])
        assert found.k == 1
        assert [(g.name_en, g.name_zh, g.customers) for g in found.groups] == [
            ("Everybody", "全体客户", 2000)
        ]
        assert found.audience(1).count() == 2000
        assert found.to_frame()["set_apart_by"].tolist() == [""]

    def test_a_given_number_is_kept(self) -> None:
        found = natural_groups(alike(2000, 1)["one factor"], k=4)
        assert found.k == 4
        assert found.stability.to_frame()["chosen"].tolist() == [True]
        assert len({g.name_en for g in found.groups}) == 4

    def test_sensitive_tags_are_used_when_asked_for(
        self, customers: tuple[pd.DataFrame, np.ndarray]
    ) -> None:
        frame = customers[0]
        assert "age" in natural_groups(frame, 3, sensitive=True).used
        named = natural_groups(frame, 2, use=["age", "aum", "consent_sms", "branch_id"])
        assert set(named.used) == {"age", "aum", "consent_sms", "branch_id"}
        assert "aum" not in natural_groups(frame, 2, exclude=["aum"]).used

    def test_customers_like_everybody_are_called_so(self) -> None:
        frame, _ = planted(2000, 9, groups=2, telling=0, noise=3, far=0)
        names = [g.name_en for g in natural_groups(frame.round(3), 2, random_state=2).groups]
        assert len(set(names)) == 2

    def test_groups_of_other_groups_replace_them(self, found: NaturalGroups) -> None:
        again = natural_groups(found.tagged, 2)
        assert again.audience(1).count() == again.groups[0].customers
        assert "natural_group" not in again.used


class TestRefused:
    frame = table({"a": np.arange(300.0), "b": np.arange(300) % 2})

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"k": "many"}, "k must be 'auto' or a number of groups, got 'many'"),
            ({"k": 1}, "k must be between 2 and 50, got 1"),
            ({"k": 2.5}, "k must be a whole number"),
            ({"max_groups": 1}, "max_groups must be between 2 and 50"),
            ({"min_share": 0.6}, "min_share must be between 0 and 0.5"),
            ({"sample_size": 10}, "sample_size must be at least 1000"),
            ({"random_state": -1}, "random_state must be between 0"),
            ({"n_jobs": 0}, "n_jobs must be at least 1"),
            ({"exclude": "a"}, r"exclude must be a list of tag names, got 'a'; use \['a'\]"),
            ({"use": "a"}, "use must be a list of tag names"),
            ({"exclude": ["aa"]}, r"tags must have the column\(s\) 'aa'"),
            (
                {"exclude": ["a", "b"]},
                "at least one tag to group by; left out: nothing, it has only keys",
            ),
        ],
    )
    def test_wrong_arguments(self, options: dict[str, Any], words: str) -> None:
        with pytest.raises(InvalidInput, match=words):
            natural_groups(self.frame, **options)

    @pytest.mark.parametrize(
        ("tags", "words"),
        [
            ([1, 2], "tags must be an Ibis table or a pandas frame, got list"),
            (frame.drop(columns="customer_id"), r"tags must have the column\(s\) 'customer_id'"),
            (frame.assign(customer_id=range(300)), "customer_id must hold text, got int64"),
            (frame.head(199), "tags must have at least 200 customers to find groups, got 199"),
            (frame.iloc[:0], "tags must have at least one customer, got none"),
            (frame.assign(customer_id=["c0"] * 2 + frame["customer_id"].tolist()[2:]), "got 'c0' more than once"),
            (frame.assign(customer_id=[None, *frame["customer_id"].tolist()[1:]]), r"must not be null, got 1 null"),
            (frame.assign(a=1.0, b=2), "must have a tag that varies; every one of them is constant"),
            (frame.assign(a=np.inf), "must be finite"),
            (frame.assign(a=[*range(299), "x"]), "one name and one type each"),
            (frame[["customer_id"]].assign(consent_sms=True), r"left out: consent_sms \(consent\)"),
            (
                frame[["customer_id"]].assign(email=[f"e{i}" for i in range(300)]),
                r"more than identifiers \(email\) to group by",
            ),
            (ibis.memtable({"customer_id": ["a"], "list": [[1]]}), r"left out: list \(no tag's type: array"),
        ],
    )  # fmt: skip
    def test_wrong_tables(self, tags: Any, words: str) -> None:
        with pytest.raises(InvalidInput, match=words):
            natural_groups(tags)


class TestPictures:
    @pytest.fixture(autouse=True)
    def _close(self) -> Iterator[None]:
        yield
        plt.close("all")

    @pytest.mark.parametrize("language", ["en", "zh"])
    def test_the_heat_map_has_a_column_a_group(self, found: NaturalGroups, language: str) -> None:
        axes = found.plot(language=language, rows=2)
        labels = [text.get_text() for text in axes.get_xticklabels()]
        assert len(labels) == 3
        assert labels[0].endswith("%")
        rows = [text.get_text() for text in axes.get_yticklabels()]
        assert len(rows) == len(set(rows)) <= 6
        grid = axes.collections[0].get_array()
        shown = [text.get_text() for text in axes.texts]
        assert len(shown) == np.isfinite(np.ma.filled(grid, np.nan)).sum()

    def test_without_clear_groups_stability_is_drawn(self) -> None:
        axes = natural_groups(alike(2000, 1)["one factor"]).plot()
        assert axes.get_title(loc="left") == "How many groups? no clear groups"

    def test_a_number_of_nothing_is_drawn_as_stability_too(self) -> None:
        none = replace(natural_groups(alike(2000, 1)["normal"], 2), telling=pd.DataFrame())
        assert none.plot().get_title(loc="left") == "How many groups? 2 groups"

    def test_stability_tells_what_speaks_against_a_number(self) -> None:
        frame, _ = planted(2000, 5, groups=3, shares=[0.55, 0.4, 0.05], far=2.5)
        axes = natural_groups(frame, min_share=0.1, max_groups=5).stability.plot()
        words = {text.get_text() for text in axes.get_legend().get_texts()}
        assert words >= {"clear groups", "stable, but a group is too small", "not stable"}
        assert axes.get_title(loc="left") == "How many groups? 2 groups"
