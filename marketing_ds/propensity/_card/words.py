"""The words of the card, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

Words = Mapping[str, str]

WORDS: Mapping[str, Words] = {
    "en": {
        "lang": "en", "kind": "Model card", "colon": ": ", "comma": ", ",
        "propensity": "Propensity", "version": "model version", "date": "date",
        "rows": "rows", "customers": "customers", "positives": "positives", "rate": "rate",
        "short": "In short",
        "purpose": "Purpose",
        "order": "Of two customers, one who will act and one who will not, the model ranks the right one first with a probability of {auc} ({level} interval {low} to {high}).",
        "fifth": "The top fifth of the customers by score holds {share} of all positives ({low} to {high}), {lift} times as many as a random fifth.",
        "holds": "The probabilities can be taken at their word: the calibration error is {ece}, no more than chance gives.",
        "off": "The probabilities are off by {ece} on average ({low} to {high}), more than chance gives.",
        "own": "Measured out of fold on the training rows: each customer by trees that had not seen the row.",
        "apart": "Measured on rows that took no part in training.",
        "data": "Data", "label": "Outcome", "what": "what is foretold", "within": "within", "days": "{n} days after the cut-off",
        "says": "what 1 says", "cutoffs": "cut-offs", "period": "period", "stands_for": "customers that the rows stand for",
        "train_rows": "training rows", "train_positives": "positives among them", "features": "features",
        "measures": "Measures", "measure": "measure", "value": "value", "interval": "{level} interval", "means": "what it says",
        "calibration": "Calibration", "predicted": "predicted rate", "observed": "observed rate",
        "calibration_note": "Dots: tenths of the customers with the {level} interval of the observed rate. Dashed: perfect. Below: customers by score.",
        "gains": "Gains", "top_share": "share of customers, highest score first", "captured": "share of positives",
        "gains_note": "Line: by score, with {level} band. Dashed: at random.",
        "segments": "Over time and by segment", "by_time": "time", "segment": "segment",
        "segments_note": "AUC with its {level} interval; the dashed line is that of all together. ○ marks fewer than 30 positives or negatives.",
        "used": "Features", "name": "name", "title": "title", "type": "type", "sensitivity": "sensitivity", "importance": "importance",
        "sensitive": "sensitive", "normal": "normal", "undeclared": "not declared",
        "features_note": "Importance: share of the mean |SHAP| over the explained customers. Sensitive tags need a reason to be used in a decision.",
        "sensitive_used": "Sensitive tags used: {names}.", "sensitive_none": "No declared sensitive tag is used.",
        "undeclared_used": "{n} feature(s) are not in the tag catalogue; their sensitivity is unknown: {names}.",
        "rest": "{n} more features are not shown here.",
        "fairness": "Fairness by group", "group": "group", "mean": "mean score", "gap": "mean score − rate", "selected": "selected", "disparity": "disparity",
        "fairness_note": "Selected: share of the group among the {top} of all customers with the highest scores. Disparity: that share over the largest group's. Intervals at {level}. A disparity is a fact, not a verdict: read it beside the groups' own rates and the gap between score and rate.",
        "widest": "By {by}, the selected share of “{group}” is {ratio} times that of the largest group ({low} to {high}); its rate of positives is {rate} against {other}.",
        "no_fairness": "No comparison of groups was handed in: whether groups fare alike is not known.",
        "limits": "Limits",
        "not_cause": "A score says who will act, not who acts because of a contact; for that use uplift.",
        "few_positives": "Only {n} positives: every interval is wide and the order a rough one.",
        "one_cutoff": "Trained on one cut-off only: seasons and changes over time were not seen.",
        "not_later": "Measured on the training period, not on a later one; later performance may be lower.",
        "mis": "The probabilities are off; use the order, or recalibrate, before money is reckoned with them.",
        "small": "Too few positives or negatives to say much: {names}.",
        "gap_found": "Scores of some groups are off on the whole: {names}.",
        "no_evaluation": "The model could not be evaluated: a class has too few rows.",
        "parameters": "Parameters", "trees": "trees grown", "map": "calibration map", "parameter": "parameter",
        "notes": "How this was computed",
        "note_errors": "Standard errors come from the influence of each row (AUC: DeLong), summed over a customer's rows where customers were named. Intervals at {level}.",
        "note_private": "The page holds numbers of groups only; no customer is named.",
        "missing": "(missing)", "by_age": "age", "by_gender": "gender",
        "number": "number", "category": "category", "boolean": "boolean",
    },
    "zh": {
        "lang": "zh-CN", "kind": "模型卡片", "colon": "：", "comma": "、",
        "propensity": "响应倾向", "version": "模型版本", "date": "日期",
        "rows": "行数", "customers": "客户数", "positives": "正例数", "rate": "正例率",
        "short": "要点",
        "purpose": "用途",
        "order": "任取一名会响应和一名不会响应的客户，模型把前者排在前面的概率为 {auc}（{level} 置信区间 {low} 至 {high}）。",
        "fifth": "评分最高的五分之一客户包含全部正例的 {share}（{low} 至 {high}），是随机五分之一客户的 {lift} 倍。",
        "holds": "概率可以按字面使用：校准误差为 {ece}，未超出随机波动。",
        "off": "概率平均偏离 {ece}（{low} 至 {high}），超出随机波动。",
        "own": "在训练数据上折外计量：每名客户由未见过该行的模型评分。",
        "apart": "在未参与训练的数据上计量。",
        "data": "数据", "label": "预测目标", "what": "预测内容", "within": "观察期", "days": "截止日后 {n} 天",
        "says": "1 的含义", "cutoffs": "截止日", "period": "时间范围", "stands_for": "样本所代表的客户数",
        "train_rows": "训练行数", "train_positives": "其中正例", "features": "特征数",
        "measures": "效果指标", "measure": "指标", "value": "数值", "interval": "{level} 置信区间", "means": "含义",
        "calibration": "校准", "predicted": "预测比率", "observed": "实际比率",
        "calibration_note": "圆点：按评分十等分的客户，竖线为实际比率的 {level} 置信区间。虚线：完全准确。底部：客户评分分布。",
        "gains": "增益曲线", "top_share": "客户占比（评分由高到低）", "captured": "正例占比",
        "gains_note": "实线：按评分，阴影为 {level} 置信带。虚线：随机。",
        "segments": "分时间与分客群", "by_time": "时间", "segment": "分组",
        "segments_note": "AUC 及其 {level} 置信区间；虚线为全体的 AUC。○ 表示正例或负例少于 30。",
        "used": "特征", "name": "字段", "title": "名称", "type": "类型", "sensitivity": "敏感性", "importance": "重要性",
        "sensitive": "敏感", "normal": "一般", "undeclared": "未声明",
        "features_note": "重要性：在所解释客户上平均 |SHAP| 的占比。敏感标签用于决策须有理由。",
        "sensitive_used": "所用敏感标签：{names}。", "sensitive_none": "未使用已声明的敏感标签。",
        "undeclared_used": "有 {n} 个特征不在标签目录中，敏感性未知：{names}。",
        "rest": "另有 {n} 个特征未在此显示。",
        "fairness": "分组公平性", "group": "分组", "mean": "平均评分", "gap": "平均评分 − 正例率", "selected": "入选占比", "disparity": "差异比",
        "fairness_note": "入选占比：该组客户进入全体评分最高 {top} 的比例。差异比：该比例除以最大组的比例。区间置信水平 {level}。差异是事实而非结论，应结合各组自身的正例率及评分与正例率之差解读。",
        "widest": "按{by}，“{group}”的入选占比是最大组的 {ratio} 倍（{low} 至 {high}）；其正例率为 {rate}，最大组为 {other}。",
        "no_fairness": "未提供分组比较，各组是否受到同等对待尚不清楚。",
        "limits": "局限",
        "not_cause": "评分说明谁会响应，而非谁因触达而响应；后者请使用增益模型。",
        "few_positives": "仅有 {n} 个正例：各区间都很宽，排序仅供参考。",
        "one_cutoff": "仅用一个截止日训练，未见过季节及时间变化。",
        "not_later": "在训练期内而非其后的时期计量，日后效果可能下降。",
        "mis": "概率存在偏差；用于金额测算前，请只用排序或重新校准。",
        "small": "正例或负例过少，难以判断：{names}。",
        "gap_found": "部分分组的评分整体偏离：{names}。",
        "no_evaluation": "模型无法评估：某一类的行数过少。",
        "parameters": "参数", "trees": "树的数量", "map": "校准方式", "parameter": "参数",
        "notes": "计算说明",
        "note_errors": "标准误由各行对指标的影响得出（AUC 为 DeLong 法），指明客户时按客户汇总。置信水平 {level}。",
        "note_private": "本页只含群体数字，不含任何客户信息。",
        "missing": "（缺失）", "by_age": "年龄", "by_gender": "性别",
        "number": "数值", "category": "类别", "boolean": "布尔",
    },
}  # fmt: skip

MEASURES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "en": {
        "auc": ("AUC", "P(a positive is ranked above a negative); 0.5 is chance"),
        "average_precision": ("Average precision", "mean precision over all positives; the rate is chance"),
        "log_loss": ("Log loss", "lower is better"),
        "brier": ("Brier score", "mean squared error of the probability"),
        "brier_skill": ("Brier skill", "0: no better than the overall rate, 1: perfect"),
        "ece": ("Calibration error", "mean gap between predicted and observed rate; chance included"),
        "ece_debiased": ("Calibration error less chance", "the same without what chance adds"),
        "calibration_slope": ("Calibration slope", "1 is right; below 1 too far apart"),
        "calibration_intercept": ("Calibration intercept", "0 is right; below 0 too high on the whole"),
        "ks": ("KS", "largest gap between positives and negatives reached"),
        "lift_10": ("Lift, top tenth", "times the average rate"),
        "lift_20": ("Lift, top fifth", "times the average rate"),
        "captured_20": ("Captured by the top fifth", "share of all positives"),
    },
    "zh": {
        "auc": ("AUC", "正例排在负例之前的概率；0.5 为随机"),
        "average_precision": ("平均精确率", "在全部正例上的平均精确率；随机时等于正例率"),
        "log_loss": ("对数损失", "越低越好"),
        "brier": ("Brier 分数", "概率的均方误差"),
        "brier_skill": ("Brier 技巧", "0：不优于总体正例率；1：完全准确"),
        "ece": ("校准误差", "预测与实际比率之差的平均，含随机波动"),
        "ece_debiased": ("校准误差（扣除随机）", "扣除随机波动之后"),
        "calibration_slope": ("校准斜率", "1 为准确；小于 1 表示概率过于分散"),
        "calibration_intercept": ("校准截距", "0 为准确；小于 0 表示整体偏高"),
        "ks": ("KS", "触达正例与负例占比之差的最大值"),
        "lift_10": ("前 10% 提升度", "相对总体正例率的倍数"),
        "lift_20": ("前 20% 提升度", "相对总体正例率的倍数"),
        "captured_20": ("前 20% 捕获率", "占全部正例的比例"),
    },
}  # fmt: skip

SHARES = ("ece", "ece_debiased", "captured_20")


def percent(share: float, digits: int = 1) -> str:
    """A share; – where unknown."""
    return "–" if share != share else f"{share:.{digits}%}"


def number(value: float) -> str:
    """A measure with three digits behind the point; – where unknown."""
    return "–" if value != value else f"{value:.3f}"


def shown(measure: str, value: float) -> str:
    """A measure as it is written."""
    return percent(value, 2) if measure in SHARES else number(value)
