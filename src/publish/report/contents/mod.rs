//! From figures to a document: what a month's report says, in which order.

mod ending;
mod menu;
mod section;

use super::Report;
use super::charts;
use super::document::{Block, Column, Document, Link, Span, Spans, Table, Tile, Tone};
use super::words::Words;
use crate::publish::figures::call::Call;
use crate::publish::figures::score::{self, Score};
use crate::publish::figures::survival::Waits;
use crate::publish::figures::{Hotline, Section};
use crate::record::timeline::Tongue;
use crate::vocabulary::Verdict;
use chrono_tz::Tz;

/// Calls shown with a finding; the list of calls has all of them.
const CLIPS: usize = 4;
/// Calls a list shows; of a larger month those that passed are left to `calls.csv`.
const LISTED_MAX: usize = 6_000;

pub struct Contents<'a> {
    report: &'a Report,
    words: Words,
    blocks: Vec<Block>,
}

fn calls(hotline: Option<&str>, wanted: &[(&'static str, &str)]) -> Link {
    Link::Calls {
        hotline: hotline.map(String::from),
        wanted: wanted.iter().map(|(column, value)| (*column, value.to_string())).collect(),
    }
}

fn soft(text: impl Into<String>) -> Span {
    Span::toned(text, Tone::Soft)
}

fn one(span: impl Into<Span>) -> Spans {
    vec![span.into()]
}

pub fn document(report: &Report, tongue: Tongue) -> Document {
    let words = Words { tongue };
    let mut contents = Contents { report, words, blocks: Vec::new() };
    contents.whole();
    let month = report.figures.month;
    let title = match tongue {
        Tongue::English => format!("Hotline report {month}"),
        Tongue::Chinese => format!("{} 年 {} 月热线拨测报告", month.year(), month.month()),
    };
    let footer = format!("{title} · {}", contents.seal());
    Document { lang: tongue.of("en", "zh-Hans"), title, footer, blocks: contents.blocks }
}

impl Contents<'_> {
    fn t(&self, english: &'static str, chinese: &'static str) -> &'static str {
        self.words.t(english, chinese)
    }

    fn say(&self, english: String, chinese: String) -> String {
        match self.words.tongue {
            Tongue::English => english,
            Tongue::Chinese => chinese,
        }
    }

    fn push(&mut self, block: Block) {
        self.blocks.push(block);
    }

    fn heading(&mut self, level: u8, text: impl Into<String>, anchor: impl Into<String>) {
        self.push(Block::Heading { level, text: text.into(), anchor: anchor.into() });
    }

    fn text(&mut self, text: impl Into<Span>) {
        self.push(Block::Text(vec![text.into()]));
    }

    fn zone(&self, hotline: &str) -> Tz {
        let found = self.report.figures.hotlines.iter().find(|h| h.name == hotline);
        found.and_then(|h| h.timezone.parse().ok()).unwrap_or(Tz::UTC)
    }

    fn seal(&self) -> String {
        let root = self.report.proof.root.to_string();
        let root = root.get(..16).unwrap_or(&root);
        self.say(
            format!("ledger {} entries, root {root}…", self.report.proof.entries),
            format!("账本 {} 条,根哈希 {root}…", self.report.proof.entries),
        )
    }

    fn whole(&mut self) {
        let figures = &self.report.figures;
        let (month, hotlines) = (figures.month, figures.hotlines.len());
        let title = self
            .say(format!("Hotline report, {month}"), format!("{} 年 {} 月热线拨测报告", month.year(), month.month()));
        let made = figures.all.due.made;
        let subtitle = self.say(
            format!("{hotlines} hotlines · {made} calls made · each hotline's month in its own time zone"),
            format!("{hotlines} 条热线 · 实际拨测 {made} 次 · 各热线按其当地时区计月"),
        );
        self.push(Block::Title { title, subtitle });
        self.refused();
        self.tiles(&figures.all);
        self.overview();
        self.section(None, &figures.all);
        for hotline in &figures.hotlines {
            self.hotline(hotline);
        }
        self.reviews();
        self.health();
        self.method();
        self.proof();
        for hotline in &figures.hotlines {
            self.list(hotline);
        }
    }

    fn refused(&mut self) {
        let Report { figures, proof, .. } = self.report;
        if figures.refused.is_empty() && proof.faults.is_empty() {
            return;
        }
        self.heading(2, self.t("Records that are not what was written", "与账本不符的记录"), "refused");
        let said = self.say(
            "The ledger does not vouch for these. Nothing in them is used in this report; nightbell verify says more."
                .into(),
            "账本无法证明以下记录的真实性,本报告未采用其中任何内容;运行 nightbell verify 可查看详情。".into(),
        );
        self.text(Span::toned(said, Tone::Bad));
        let mut rows: Vec<Spans> = figures
            .refused
            .iter()
            .map(|one| {
                let when = self.words.when(one.due, self.zone(&one.hotline));
                vec![
                    Span::toned(one.call.clone(), Tone::Code).linked(Link::Call(one.call.clone())),
                    Span::plain(format!(" {} {when}: {}", one.hotline, one.why)),
                ]
            })
            .collect();
        rows.extend(proof.faults.iter().map(|fault| one(fault.clone())));
        self.push(Block::Bullets(rows));
    }

    fn tiles(&mut self, section: &Section) {
        let words = self.words;
        let mut tiles = vec![
            Tile {
                name: self.t("Availability", "可用率").into(),
                value: Span::plain(words.share(&section.availability)).linked(calls(None, &[("use", "failure")])),
                note: format!("{} · n={}", words.interval(&section.availability), section.availability.calls),
            },
            Tile {
                name: self.t("Answer rate", "接通率").into(),
                value: Span::plain(words.share(&section.answered)).linked(calls(None, &[])),
                note: format!("{} · n={}", words.interval(&section.answered), section.answered.calls),
            },
        ];
        if let Some(median) = section.connect.at(0.5) {
            let (value, between) = words.quantile(median);
            tiles.push(Tile {
                name: self.t("Connect time, median", "接通时长中位数").into(),
                value: value.into(),
                note: between,
            });
        }
        if let Some(person) = &section.person {
            let quantile = person.waits.quantiles.first();
            let value = quantile.map_or("–".to_string(), |q| self.wait(q.value_s, &person.waits));
            let note = quantile.map_or(String::new(), |q| format!("{}–{}", self.bound(q.low_s), self.bound(q.high_s)));
            tiles.push(Tile {
                name: self.t("Time to a person, median", "接通人工中位时长").into(),
                value: value.into(),
                note,
            });
        }
        let inconclusive = section.due.used.get("inconclusive").copied().unwrap_or(0);
        tiles.push(Tile {
            name: self.t("Could not be judged", "无法判断").into(),
            value: Span::plain(inconclusive.to_string()).linked(calls(None, &[("verdict", "inconclusive")])),
            note: self.t("calls; not held against any hotline", "次;不计入热线").into(),
        });
        self.push(Block::Tiles(tiles));
    }

    fn bound(&self, s: Option<f64>) -> String {
        s.map_or_else(|| "?".into(), |s| self.words.bare_seconds(s))
    }

    fn wait(&self, value: Option<f64>, waits: &Waits) -> String {
        match (value, waits.longest_s) {
            (Some(s), _) => self.words.seconds(s),
            (None, Some(longest)) => format!("> {}", self.words.seconds(longest)),
            (None, None) => "–".into(),
        }
    }

    fn overview(&mut self) {
        let figures = &self.report.figures;
        if figures.hotlines.is_empty() {
            self.text(self.t("No call was due in this month.", "本月没有应拨的拨测。"));
            return;
        }
        self.heading(2, self.t("All hotlines", "热线总览"), "overview");
        let rows: Vec<(String, f64, f64, f64)> = figures
            .hotlines
            .iter()
            .filter_map(|h| {
                let share = &h.section.availability;
                Some((h.name.clone(), share.share?, share.low?, share.high?))
            })
            .collect();
        let objective = figures.all.budget.objective;
        if !rows.is_empty() {
            let drawing = charts::intervals(&rows, objective, &self.words);
            let share = self.words.percent(objective);
            let caption = self.say(
                format!("Availability with its 95% Wilson interval; the line is the objective, {share}. Red: the whole interval lies below."),
                format!("可用率及 95% Wilson 区间;竖线为目标值 {share}。红点:整个区间低于目标。"),
            );
            self.push(Block::Drawing { drawing, caption });
        }
        let columns = vec![
            Column::left(self.t("Hotline", "热线"), 0.24),
            Column::right(self.t("Score", "评分"), 0.08),
            Column::right(self.t("Made", "拨测数"), 0.09),
            Column::right(self.t("Availability", "可用率"), 0.22),
            Column::right(self.t("Failed", "未通过"), 0.08),
            Column::right(self.t("Answered", "接通率"), 0.10),
            Column::right(self.t("Stale", "过期播报"), 0.09),
            Column::right(self.t("Dead ends", "死路"), 0.10),
        ];
        let rows =
            figures
                .hotlines
                .iter()
                .map(|h| {
                    let (name, section) = (h.name.as_str(), &h.section);
                    let dead: u64 = h.menu.dead_ends.iter().map(|found| found.calls).sum();
                    let anchor = Link::Anchor(format!("h-{name}"));
                    vec![
                        one(Span::plain(name).linked(anchor)),
                        one(self.mark(&h.score)),
                        one(Span::plain(section.due.made.to_string()).linked(calls(Some(name), &[]))),
                        vec![
                            Span::plain(self.words.share(&section.availability)),
                            soft(format!(" {}", self.words.interval(&section.availability))),
                        ],
                        one(Span::plain(section.budget.failed.to_string())
                            .linked(calls(Some(name), &[("use", "failure")]))),
                        one(Span::plain(self.words.share(&section.answered))),
                        one(Span::plain(h.menu.stale.len().to_string()).linked(Link::Anchor(format!("m-{name}")))),
                        one(Span::plain(dead.to_string()).linked(calls(Some(name), &[("dead", "yes")]))),
                    ]
                })
                .collect();
        self.push(Block::Table(Table { caption: self.t("All hotlines", "热线总览").into(), columns, rows }));
    }

    fn mark(&self, score: &Score) -> Span {
        match score.mark {
            None => soft("–"),
            Some(mark) if mark < score::REVIEWED_BELOW => Span::toned(format!("{mark:.1}"), Tone::Bad),
            Some(mark) if mark >= 4.5 => Span::toned(format!("{mark:.1}"), Tone::Good),
            Some(mark) => Span::plain(format!("{mark:.1}")),
        }
    }

    fn hotline(&mut self, hotline: &Hotline) {
        self.push(Block::Break);
        self.heading(2, hotline.name.clone(), format!("h-{}", hotline.name));
        self.score(hotline);
        self.section(Some(hotline), &hotline.section);
        self.menu(hotline, &hotline.menu);
    }

    fn score(&mut self, hotline: &Hotline) {
        let score = &hotline.score;
        let mut said = match score.mark {
            Some(mark) => vec![
                Span::toned(self.say(format!("Score {mark:.1} of 5"), format!("评分 {mark:.1}(满分 5)")), Tone::Strong),
                soft(self.t(" (the rule stands under Method)", "(规则见“方法说明”)")),
            ],
            None => one(soft(self.say(
                format!("No score: fewer than {} judged calls", score::CALLS_MIN),
                format!("不评分:纳入统计的拨测少于 {} 次", score::CALLS_MIN),
            ))),
        };
        said.push(soft(format!(" · {}", hotline.timezone)));
        if score.capped {
            said.push(Span::toned(self.t(" · capped, for it could not be reached", " · 因无法打通而封顶"), Tone::Bad));
        }
        self.push(Block::Text(said));
        let columns = vec![
            Column::left(self.t("Question", "评分项"), 0.62),
            Column::right(self.t("Figure", "数值"), 0.20),
            Column::right(self.t("Points", "得分"), 0.18),
        ];
        let rows = score
            .answers
            .iter()
            .map(|answer| {
                let figure = match (answer.question, answer.figure) {
                    (_, None) => self.t("not asked", "未涉及").to_string(),
                    (score::Question::UpToDate, Some(count)) => format!("{count:.0}"),
                    (_, Some(share)) => self.words.percent(share),
                };
                let points = answer.points.map_or("–".into(), |points| format!("{points}"));
                vec![one(self.words.question(answer.question)), one(figure), one(points)]
            })
            .collect();
        self.push(Block::Table(Table { caption: self.t("Score", "评分").into(), columns, rows }));
    }
}

/// What a list can be narrowed by; the names of `Link::Calls`.
fn narrowing(call: &Call) -> Vec<(&'static str, String)> {
    let yes = |is: bool| if is { "yes" } else { "no" }.to_string();
    vec![
        ("use", call.used.word().to_string()),
        ("verdict", call.verdict.map_or("", Verdict::word).to_string()),
        ("outcome", call.outcome.map_or("", |outcome| outcome.word()).to_string()),
        ("whose", call.attributable_to.map_or("", |whose| whose.word()).to_string()),
        ("judged", yes(call.used.is_judged())),
        ("answered", yes(call.connect_s.is_some())),
        ("unconfirmed", yes(call.unconfirmed)),
        ("dead", yes(call.dead_ends > 0)),
        ("stale", yes(call.stale > 0)),
        ("found", yes(call.findings > 0)),
    ]
}
