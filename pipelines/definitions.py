"""What Dagster loads: assets, two schedules, the bank's place.

Start the web UI with ``dagster dev -m pipelines.definitions``; ``MARKETING_DS_MART`` and
``MARKETING_DS_WORKSPACE`` say which mart and where outputs go.
"""

from __future__ import annotations

import datetime as dt

import dagster as dg

from .assets import UNITS, Bank

daily = dg.define_asset_job(
    "daily_score_segment_plan",
    selection=dg.AssetSelection.groups("daily"),
    description="Check, tag, segment, score with the newest models, plan, hand over.",
)
weekly = dg.define_asset_job(
    "weekly_train_evaluate",
    selection=dg.AssetSelection.groups("weekly"),
    description="Train propensity and uplift anew, judge the last campaign.",
)


@dg.schedule(job=daily, cron_schedule="0 5 * * *", execution_timezone="Asia/Shanghai")
def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """At five, for the business date that ended at midnight."""
    return dg.RunRequest(partition_key=_yesterday(context))


@dg.schedule(job=weekly, cron_schedule="0 6 * * 1", execution_timezone="Asia/Shanghai")
def every_monday(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """On Mondays at six, after the daily run."""
    return dg.RunRequest(partition_key=_yesterday(context))


def _yesterday(context: dg.ScheduleEvaluationContext) -> str:
    return (context.scheduled_execution_time.date() - dt.timedelta(days=1)).isoformat()


definitions = dg.Definitions(
    assets=UNITS,
    jobs=[daily, weekly],
    schedules=[every_morning, every_monday],
    resources={
        "bank": Bank(
            mart_path=dg.EnvVar("MARKETING_DS_MART"),
            workspace_path=dg.EnvVar("MARKETING_DS_WORKSPACE"),
        )
    },
)
