//! What was found in a hotline's menu, with the seconds of sound that show it.

use super::{CLIPS, Contents, calls, one, soft};
use crate::publish::figures::Hotline;
use crate::publish::figures::menu::{Clip, Menu};
use crate::publish::report::document::{Block, Column, Link, Span, Spans, Table, Tone};
use crate::record::map::{self, Form};
use chrono_tz::Tz;

impl Contents<'_> {
    pub(super) fn clips(&self, clips: &[Clip], zone: Tz) -> Spans {
        let mut spans = Vec::new();
        for clip in clips.iter().take(CLIPS) {
            if !spans.is_empty() {
                spans.push(soft(" · "));
            }
            let link =
                Link::Clip { call: clip.call.clone(), wav: clip.wav.clone(), from_s: clip.from_s, to_s: clip.to_s };
            spans.push(Span::plain(format!("♪ {}", self.words.clip(clip, zone))).linked(link));
        }
        spans
    }

    pub(super) fn menu(&mut self, hotline: &Hotline, menu: &Menu) {
        let zone = self.zone(&hotline.name);
        self.heading(3, self.t("The menu", "语音菜单"), format!("m-{}", hotline.name));
        let nothing = menu.stale.is_empty() && menu.dead_ends.is_empty() && menu.found.is_empty();
        if nothing {
            self.text(soft(self.t("No stale prompt and no dead end was found.", "未发现过期播报与死路。")));
        }
        if !menu.stale.is_empty() {
            self.text(Span::toned(self.t("Stale prompts", "过期播报"), Tone::Strong));
            let rows = menu
                .stale
                .iter()
                .map(|stale| {
                    let age = stale
                        .age_days
                        .map_or("–".into(), |days| self.say(format!("{days} days"), format!("{days} 天")));
                    let state =
                        if stale.gone { self.t("gone since", "已消失") } else { self.t("still there", "仍存在") };
                    vec![
                        vec![
                            Span::toned(format!("“{}”", stale.quote), Tone::Quote),
                            soft(format!(" {}", self.words.said(&stale.detail))),
                        ],
                        vec![Span::plain(age), soft(stale.expired_on.map_or(String::new(), |day| format!(" {day}")))],
                        vec![
                            Span::plain(stale.calls.to_string())
                                .linked(calls(Some(&hotline.name), &[("stale", "yes")])),
                            soft(format!(" {state}")),
                        ],
                        self.clips(&stale.clips, zone),
                    ]
                })
                .collect();
            let columns = vec![
                Column::left(self.t("As heard", "播报原文(听到)"), 0.42),
                Column::left(self.t("Age", "过期时长"), 0.16),
                Column::left(self.t("Calls", "次数"), 0.14),
                Column::left(self.t("Sound", "录音片段"), 0.28),
            ];
            self.push(Block::Table(Table { caption: self.t("Stale prompts", "过期播报").into(), columns, rows }));
        }
        let mut rows: Vec<Vec<Spans>> = menu
            .dead_ends
            .iter()
            .map(|found| {
                vec![
                    vec![
                        Span::plain(self.words.dead_end(found.kind)),
                        soft(format!(" {}", self.words.said(&found.detail))),
                    ],
                    one(Span::plain(found.calls.to_string()).linked(calls(Some(&hotline.name), &[("dead", "yes")]))),
                    self.clips(&found.clips, zone),
                ]
            })
            .collect();
        rows.extend(menu.found.iter().map(|found| {
            vec![
                vec![Span::plain(self.words.finding(found.kind)), soft(format!(" {}", self.words.said(&found.detail)))],
                one(Span::plain(found.calls.to_string()).linked(calls(Some(&hotline.name), &[("found", "yes")]))),
                self.clips(&found.clips, zone),
            ]
        }));
        if !rows.is_empty() {
            self.text(Span::toned(self.t("Dead ends and other findings", "死路及其他发现"), Tone::Strong));
            let columns = vec![
                Column::left(self.t("What", "问题"), 0.54),
                Column::right(self.t("Calls", "次数"), 0.12),
                Column::left(self.t("Sound", "录音片段"), 0.34),
            ];
            let caption = self.t("Dead ends and other findings", "死路及其他发现").into();
            self.push(Block::Table(Table { caption, columns, rows }));
        }
        self.map(&hotline.name);
        for heard in &menu.heard {
            let said = self.say(
                format!("The menu as “{}” heard it last", heard.probe),
                format!("拨测“{}”最近一次听到的菜单", heard.probe),
            );
            self.push(Block::Text(vec![Span::toned(said, Tone::Strong), soft("  ")]));
            self.push(Block::Text({
                let mut spans = vec![Span::toned(format!("“{}” ", heard.text), Tone::Quote)];
                spans.extend(self.clips(std::slice::from_ref(&heard.clip), zone));
                spans
            }));
            let rows = heard
                .options
                .iter()
                .map(|option| {
                    let pressed: Vec<String> = option
                        .pressed
                        .iter()
                        .map(|(effect, n)| format!("{} ×{n}", self.words.effect(effect)))
                        .collect();
                    vec![
                        one(Span::toned(option.key.clone(), Tone::Code)),
                        one(option.label.clone()),
                        one(if pressed.is_empty() {
                            self.t("not pressed", "未按过").to_string()
                        } else {
                            pressed.join(", ")
                        }),
                    ]
                })
                .collect();
            let columns = vec![
                Column::left(self.t("Key", "按键"), 0.12),
                Column::left(self.t("Leads to, as announced", "播报去向"), 0.44),
                Column::left(self.t("When pressed this month", "本月按下后"), 0.44),
            ];
            self.push(Block::Table(Table { caption: self.t("The menu", "语音菜单").into(), columns, rows }));
        }
        if !menu.changes.is_empty() {
            self.text(Span::toned(self.t("Changes in the month", "本月变更"), Tone::Strong));
            let items = menu
                .changes
                .iter()
                .map(|change| {
                    let mut spans = vec![
                        Span::plain(format!("{} {}: ", self.words.when(change.since, zone), change.probe)),
                        Span::toned(format!("“{}”", change.before), Tone::Quote),
                        Span::plain(" → "),
                        Span::toned(format!("“{}”", change.after), Tone::Quote),
                        Span::plain("  "),
                    ];
                    spans.extend(self.clips(std::slice::from_ref(&change.clip), zone));
                    spans
                })
                .collect();
            self.push(Block::Bullets(items));
        }
    }

    /// As `nightbell map` saved it.
    fn map(&mut self, hotline: &str) {
        let Some(map) = self.report.maps.get(hotline) else { return };
        self.text(Span::toned(self.t("Map of the menu, as last explored", "菜单图(最近一次探查)"), Tone::Strong));
        let alt = self.t("Map of the menu; the table behind it says the same", "菜单图,其后表格内容相同").to_string();
        self.push(Block::Picture { svg: map::write(map, Form::Svg), alt });
        let rows = map
            .nodes
            .iter()
            .map(|node| {
                let dead = node.dead_end.map_or(String::new(), |kind| self.words.dead_end(kind).to_string());
                vec![
                    one(Span::toned(if node.keys.is_empty() { "–" } else { node.keys.as_str() }, Tone::Code)),
                    one(Span::toned(format!("“{}”", node.text), Tone::Quote)),
                    one(Span::toned(dead, Tone::Bad)),
                ]
            })
            .collect();
        let columns = vec![
            Column::left(self.t("Keys", "按键"), 0.12),
            Column::left(self.t("As heard", "播报原文(听到)"), 0.68),
            Column::left(self.t("Dead end", "死路"), 0.20),
        ];
        self.push(Block::Table(Table { caption: self.t("Map of the menu", "菜单图").into(), columns, rows }));
    }
}
