//! What is said of one hotline, and of all together in the same way.

use super::{Contents, calls, one, soft};
use crate::config::Measure;
use crate::publish::figures::survival::Waits;
use crate::publish::figures::{Beside, Compared, Hotline, Section};
use crate::publish::report::charts;
use crate::publish::report::document::{Block, Column, Span, Spans, Table, Tone};
use crate::vocabulary::Verdict;

impl Contents<'_> {
    pub(super) fn section(&mut self, hotline: Option<&Hotline>, section: &Section) {
        let name = hotline.map(|h| h.name.as_str());
        let id = name.unwrap_or("all").to_string();
        if name.is_none() {
            self.heading(2, self.t("All together", "全部热线合计"), "all");
        }
        self.due(name, &id, section);
        self.availability(name, section);
        if !section.days.is_empty() && section.due.made > 0 {
            let caption = self.t(
                "Calls by day: passed (green), failed (red), not judged (ochre).",
                "每日拨测:绿为通过,红为未通过,赭为无法判断。",
            );
            self.push(Block::Drawing { drawing: charts::days(&section.days, &self.words), caption: caption.into() });
            let caption = self.t(
                "By weekday and hour at the hotline's place; numbers are failed calls.",
                "按星期与小时(热线当地时间);数字为未通过次数。",
            );
            self.push(Block::Drawing { drawing: charts::heat(&section.heat, &self.words), caption: caption.into() });
        }
        self.times(section);
        self.norms(section);
        self.outcomes(name, section);
        self.announced(section);
    }

    pub(super) fn due(&mut self, name: Option<&str>, id: &str, section: &Section) {
        self.heading(3, self.t("Calls planned and made", "应拨与实拨"), format!("due-{id}"));
        let due = &section.due;
        let mut rows = vec![
            vec![one(self.t("planned", "应拨")), one(due.planned.to_string())],
            vec![
                one(Span::toned(self.t("made", "实拨"), Tone::Strong)),
                one(Span::plain(due.made.to_string()).linked(calls(name, &[]))),
            ],
        ];
        for (word, count) in &due.used {
            let link = calls(name, &[("use", word)]);
            rows.push(vec![
                one(soft(format!("– {}", self.words.used(word)))),
                one(Span::plain(count.to_string()).linked(link)),
            ]);
        }
        rows.push(vec![one(Span::toned(self.t("not made", "未拨"), Tone::Strong)), one(due.not_made.to_string())]);
        for (word, count) in &due.reasons {
            rows.push(vec![one(soft(format!("– {}", self.words.reason(word)))), one(count.to_string())]);
        }
        let columns = vec![Column::left("", 0.8), Column::right(self.t("calls", "次数"), 0.2)];
        self.push(Block::Table(Table {
            caption: self.t("Calls planned and made", "应拨与实拨").into(),
            columns,
            rows,
        }));
    }

    pub(super) fn availability(&mut self, name: Option<&str>, section: &Section) {
        let (words, id) = (self.words, name.unwrap_or("all"));
        self.heading(3, self.t("Availability", "可用率与接通率"), format!("availability-{id}"));
        if section.availability.calls == 0 {
            self.text(soft(self.t("No call could be judged: nothing can be said.", "没有可纳入统计的拨测,无从判断。")));
            return;
        }
        let mut rows = vec![
            vec![
                one(Span::plain(self.t("availability: all as expected", "可用率:完全符合预期"))),
                vec![Span::toned(words.share(&section.availability), Tone::Strong)],
                one(words.interval(&section.availability)),
                one(Span::plain(format!("{}/{}", section.availability.hits, section.availability.calls))
                    .linked(calls(name, &[("judged", "yes")]))),
            ],
            vec![
                one(Span::plain(self.t("answer rate: SIP 200", "接通率:SIP 200"))),
                one(words.share(&section.answered)),
                one(words.interval(&section.answered)),
                one(Span::plain(format!("{}/{}", section.answered.hits, section.answered.calls))
                    .linked(calls(name, &[("judged", "yes"), ("answered", "no")]))),
            ],
        ];
        if let Some(person) = &section.person {
            rows.push(vec![
                one(self.t("a person reached, where one was sought", "接通人工率(需要人工的拨测)")),
                one(words.share(&person.reached)),
                one(words.interval(&person.reached)),
                one(format!("{}/{}", person.reached.hits, person.reached.calls)),
            ]);
        }
        if let Some(clustered) = &section.availability_clustered {
            rows.push(vec![
                one(soft(self.say(
                    format!("availability, if failures come in days (design effect {:.2})", clustered.design_effect),
                    format!("可用率(故障按日聚集,设计效应 {:.2})", clustered.design_effect),
                ))),
                one(words.share(&section.availability)),
                one(words.between(clustered.low, clustered.high)),
                one(format!("n = {:.1}", clustered.calls_effective)),
            ]);
        }
        if let (Some(worst), Some(best)) = (section.availability_at_worst, section.availability_at_best)
            && worst < best
        {
            rows.push(vec![
                one(soft(self.t(
                    "had all that is not judged or not the hotline's failed, or passed",
                    "若未判定及非热线所致者全部算作失败/通过",
                ))),
                one("–"),
                one(words.between(worst, best)),
                one(""),
            ]);
        }
        let budget = &section.budget;
        if let Some(spent) = budget.spent {
            let of = words.percent(budget.objective);
            let bounds = budget.spent_low.zip(budget.spent_high);
            rows.push(vec![
                one(self.say(format!("error budget spent, objective {of}"), format!("错误预算消耗(目标 {of})"))),
                vec![Span::toned(format!("{:.0}%", spent * 100.0), if spent > 1.0 { Tone::Bad } else { Tone::Plain })],
                one(bounds.map_or(String::new(), |(low, high)| format!("{:.0}–{:.0}%", low * 100.0, high * 100.0))),
                one(Span::plain(format!("{} / {:.1}", budget.failed, budget.allowed))
                    .linked(calls(name, &[("use", "failure")]))),
            ]);
        }
        let columns = vec![
            Column::left(self.t("Of the judged calls", "纳入统计的拨测"), 0.46),
            Column::right(self.t("Share", "比例"), 0.16),
            Column::right(self.t("95% interval", "95% 区间"), 0.22),
            Column::right(self.t("Calls", "次数"), 0.16),
        ];
        self.push(Block::Table(Table {
            caption: self.t("Availability", "可用率与接通率").into(), columns, rows
        }));
        if section.unconfirmed > 0 {
            let said = self.say(
                format!(
                    "{} failed calls were not confirmed by their second opinion and count as passed.",
                    section.unconfirmed
                ),
                format!("{} 次未通过的拨测经复核未获证实,按通过计。", section.unconfirmed),
            );
            self.push(Block::Text(vec![soft(said).linked(calls(name, &[("unconfirmed", "yes")]))]));
        }
        self.text(Span::toned(self.t("What this sample can claim", "样本能断言什么"), Tone::Strong));
        let claims = section.claims.iter().map(|claim| one(words.claim(claim))).collect();
        self.push(Block::Bullets(claims));
    }

    pub(super) fn times(&mut self, section: &Section) {
        if section.answer.n == 0 {
            return;
        }
        self.text(Span::toned(self.t("How long it took", "等待时长"), Tone::Strong));
        let mut rows = Vec::new();
        let quantiles = |name: &str, found: &crate::publish::figures::quantile::Quantiles| -> Vec<Spans> {
            let mut row = vec![one(name)];
            for q in [0.5, 0.9, 0.95] {
                row.push(match found.at(q) {
                    Some(quantile) => {
                        let (value, between) = self.words.quantile(quantile);
                        vec![Span::plain(value), soft(format!(" {between}"))]
                    }
                    None => one("–"),
                });
            }
            row.push(one(found.n.to_string()));
            row
        };
        let waits = |name: &str, found: &Waits| -> Vec<Spans> {
            let mut row = vec![one(name)];
            for quantile in &found.quantiles {
                let between = format!(" {}–{}", self.bound(quantile.low_s), self.bound(quantile.high_s));
                row.push(vec![Span::plain(self.wait(quantile.value_s, found)), soft(between)]);
            }
            row.push(one(found.n.to_string()));
            row
        };
        rows.push(quantiles(self.t("connect, of answered calls", "接通时长(已接通)"), &section.connect));
        rows.push(waits(self.t("answer, of all judged calls*", "应答等待(全部纳入统计者)*"), &section.answer));
        rows.push(quantiles(self.t("first prompt, from the answer", "首句播报(自接通起)"), &section.first_prompt));
        if let Some(person) = &section.person {
            rows.push(waits(self.t("a person, from dialling*", "接通人工(自拨号起)*"), &person.waits));
            rows.push(quantiles(self.t("a person, from the choice", "接通人工(自选择人工起)"), &person.queue));
        }
        let columns = vec![
            Column::left("", 0.32),
            Column::right(self.t("median", "中位数"), 0.2),
            Column::right("p90", 0.19),
            Column::right("p95", 0.19),
            Column::right("n", 0.1),
        ];
        self.push(Block::Table(Table { caption: self.t("How long it took", "等待时长").into(), columns, rows }));
        self.text(soft(self.t(
            "With 95% intervals: from order statistics, or, where marked *, Kaplan–Meier with Greenwood's variance (log-log), for calls in which the probe gave up first. “?” and “>”: the sample does not reach so far.",
            "括注为 95% 区间:由次序统计量求得;带 * 者因部分拨测先行放弃,采用 Kaplan–Meier 估计与 Greenwood 方差(log-log)。“?”“>”表示样本不足以给出。",
        )));
        if let Some(person) = section.person.as_ref().filter(|person| !person.waits.curve.is_empty()) {
            let marks: Vec<(f64, String)> = section
                .norms
                .iter()
                .filter(|compared| compared.norm.measure == Measure::Person)
                .map(|compared| (compared.norm.within_s, compared.norm.name.clone()))
                .collect();
            let caption = self.say(
                format!("Share of calls that had reached a person, by seconds since dialling; {} gave up, {} were ended by the hotline.", person.waits.gave_up, person.waits.never),
                format!("自拨号起各时刻已接通人工的比例;{} 次为拨测方放弃,{} 次被热线结束。", person.waits.gave_up, person.waits.never),
            );
            self.push(Block::Drawing { drawing: charts::waits(&person.waits, &marks, &self.words), caption });
        }
    }

    pub(super) fn norms(&mut self, section: &Section) {
        if section.norms.is_empty() {
            return;
        }
        self.text(Span::toned(self.t("Compared with norms", "与标准对照"), Tone::Strong));
        let rows = section.norms.iter().map(|compared| self.norm(compared)).collect();
        let columns = vec![
            Column::left(self.t("Compared with", "对照标准"), 0.40),
            Column::right(self.t("Of all offered", "占全部呼入"), 0.24),
            Column::right(self.t("Of those served", "占已获应答者"), 0.18),
            Column::left(self.t("Beside the norm", "与标准相比"), 0.18),
        ];
        self.push(Block::Table(Table {
            caption: self.t("Compared with norms", "与标准对照").into(), columns, rows
        }));
        self.text(soft(self.t(
            "Compared with, not a statement of compliance: norms count all of an operator's calls, we count samples. Both common variants stand here: of all calls offered, and only of those that were served.",
            "仅作对照,不构成合规结论:标准以运营方全部来话计,本报告以抽样拨测计。两种常见口径并列:占全部呼入;占已获应答者。",
        )));
    }

    pub(super) fn norm(&self, compared: &Compared) -> Vec<Spans> {
        let norm = &compared.norm;
        let (share, within) = (self.words.percent(norm.share), self.words.seconds(norm.within_s));
        let what = match norm.measure {
            Measure::Answer => self.t("answered", "应答"),
            Measure::Prompt => self.t("first prompt", "首句播报"),
            Measure::Person => self.t("a person, from dialling", "接通人工(自拨号起)"),
            Measure::PersonAfterChoice => self.t("a person, from the choice", "接通人工(自选择起)"),
        };
        let rule = self.say(format!("{share} within {within}: {what}"), format!("{within}内{what} ≥ {share}"));
        let offered = match &compared.of_offered {
            Some(found) => vec![
                Span::plain(self.words.percent(found.share)),
                soft(format!(" {} n={}", self.words.between(found.low, found.high), compared.offered)),
            ],
            None => one("–"),
        };
        let beside = match compared.beside {
            Beside::Above => Span::toned(self.t("above", "高于"), Tone::Good),
            Beside::Below => Span::toned(self.t("below", "低于"), Tone::Bad),
            Beside::CannotTell => soft(self.t("cannot be told", "无法断定")),
        };
        vec![
            vec![Span::plain(norm.name.clone()), soft(format!(" {rule}"))],
            offered,
            vec![
                Span::plain(self.words.share(&compared.of_answered)),
                soft(format!(" n={}", compared.of_answered.calls)),
            ],
            one(beside),
        ]
    }

    pub(super) fn outcomes(&mut self, name: Option<&str>, section: &Section) {
        if section.outcomes.is_empty() {
            return;
        }
        self.text(Span::toned(self.t("What came of the calls", "拨测结果"), Tone::Strong));
        let rows = section
            .outcomes
            .iter()
            .map(|row| {
                let verdict = row.verdict.map_or(soft("–"), |verdict| {
                    let tone = match verdict {
                        Verdict::Pass => Tone::Good,
                        Verdict::Fail => Tone::Bad,
                        Verdict::Inconclusive => Tone::Odd,
                    };
                    Span::toned(self.words.verdict(verdict), tone)
                });
                let wanted: Vec<(&'static str, &str)> = [
                    row.verdict.map(|verdict| ("verdict", verdict.word())),
                    row.outcome.map(|outcome| ("outcome", outcome.word())),
                    row.attributable_to.map(|whose| ("whose", whose.word())),
                ]
                .into_iter()
                .flatten()
                .collect();
                vec![
                    one(verdict),
                    one(row.outcome.map_or("–", |outcome| self.words.outcome(outcome))),
                    one(row.layer.map_or("–", |layer| self.words.layer(layer))),
                    one(row.attributable_to.map_or("–", |whose| self.words.whose(whose))),
                    one(Span::plain(row.calls.to_string()).linked(calls(name, &wanted))),
                ]
            })
            .collect();
        let columns = vec![
            Column::left(self.t("Verdict", "结论"), 0.18),
            Column::left(self.t("Outcome", "结果"), 0.32),
            Column::left(self.t("Layer", "环节"), 0.18),
            Column::left(self.t("Whose doing", "归属"), 0.18),
            Column::right(self.t("Calls", "次数"), 0.14),
        ];
        self.push(Block::Table(Table {
            caption: self.t("What came of the calls", "拨测结果").into(), columns, rows
        }));
    }

    pub(super) fn announced(&mut self, section: &Section) {
        let announced = &section.announced;
        if announced.told == 0 && announced.ahead.n == 0 {
            return;
        }
        self.text(Span::toned(self.t("What the queue said, and what came", "排队播报与实际"), Tone::Strong));
        let mut said = vec![one(self.say(
            format!(
                "{} calls were told a time to wait; {} of them reached a person.",
                announced.told, announced.reached
            ),
            format!("{} 次拨测听到预计等待时间,其中 {} 次接通人工。", announced.told, announced.reached),
        ))];
        if let Some(longer) = &announced.longer {
            said.push(one(self.say(
                format!(
                    "{} ({}) waited longer than they were told, of {} for which that is known.",
                    self.words.share(longer),
                    self.words.interval(longer),
                    longer.calls
                ),
                format!(
                    "可判断的 {} 次中,{}({})实际等待长于播报。",
                    longer.calls,
                    self.words.share(longer),
                    self.words.interval(longer)
                ),
            )));
        }
        if let Some(median) = announced.difference_s.at(0.5) {
            let (value, between) = self.words.quantile(median);
            said.push(one(self.say(
                format!("Real less announced, median: {value} ({between})."),
                format!("实际减播报的中位数:{value}({between})。"),
            )));
        }
        if let Some(median) = announced.ahead.at(0.5) {
            said.push(one(self.say(
                format!("Callers in front, as announced, median: {:.0} (n={}).", median.value, announced.ahead.n),
                format!("播报的前方等待人数中位数:{:.0}(n={})。", median.value, announced.ahead.n),
            )));
        }
        self.push(Block::Bullets(said));
        if announced.pairs.len() > 1 {
            let pairs: Vec<(f64, f64)> = announced.pairs.iter().map(|pair| (pair.announced_s, pair.waited_s)).collect();
            let caption = self.t("Announced against real waits; a dot is a call.", "播报与实际等待;每点为一次拨测。");
            self.push(Block::Drawing { drawing: charts::announcements(&pairs, &self.words), caption: caption.into() });
        }
    }
}
