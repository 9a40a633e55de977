//! What stands behind the hotlines: review sheets, our own health, the method, the proof, the lists of calls.

use super::{Contents, LISTED_MAX, calls, narrowing, one, soft};
use crate::publish::figures::Hotline;
use crate::publish::figures::call::{Call, Use};
use crate::publish::figures::score;
use crate::publish::report::Proof;
use crate::publish::report::document::{Block, CallList, Column, Link, Span, Spans, Table, Tone};
use crate::vocabulary::{Outcome, Verdict};

impl Contents<'_> {
    pub(super) fn reviews(&mut self) {
        let figures = &self.report.figures;
        for hotline in figures.hotlines.iter().filter(|hotline| hotline.score.review) {
            let zone = self.zone(&hotline.name);
            self.push(Block::Break);
            self.heading(
                2,
                self.say(format!("Review sheet: {}", hotline.name), format!("复核单:{}", hotline.name)),
                format!("review-{}", hotline.name),
            );
            self.text(self.say(
                format!(
                    "Its score is below {}. Please listen to what is cited, and write down what is done about it.",
                    score::REVIEWED_BELOW
                ),
                format!("评分低于 {},请核听所引录音并填写处理意见。", score::REVIEWED_BELOW),
            ));
            let mut rows: Vec<Vec<Spans>> = Vec::new();
            for outage in &hotline.outages {
                let until = outage.until.map_or("…".into(), |until| self.words.when(until, zone));
                let n = outage.calls.len();
                let mut what = one(self.say(format!("{n} failed in a row"), format!("连续 {n} 次未通过")));
                for call in outage.calls.iter().take(3) {
                    what.push(Span::plain(" "));
                    what.push(Span::toned(call.clone(), Tone::Code).linked(Link::Call(call.clone())));
                }
                rows.push(vec![
                    one(format!("{} – {until}", self.words.when(outage.from, zone))),
                    what,
                    one(""),
                    one(""),
                ]);
            }
            rows.sort_by_key(|row| std::cmp::Reverse(row[1].len()));
            rows.truncate(12);
            for stale in hotline.menu.stale.iter().take(6) {
                let what = vec![Span::toned(format!("“{}” ", stale.quote), Tone::Quote)];
                rows.push(vec![self.clips(&stale.clips[..1.min(stale.clips.len())], zone), what, one(""), one("")]);
            }
            for found in &hotline.menu.dead_ends {
                let what = vec![Span::plain(self.words.dead_end(found.kind))];
                rows.push(vec![self.clips(&found.clips[..1.min(found.clips.len())], zone), what, one(""), one("")]);
            }
            let columns = vec![
                Column::left(self.t("When", "时间"), 0.24),
                Column::left(self.t("What", "问题"), 0.36),
                Column::left(self.t("Heard by, and found", "复核人与结论"), 0.22),
                Column::left(self.t("Done about it", "处理意见"), 0.18),
            ];
            self.push(Block::Table(Table { caption: self.t("Review sheet", "复核单").into(), columns, rows }));
            self.text(self.t(
                "Name, date, signature: ______________________________",
                "复核人 / 日期 / 签字:______________________________",
            ));
        }
    }

    pub(super) fn health(&mut self) {
        let health = &self.report.figures.health;
        self.push(Block::Break);
        self.heading(2, self.t("How well we measured", "测量自身的质量"), "health");
        let mut rows = vec![vec![one(self.t("calls made", "实拨次数")), one(health.made.to_string())]];
        if let Some(share) = &health.inconclusive {
            rows.push(vec![
                one(self.t("could not be judged", "无法判断")),
                vec![
                    Span::plain(share.hits.to_string()).linked(calls(None, &[("verdict", "inconclusive")])),
                    soft(format!(" {}", self.words.share(share))),
                ],
            ]);
        }
        for (outcome, count) in &health.inconclusive_by {
            let name = Outcome::ALL.iter().find(|one| one.word() == outcome);
            let name = name.map_or(outcome.as_str(), |outcome| self.words.outcome(*outcome));
            rows.push(vec![one(soft(format!("– {name}"))), one(count.to_string())]);
        }
        for (name, count) in [
            (self.t("due and not made, by our own doing", "因自身原因未拨"), health.not_made_by_us),
            (self.t("control calls to a line known to be good", "对照拨测"), health.control),
            (self.t("of these failed: our trunk was in doubt", "其中失败:中继存疑"), health.control_failed),
            (self.t("records the ledger does not vouch for", "与账本不符的记录"), health.refused),
            (
                self.t(
                    "records no longer kept by rule; their verdict counts, their times are not known",
                    "按留存规则已删除的记录(结论计入,时长不详)",
                ),
                health.records_gone,
            ),
            (
                self.t("calls whose recording and tape are no longer kept", "录音与磁带已不再保存的拨测"),
                health.without_evidence,
            ),
        ] {
            rows.push(vec![one(name), one(count.to_string())]);
        }
        for (q, name) in [(0.5, "p50"), (0.95, "p95"), (0.99, "p99")] {
            if let Some(late) = health.lateness.at(q) {
                let (value, between) = self.words.quantile(late);
                rows.push(vec![
                    one(self.say(format!("dialled after it was due, {name}"), format!("拨号迟于计划,{name}"))),
                    vec![Span::plain(value), soft(format!(" {between}"))],
                ]);
            }
        }
        let columns = vec![Column::left("", 0.7), Column::right("", 0.3)];
        self.push(Block::Table(Table {
            caption: self.t("How well we measured", "测量自身的质量").into(),
            columns,
            rows,
        }));
    }

    pub(super) fn method(&mut self) {
        self.heading(2, self.t("Method", "方法说明"), "method");
        let (whole, half) = score::REACHABLE;
        let percent = |share: f64| self.words.percent(share);
        let rule = self.say(
            format!(
                "Score: five questions, a point each. Reachable: availability at least {} a point, at least {} half. Quick: answered within {:.0} s, {} and {}. A person within {:.0} s (Kaplan–Meier), {} and {}; asked only of hotlines where a probe seeks one. Up to date: no stale prompt in the month a point, all gone again half. No dead ends: of the answered calls {} and {} without one. The mark is 5 × points / questions asked, to one decimal; never above {:.0} while availability is below {}; none below {} judged calls; below {:.0} there is a review sheet.",
                percent(whole), percent(half), score::QUICK_S, percent(score::QUICK.0), percent(score::QUICK.1), score::PERSON_S,
                percent(score::PERSON.0), percent(score::PERSON.1), percent(score::NO_DEAD_END.0), percent(score::NO_DEAD_END.1),
                score::CAPPED, percent(score::CAP_BELOW), score::CALLS_MIN, score::REVIEWED_BELOW
            ),
            format!(
                "评分:五项,每项 1 分。能否打通:可用率 ≥ {} 得 1 分,≥ {} 得 0.5 分。接听快慢:{:.0} 秒内应答率 ≥ {} / ≥ {}。{:.0} 秒内接通人工(Kaplan–Meier)≥ {} / ≥ {};仅对需要人工的热线。播报时效:全月无过期播报得 1 分,月末均已消失得 0.5 分。有无死路:已接通拨测中未遇死路者 {} / ≥ {}。总评 = 5 × 得分 / 涉及项数,保留一位小数;可用率低于 {} 时不超过 {:.0};纳入统计少于 {} 次不评;低于 {:.0} 附复核单。",
                percent(whole), percent(half), score::QUICK_S, percent(score::QUICK.0), percent(score::QUICK.1), score::PERSON_S,
                percent(score::PERSON.0), percent(score::PERSON.1), percent(score::NO_DEAD_END.0), percent(score::NO_DEAD_END.1),
                percent(score::CAP_BELOW), score::CAPPED, score::CALLS_MIN, score::REVIEWED_BELOW
            ),
        );
        let items = vec![
            one(self.t(
                "Estimates rest on sampled calls: those whose moment the schedule chose before anything was known (cron, fixed rate, random moments). Calls after a failure, second opinions, alerts and calls by hand are listed, and move no estimate.",
                "估计仅依据抽样拨测,即时刻由计划事先确定者(cron、固定间隔、随机时刻);失败后加密、复核、告警触发及手动拨测列出但不计入估计。",
            )),
            one(self.t(
                "Judged are sampled calls that passed, and those that failed by the hotline's own doing. Failures of the carrier or of unknown cause, and calls that could not be judged, are told apart and not held against the hotline.",
                "纳入统计者为:通过的抽样拨测,及因热线自身原因未通过者。运营商所致、归属不明与无法判断者单列,不计入热线。",
            )),
            one(self.t(
                "Shares: Wilson's interval, 95%. Claims: exact one-sided binomial bounds. If failures cluster, days are the clusters (ratio estimator), and Wilson's interval is drawn for the effective number of calls.",
                "比例:95% Wilson 区间。断言:精确二项单侧界。故障聚集时以日为群(比估计),按有效样本量重算 Wilson 区间。",
            )),
            one(self.t(
                "Waits: we gave up first: the wait is censored there. The hotline hung up, refused or was busy: nobody would ever have come, and the call stays among those not served.",
                "等待:我方先放弃者在该时刻删失;热线挂断、拒接或忙线者视为永未获应答。",
            )),
            one(rule),
        ];
        self.push(Block::Bullets(items));
    }

    pub(super) fn proof(&mut self) {
        let Proof { ledger, key, entries, root, .. } = &self.report.proof;
        self.heading(2, self.t("Proof", "证明与核验"), "proof");
        let rows = vec![
            vec![one(self.t("ledger", "账本")), one(Span::toned(ledger.clone(), Tone::Code))],
            vec![one(self.t("entries", "条数")), one(entries.to_string())],
            vec![
                one(self.t("Merkle root (RFC 6962)", "Merkle 根(RFC 6962)")),
                one(Span::toned(root.to_string(), Tone::Code)),
            ],
            vec![one(self.t("key", "公钥")), one(Span::toned(key.clone(), Tone::Code))],
        ];
        let columns = vec![Column::left("", 0.24), Column::left("", 0.76)];
        self.push(Block::Table(Table { caption: self.t("Proof", "证明与核验").into(), columns, rows }));
        let said = self.t(
            "To check: run nightbell verify --data DIR --key KEY with the key above from a copy of your own; it computes every hash anew, evidence included, and names what was altered. The same records make this report again, to the byte.",
            "核验:用自行保管的公钥运行 nightbell verify --data DIR --key KEY,将重新计算全部哈希(含录音与磁带),并指出被改动之处。相同的记录可逐字节重现本报告。",
        );
        self.text(said);
    }

    pub(super) fn list(&mut self, hotline: &Hotline) {
        let figures = &self.report.figures;
        let all: Vec<&Call> = figures.calls.iter().filter(|call| call.hotline == hotline.name).collect();
        let crowded = figures.calls.len() > LISTED_MAX;
        let shown: Vec<&Call> = all.iter().copied().filter(|call| !crowded || call.used != Use::Success).collect();
        let shown = &shown[..shown.len().min(LISTED_MAX)];
        self.push(Block::Break);
        let title = self.say(format!("Calls: {}", hotline.name), format!("拨测明细:{}", hotline.name));
        self.heading(2, title, format!("calls-{}", hotline.name));
        if shown.len() < all.len() {
            self.text(soft(self.say(
                format!("{} of {} calls: those that passed are in calls.csv.", shown.len(), all.len()),
                format!("共 {} 次,此处列 {} 次;通过者见 calls.csv。", all.len(), shown.len()),
            )));
        }
        let zone = self.zone(&hotline.name);
        let columns = vec![
            Column::left(self.t("When", "时间"), 0.13),
            Column::left(self.t("Probe", "拨测项"), 0.14),
            Column::left(self.t("Verdict", "结论"), 0.11),
            Column::left(self.t("Why", "原因"), 0.36),
            Column::right(self.t("Connect", "接通"), 0.09),
            Column::right(self.t("Person", "人工"), 0.09),
            Column::left(self.t("Evidence", "证据"), 0.08),
        ];
        let row = |call: &&Call| {
            let tone = match call.verdict {
                Some(Verdict::Pass) => Tone::Good,
                Some(Verdict::Fail) => Tone::Bad,
                _ => Tone::Odd,
            };
            let time = |s: Option<f64>| one(s.map_or("–".to_string(), |s| self.words.seconds(s)));
            let outcome = call.outcome.map_or("", |outcome| self.words.outcome(outcome));
            let why = if call.verdict == Some(Verdict::Pass) {
                String::new()
            } else {
                format!(" {}", self.words.said(&call.because))
            };
            let evidence = match &call.wav {
                Some(wav) => one(Span::plain("♪").linked(Link::Clip {
                    call: call.id.clone(),
                    wav: Some(wav.clone()),
                    from_s: 0.0,
                    to_s: call.duration_s.unwrap_or(0.0),
                })),
                None => one("–"),
            };
            vec![
                one(self.words.when(call.due, zone)),
                one(call.probe.clone()),
                one(Span::toned(call.verdict.map_or("–", |verdict| self.words.verdict(verdict)), tone)),
                vec![Span::plain(outcome), soft(why)],
                time(call.connect_s),
                time(call.human_s),
                evidence,
            ]
        };
        let rows = shown.iter().map(row).collect();
        let narrowed = shown.iter().map(|call| (call.id.clone(), narrowing(call))).collect();
        let table = Table { caption: self.t("Calls", "拨测明细").into(), columns, rows };
        self.push(Block::Calls(CallList { hotline: hotline.name.clone(), table, rows: narrowed }));
    }
}
