"""The page: whole, without outside parts, escaped, readable in both languages."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.markup import Markup, element
from marketing_ds.audiences import Audience, audience
from marketing_ds.mart import Mart
from marketing_ds.profiling import (
    Profile,
    behaviour,
    distribution,
    migration,
    profile,
    tgi_interval,
    trend,
)
from marketing_ds.profiling._report.charts import LogScale, ratio_bar
from marketing_ds.profiling._report.headline import findings
from marketing_ds.profiling._report.words import WORDS, amount, percent, whole

from .people import people

HOSTILE = "<script>alert(\"x\")</script> & 'more'"
NAMES = [f"{a}_{b}" for a in ("important", "general") for b in ("value", "develop", "keep")]
FRAME = people().assign(
    rfm_class=lambda f: [NAMES[i % 6] for i in range(len(f))],
    odd=lambda f: np.where(f["aum"] >= 30_000, HOSTILE, "plain"),
)
_EMPTY = {"meta", "link", "img", "br", "input", "hr"}


class Page(HTMLParser):
    """A page as a browser would read it: text, elements, and whether all are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source, self.words, self.open, self.names = text, [], [], []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def rich() -> Audience:
    return audience(FRAME, "aum >= 20000", as_of="2026-06-30")


@pytest.fixture(scope="module")
def prof(rich: Audience) -> Profile:
    return profile(rich, pairs=[("lifecycle", "region")])


@pytest.fixture(scope="module")
def extras(rich: Audience) -> list[Result]:
    later = FRAME.assign(lifecycle=np.where(FRAME.index % 3 == 0, "mature", FRAME["lifecycle"]))
    return [
        behaviour(rich),
        distribution(rich, "visits"),
        migration(FRAME, later.iloc[100:]),
        rich.overlap(audience(rich.base, "visits > 2")),
    ]


def _page(prof: Profile, folder: Path, **options: object) -> Page:
    file = prof.report(folder / "page.html", **options)  # type: ignore[arg-type]
    return Page(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_is_one_whole_page_without_outside_parts(
    prof: Profile, extras: list[Result], tmp_path: Path, language: str
) -> None:
    page = _page(prof, tmp_path, language=language, extras=extras)
    assert page.open == []
    assert page.source.startswith("<!DOCTYPE html>")
    assert {"html", "head", "title", "body", "main", "svg", "table"} <= set(page.names)
    assert not {"script", "link", "img", "iframe", "object", "image", "use"} & set(page.names)
    assert not re.search(r"https?:|//\w|url\(|@import|src=|href=", page.source)
    assert ("lang", {"en": "en", "zh": "zh-CN"}[language]) in page.attributes
    assert "$" not in re.sub(r"<style>.*</style>", "", page.source, flags=re.DOTALL)


def test_it_holds_the_figures(prof: Profile, extras: list[Result], tmp_path: Path) -> None:
    text = _page(prof, tmp_path, extras=extras).text
    inside = FRAME["aum"] >= 20_000
    assert f"{inside.sum():,}" in text
    assert "aum >= 20000" in text
    assert "2026-06-30" in text
    n, both = int((FRAME["odd"] == HOSTILE).sum()), len(FRAME)
    tgi, lower, upper, _ = (part[0] for part in tgi_interval([n], int(inside.sum()), [n], both))
    assert f"TGI {tgi:.0f}, 95% interval {lower:.0f} to {upper:.0f}" in text
    for mean in behaviour(audience(FRAME, "aum >= 20000"), tags=["visits"]).rows["mean_base"]:
        assert f"{mean:.3g}" in text
    assert f"{100:,}" in text  # who left
    jaccard = (inside & (FRAME["visits"] > 2)).sum() / (inside | (FRAME["visits"] > 2)).sum()
    assert f"{jaccard:.1%}" in text


def test_no_customer_is_named(prof: Profile, extras: list[Result], tmp_path: Path) -> None:
    assert not re.search(r"c\d{5}", _page(prof, tmp_path, extras=extras).source)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_hostile_values_are_text(prof: Profile, tmp_path: Path, language: str) -> None:
    named = replace(prof, texts=(f"odd == '{HOSTILE}'", HOSTILE))
    page = _page(named, tmp_path, language=language, title=HOSTILE)
    assert "script" not in page.names
    assert page.text.count(HOSTILE) >= 3
    assert "<script" not in page.source


def test_the_main_differences_are_told_in_words(prof: Profile, tmp_path: Path) -> None:
    found = findings(prof, "en")
    assert 1 <= len(found) <= 4
    assert "aum" not in set(found["tag"])  # it chose the audience
    assert found["tag"].is_unique
    text = _page(prof, tmp_path).text
    assert (
        f"have Value tier: affluent , against {FRAME['value_tier'].eq('affluent').mean():.1%}"
        in text
    )
    assert "Tags that the audience was chosen by differ by construction" in text


def test_the_same_people_are_told_of_once() -> None:
    idle = FRAME["aum"] > 15000
    frame = FRAME.assign(idle=idle, bought_nothing=idle, visits=np.where(idle, 0, 3))
    found = findings(
        profile(audience(frame, "aum >= 20000"), tags=["idle", "bought_nothing", "visits"]), "en"
    )
    assert len(found) == 1


def test_the_same_in_chinese(rich: Audience, extras: list[Result], tmp_path: Path) -> None:
    prof = profile(rich, pairs=[("lifecycle", "region")], language="zh")
    text = _page(prof, tmp_path, extras=[replace(extras[0], language="zh")]).text
    assert "客群画像" in text
    assert "价值分层为富裕" in text
    assert "95% 置信区间" in text
    assert "人均行为" in text
    assert "重要：金额高" in text
    letters = re.sub(r"[^A-Za-z]+", " ", text).split()
    assert {"have", "times", "the", "of"}.isdisjoint(letters)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", ["Together, young: no and Region: south are", "more frequent than each", "On average spent is", "more."]),
        ("zh", ["young为否 且 地区为south 的客户", "人均 spent 为", "高 "]),
    ],
)  # fmt: skip
def test_a_pair_and_a_mean_are_told_too(tmp_path: Path, language: str, told: list[str]) -> None:
    rng = np.random.default_rng(9)
    young, north = rng.random(3000) < 0.5, rng.random(3000) < 0.5
    chosen = rng.random(3000) < np.where(young & north, 0.7, 0.1)
    frame = pd.DataFrame(
        {
            "customer_id": [f"k{i}" for i in range(3000)],
            "young": young,
            "region": np.where(north, "north", "south"),
            "spent": rng.gamma(2, 50, 3000) * np.where(chosen, 1.5, 1),
        }
    )
    aud = audience(frame, frame.loc[chosen, "customer_id"].tolist())
    prof = profile(aud, pairs=[("young", "region")], language=language)
    text = _page(prof, tmp_path, extras=[behaviour(aud, language=language)]).text
    text = text.replace(" ,", ",")
    for words in told:
        assert words in text


def test_numbers_that_are_not_known_are_dashes() -> None:
    assert [percent(np.nan), whole(np.nan), amount(np.nan)] == ["–"] * 3
    assert [percent(0.9999), amount(1234.5), amount(0.01234)] == ["100%", "1,234", "0.0123"]


def test_nothing_found_is_said(tmp_path: Path) -> None:
    drawn = audience(FRAME, FRAME["customer_id"][::4].tolist())
    page = _page(profile(drawn, tags=["region", "lifecycle"]), tmp_path)
    assert "No tag differs from the base by more than chance explains." in page.text
    assert "500 ids" in page.text


def test_an_audience_too_small_to_be_shown(tmp_path: Path) -> None:
    prof = profile(audience(FRAME, ["c00001"]), pairs=[("lifecycle", "region")])
    page = _page(prof, tmp_path, extras=[behaviour(audience(FRAME, ["c00001"]))])
    assert page.open == []
    assert "Too few customers share two values" in page.text
    assert "This concerns 9 of 9 tags" in page.text


def test_two_audiences_are_named(rich: Audience, tmp_path: Path) -> None:
    prof = profile(
        rich, base=audience(rich.base, "visits >= 3"), tags=["lifecycle", "salary_found"]
    )
    page = _page(
        prof,
        tmp_path,
        extras=[behaviour(rich, base=~rich), distribution(rich, "visits", base=~rich)],
    )
    assert "Second audience" in page.text
    assert f"{prof.shared_count:,} are in both" in page.text
    assert "customers of both sides as a group of their own" in page.text


def test_a_trend_is_shown_with_its_alarms(prof: Profile, tiny_mart: Mart, tmp_path: Path) -> None:
    days = ["2026-04-30", "2026-05-31", "2026-06-30"]
    over = trend(tiny_mart, "aum >= 6000", days, tags=["region"], tolerance=0.0, min_count=1)
    alarmed = replace(over, alarms=trend(tiny_mart, "tenure_days < 30", days, tags=[]).alarms)
    for result in (over, alarmed):
        page = _page(prof, tmp_path, extras=[result])
        assert page.open == []
        assert "From 2026-04-30 to 2026-06-30 the audience went from" in page.text
    assert "nobody is in the audience" in page.text
    assert f"{len(alarmed.alarms)} alarm(s) were raised" in page.text


class Other(Result):
    """A result that the page does not know."""

    def to_frame(self) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "name": [HOSTILE] * 50,
                "value_cny": 12345.678,
                "hit_share": 0.25,
                "flag": True,
                "none": None,
            }
        )


def test_any_other_result_is_a_table(prof: Profile, tmp_path: Path) -> None:
    page = _page(prof, tmp_path, extras=[Other(), prof.mix("region")])
    assert "Other" in page.text
    assert "12,346" in page.text
    assert "25.0%" in page.text
    assert "10 more rows" in page.text
    assert "script" not in page.names


def test_one_extra_may_stand_alone(prof: Profile, tmp_path: Path) -> None:
    assert "Other" in _page(prof, tmp_path, extras=Other()).text


def test_long_rules_and_many_tags_are_cut(prof: Profile, tmp_path: Path) -> None:
    many = tuple(f"tag{i}" for i in range(20))
    long = replace(prof, texts=("aum > 1 and " * 20, None), rule_tags=many)
    page = _page(long, tmp_path)
    assert "and 8 more" in page.text
    heading = re.search(r"<h1>(.*?)</h1>", page.source)
    assert heading is not None
    assert len(heading.group(1)) < 140


def test_a_page_is_replaced_and_its_path_returned(prof: Profile, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("old")
    assert prof.report(str(file), as_of="2026-01-31", title="Rich & active") == file
    text = file.read_text(encoding="utf-8")
    assert "2026-01-31" in text
    assert "<h1>Rich &amp; active</h1>" in text
    again = tmp_path / "again.html"
    prof.report(again, as_of="2026-01-31", title="Rich & active")
    assert again.read_bytes() == file.read_bytes()  # the same inputs, the same page


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("page.pdf", {}, "path must end in .html"),
        ("there/is/none.html", {}, "path must lie in a folder that is there"),
        ("page.html", {"language": "de"}, "language must be one of"),
        ("page.html", {"as_of": "today"}, "as_of must be a date"),
        ("page.html", {"extras": ["x"]}, "extras must hold results"),
        ("page.html", {"extras": [audience(FRAME, "aum > 0")]}, "lists single customers"),
    ],
)
def test_what_is_refused(
    prof: Profile, tmp_path: Path, path: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        prof.report(tmp_path / path, **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_both_languages_have_the_same_words() -> None:
    assert set(WORDS["en"]) == set(WORDS["zh"])
    for key, sentence in WORDS["en"].items():
        holes = [sorted(set(re.findall(r"{(\w+)}", s))) for s in (sentence, WORDS["zh"][key])]
        assert holes[0] == holes[1], key


def test_elements_escape_all_but_markup() -> None:
    assert (
        element("p", "<b>", Markup("<i>x</i>"), title='"')
        == '<p title="&quot;">&lt;b&gt;<i>x</i></p>'
    )


def test_bars_stay_inside_their_scale() -> None:
    scale = LogScale.over([10, 300, np.inf, np.nan], 200)
    assert scale.at(0) == 0
    assert scale.at(np.inf) == 200
    assert 0 < scale.at(100) < 200
    assert "open" in ratio_bar(scale, 120, (80, 150), sure=False)
    assert all(b > a for a, b in zip(scale.ticks, scale.ticks[1:], strict=False))
