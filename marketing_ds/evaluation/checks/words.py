"""What checks say, one sentence for each thing that they can find.

The sentences start in lower case, so that they may follow "No verdict: ". The report has the same
ones in Chinese, under the same names.
"""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "ratio_kept": "the arms have the sizes of the design (sample-ratio p = {p:.2g})",
    "ratio_unknown": "which sizes the arms were to have is not known: they were not drawn at random",
    "ratio_broken": (
        "the arms' sizes do not fit the design (sample-ratio p = {p:.1g}; {arm!r} has {customers:,} "
        "customers where {expected:,.0f} are expected). Look at the assignment, at filters applied "
        "after it and at lost records before believing any number; if arms were not meant to be "
        "equal, give shares or probability."
    ),
    "groups_kept": "the arms have the sizes of the design in every group of {by!r} ({groups})",
    "groups_broken": (
        "the arms' sizes do not fit the design in {broken} of {groups} groups of {by!r} "
        "(p = {p:.1g}), worst in {group!r}: {arm!r} has {customers:,} customers where "
        "{expected:,.0f} are expected. Look at how customers of {named} were assigned, filtered and "
        "recorded."
    ),
    "times_same": "all customers were assigned on the same day",
    "times_kept": "the arms were drawn at the same times (p = {p:.2g})",
    "times_drift": (
        "the arms were drawn at different times (p = {p:.1g}): {arm!r} on average {days:+.2f} days "
        "against {control!r}. Season and news then differ between the arms; compare only days on "
        "which all arms were drawn, or give each customer's probability."
    ),
    "units_once": "every customer is in one arm, once",
    "units_mixed": (
        "{again:,} customers come more than once, {mixed:,} of them in more than one arm. Look at "
        "the assignment: a customer who had two arms belongs to neither; leave such customers out "
        "or take the arm given first."
    ),
    "before_kept": "before the campaign the arms were alike in {columns} columns (p = {p:.2g})",
    "before_constant": "nothing that varies is known from before the campaign",
    "before_differ": (
        "before the campaign the arms already differed (p = {p:.1g}), most in {named}: "
        "{arm!r} lies {distance:+.2f} standard deviations from {control!r}. Look at how arms were "
        "drawn and at lost records; what differs cannot be put down to the campaign."
    ),
    "before_after": (
        "{named} differs too much between the arms to be from before the campaign "
        "(p = {p:.1g}; {arm!r} lies {distance:+.2f} standard deviations from {control!r}). It was "
        "probably measured after the arms were drawn: take its value from before, or leave it out."
    ),
    "randomised": "the arms were drawn at random",
    "not_randomised": (
        "the arms of this campaign were not drawn at random: whoever chose them chose customers who "
        "differ anyway. Use the methods for campaigns that were not randomised; their answer is "
        "weaker evidence."
    ),
    "no_control": (
        "the campaign has no customers to compare with ({control!r} and another arm are needed, it "
        "has {arms}). What it changed can only be told from customers outside of it, with the "
        "methods for campaigns that were not randomised."
    ),
    "complete": "the outcomes are complete since {end}",
    "incomplete": (
        "the campaign's outcomes are complete on {end}, and only known up to {day} ({done:.0%} of "
        "the customers' windows have ended). To stop or go on by what is seen today is peeking: wait, or "
        "use the always-valid interval (sequential)."
    ),
    "looks_none": "nobody published effects of this campaign before its outcomes were complete",
    "looks": (
        "effects of this campaign were published before its outcomes were complete (days: {looks}, "
        "the first {first}). If the campaign could have been stopped then, trust only the "
        "always-valid interval (sequential)."
    ),
    "inside": "the mart's data reach back before the campaign",
    "outside": (
        "the mart's transactions begin on {begin}, after customers were assigned on {first}: "
        "outcomes before are missing. Load the missing days."
    ),
    "no_leak_contact": "no customer of control was contacted by the campaign",
    "leak_contact": (
        "{customers:,} customers of control ({share:.2%}) were contacted by this very campaign, so "
        "control shows part of the effect. Look at how the lists for contact were made."
    ),
    "no_leak_benefit": "no customer of control redeemed a benefit of the campaign",
    "leak_benefit": (
        "{customers:,} customers of control ({share:.2%}) redeemed a benefit of this very campaign, "
        "so control shows part of the effect. Look at how benefits were issued, and whether they "
        "were passed on."
    ),
    "no_strangers": "whoever was contacted by the campaign is in one of its arms",
    "strangers": (
        "{customers:,} customers were contacted by the campaign but are in none of its arms. Look "
        "for assignments that were lost."
    ),
    "delivered": "in every arm at least {lowest:.1%} of the customers were contacted",
    "not_delivered": (
        "only {lowest:.1%} of the customers of {arm!r} were contacted. The effect is one of being "
        "assigned; look at consent, suppression and delivery."
    ),
    "in_order": "no contact, benefit or outcome comes before its customer's assignment",
    "too_early": (
        "{customers:,} customers ({share:.2%}) have a {what} of this campaign before they were "
        "assigned. Look at the clocks, or at arms that were written down after the fact."
    ),
    "costs_fine": "no cost is negative",
    "costs_negative": (
        "{rows:,} rows of this campaign have a negative cost ({total:,.2f} CNY in all). Look at how "
        "reversals are booked: a benefit that was taken back costs 0."
    ),
    "alone": "no other campaign ran on these customers at the same time",
    "overlap_balanced": (
        "{share:.1%} of the customers were in other campaigns ({campaigns}) at the same time, alike "
        "in all arms; `campaign_interactions` tells whether the campaigns changed each other's effect"
    ),
    "overlap_differs": (
        "the arms were not alike in another campaign that ran at the same time (p = {p:.1g}): of "
        "{group} {customers:,} customers are in {arm!r} where {expected:,.0f} are expected. Part of "
        "the difference is that campaign's; look at contact caps and at lists that exclude each other."
    ),
    "reached_alone": "no other campaign contacted these customers within their windows",
    "reached_alike": (
        "other campaigns ({campaigns}) contacted the customers of all arms alike within their windows"
    ),
    "displaced": (
        "{group} did not contact the arms alike after they were drawn (p = {p:.1g}; contacted: "
        "{shares}). The effect is that of this campaign together with those contacts, as they were "
        "held back or added; look at contact caps and at lists that exclude each other."
    ),
    "group_drawn_before": "the universal control group was drawn on {drawn}, before the period",
    "group_drawn_late": (
        "the universal control group was drawn on {drawn}, after the period began on {start}: until "
        "then campaigns reached it. Take a period that begins later."
    ),
    "group_kept_out": "no campaign reached the universal control group",
    "group_reached": (
        "{customers:,} customers of the universal control group ({share:.2%}) were contacted, so it "
        "shows part of the effect. Look for campaigns that were not published through the workspace."
    ),
    "nothing": "the mart has nothing to check this by",
}
