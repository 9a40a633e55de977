//! The words of a report, in English and Chinese, and how it writes figures.

use crate::publish::figures::menu::Clip;
use crate::publish::figures::proportion::{Claim, Says, Share};
use crate::publish::figures::quantile::Quantile;
use crate::publish::figures::score::Question;
use crate::publish::figures::tally::{Cell, Day};
use crate::record::timeline::Tongue;
use crate::record::timeline_words as words;
use crate::vocabulary::{AttributableTo, DeadEnd, FindingKind, Layer, Outcome, Verdict};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

#[derive(Clone, Copy)]
pub struct Words {
    pub tongue: Tongue,
}

impl Words {
    pub fn t(&self, english: &'static str, chinese: &'static str) -> &'static str {
        self.tongue.of(english, chinese)
    }

    /// A sentence of a record.
    pub fn said<'e>(&self, english: &'e str) -> std::borrow::Cow<'e, str> {
        crate::record::sentences::said(self.tongue, english)
    }

    pub fn weekday(&self, weekday: usize) -> &'static str {
        const EN: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        const ZH: [&str; 7] = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];
        self.t(EN[weekday % 7], ZH[weekday % 7])
    }

    pub fn verdict(&self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Pass => self.t("pass", "通过"),
            Verdict::Fail => self.t("fail", "未通过"),
            Verdict::Inconclusive => self.t("inconclusive", "无法判断"),
        }
    }

    pub fn outcome(&self, outcome: Outcome) -> &'static str {
        use Outcome::*;
        match outcome {
            Completed => self.t("completed", "全部步骤完成"),
            AnsweredMachine => self.t("answered by a machine", "机器应答"),
            AnsweredHuman => self.t("answered by a person", "人工应答"),
            NoAnswer => self.t("no answer", "无人接听"),
            Busy => self.t("busy", "忙线"),
            Congestion => self.t("congestion", "网络拥塞"),
            Rejected => self.t("rejected", "被拒接"),
            NumberDead => self.t("number dead", "号码失效"),
            NetworkAnnouncement => self.t("network announcement", "运营商提示音"),
            NoMedia => self.t("no media", "无媒体"),
            Silence => self.t("silence", "接通后无声"),
            ClosedNotice => self.t("closed notice", "播报非工作时间"),
            QueueTimeout => self.t("queue timeout", "排队超时"),
            Voicemail => self.t("voicemail", "转入留言"),
            DeadEnd => self.t("dead end", "死路"),
            Loop => self.t("loop", "菜单循环"),
            UnexpectedHangup => self.t("unexpected hang-up", "被意外挂断"),
            StepFailed => self.t("step failed", "步骤未完成"),
            DnsFailed => self.t("DNS failed", "域名解析失败"),
            TransportFailed => self.t("transport failed", "传输失败"),
            AuthFailed => self.t("credentials refused", "鉴权失败"),
            NoResponse => self.t("no response", "无任何响应"),
            MediaUnusable => self.t("media unusable", "媒体质量不足以判断"),
            Aborted => self.t("aborted", "拨测中止"),
        }
    }

    pub fn layer(&self, layer: Layer) -> &'static str {
        match layer {
            Layer::Dns => "DNS",
            Layer::Transport => self.t("transport", "传输"),
            Layer::Auth => self.t("credentials", "鉴权"),
            Layer::Sip => self.t("signalling", "信令"),
            Layer::Media => self.t("media", "媒体"),
            Layer::Ivr => self.t("menu", "语音菜单"),
            Layer::Queue => self.t("queue", "排队"),
            Layer::Agent => self.t("agent", "人工座席"),
            Layer::None => "–",
        }
    }

    pub fn whose(&self, whose: AttributableTo) -> &'static str {
        match whose {
            AttributableTo::Hotline => self.t("hotline", "热线"),
            AttributableTo::Carrier => self.t("carrier", "运营商"),
            AttributableTo::Probe => self.t("us", "拨测系统自身"),
            AttributableTo::Unknown => self.t("not known", "归属不明"),
            AttributableTo::None => "–",
        }
    }

    pub fn dead_end(&self, kind: DeadEnd) -> &'static str {
        words::say(self.tongue, words::dead_end(kind))
    }

    pub fn finding(&self, kind: FindingKind) -> &'static str {
        match kind {
            FindingKind::StalePrompt => self.t("stale prompt", "过期播报"),
            FindingKind::DeadEnd => self.t("dead end", "死路"),
            FindingKind::Loop => self.t("loop", "菜单循环"),
            FindingKind::Deflection => self.t("sent elsewhere", "推诿至其他渠道"),
            FindingKind::NoPathToHuman => self.t("no way to a person", "无法转人工"),
            FindingKind::Slow => self.t("slow", "响应缓慢"),
            FindingKind::OptionMoved => self.t("option moved", "选项换键"),
            FindingKind::Wording => self.t("wording", "播报内容不符"),
            FindingKind::MediaQuality => self.t("sound quality", "音质"),
            FindingKind::NoCallback => self.t("no call back", "未回拨"),
            FindingKind::Note => self.t("for a person to look at", "待人工复核"),
        }
    }

    /// Why a call was not made, by the word of `NotCalled`.
    pub fn reason(&self, word: &str) -> String {
        let known = match word {
            "budget" => self.t("a budget was used up", "预算已用完"),
            "already_calling" => self.t("the line was kept by other calls", "线路被其他拨测占用"),
            "quiet_hours" => self.t("quiet hours", "免打扰时段"),
            "consent_ended" => self.t("the owner's consent had ended", "授权已到期"),
            "kill_switch" => self.t("the kill switch was on", "紧急停拨开关已打开"),
            "missed" => self.t("nightbell was not running", "拨测系统未运行"),
            "not_this_day" => self.t("the probe does not run on that day", "当日不在拨测计划内"),
            "removed" => self.t("its probe was taken away", "拨测项已移除"),
            "stopping" => self.t("nightbell was stopping", "拨测系统正在停止"),
            "not_made" => self.t("it could not be made", "无法发起"),
            other => return other.to_string(),
        };
        known.to_string()
    }

    pub fn effect(&self, word: &str) -> String {
        let known = match word {
            "new_prompt" => self.t("new prompt", "播报新内容"),
            "same_prompt" => self.t("same prompt again", "重复原内容"),
            "invalid" => self.t("rejected", "提示按键无效"),
            "silence" => self.t("silence", "无声"),
            "hangup" => self.t("hang-up", "挂断"),
            "transfer" => self.t("transfer", "转接"),
            _ => self.t("not known", "不明"),
        };
        known.to_string()
    }

    pub fn used(&self, word: &str) -> String {
        let known = match word {
            "success" => self.t("judged: passed", "纳入统计:通过"),
            "failure" => self.t("judged: the hotline fell short", "纳入统计:热线未达标"),
            "not_attributable" => {
                self.t("failed, not by the hotline or not known by whom", "未通过,但非热线所致或归属不明")
            }
            "inconclusive" => self.t("could not be judged", "无法判断"),
            "extra" => self.t(
                "not sampled (after a failure, to confirm, by an alert, by hand)",
                "非抽样(失败后加密、复核、告警触发、手动)",
            ),
            "refused" => self.t("record refused", "记录校验未通过"),
            "under_way" => self.t("under way", "进行中"),
            _ => self.t("control call", "对照拨测"),
        };
        known.to_string()
    }

    pub fn question(&self, question: Question) -> &'static str {
        match question {
            Question::Reachable => self.t("Reachable: availability", "能否打通:可用率"),
            Question::Quick => self.t("Quick: answered within 15 s", "接听快慢:15 秒内应答"),
            Question::Person => self.t("A person within 60 s, where one was sought", "60 秒内接通人工(需要人工的拨测)"),
            Question::UpToDate => {
                self.t("Up to date: prompts found stale and still there", "播报时效:月末仍存在的过期播报")
            }
            Question::NoDeadEnd => self.t("No dead ends: calls without one", "有无死路:未遇死路的拨测"),
        }
    }

    pub fn percent(&self, share: f64) -> String {
        let text = format!("{:.2}", share * 100.0);
        let text = text.strip_suffix("00").and_then(|t| t.strip_suffix('.')).map_or(text.clone(), String::from);
        self.unit(text, "%")
    }

    fn unit(&self, number: String, unit: &str) -> String {
        match self.tongue {
            Tongue::English => format!("{number}\u{202f}{unit}").replace("\u{202f}%", "%"),
            Tongue::Chinese => format!("{number}{unit}"),
        }
    }

    pub fn seconds(&self, s: f64) -> String {
        let number = if s >= 100.0 { format!("{s:.0}") } else { format!("{s:.2}") };
        let number =
            if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.').to_string() } else { number };
        match self.tongue {
            Tongue::English => format!("{number} s"),
            Tongue::Chinese => format!("{number} 秒"),
        }
    }

    /// "96.56–99.36%"
    pub fn between(&self, low: f64, high: f64) -> String {
        let bare = |share: f64| format!("{:.2}", share * 100.0);
        format!("{}–{}%", bare(low), bare(high))
    }

    pub fn share(&self, share: &Share) -> String {
        share.share.map_or_else(|| "–".to_string(), |share| self.percent(share))
    }

    pub fn interval(&self, share: &Share) -> String {
        share.low.zip(share.high).map_or_else(String::new, |(low, high)| self.between(low, high))
    }

    pub fn quantile(&self, quantile: &Quantile) -> (String, String) {
        let bound = |s: Option<f64>, open: &str| s.map_or_else(|| open.to_string(), |s| self.bare_seconds(s));
        (self.seconds(quantile.value), format!("{}–{}", bound(quantile.low, "?"), bound(quantile.high, "?")))
    }

    pub fn bare_seconds(&self, s: f64) -> String {
        self.seconds(s).trim_end_matches('s').trim_end_matches('秒').trim_end().to_string()
    }

    /// What the sample says of "at least so much".
    pub fn claim(&self, claim: &Claim) -> String {
        let share = self.percent(claim.at_least);
        let needed = claim.calls_needed;
        match (self.tongue, claim.says) {
            (Tongue::English, Says::Shown) => format!("“at least {share}”: shown, with 95% confidence"),
            (Tongue::English, Says::Refuted) => format!("“at least {share}”: refuted, with 95% confidence"),
            (Tongue::English, Says::CannotTell) => {
                format!("“at least {share}”: cannot be told; with as many failures it would take {needed} calls")
            }
            (Tongue::Chinese, Says::Shown) => format!("“不低于 {share}”:可以断言(95% 置信)"),
            (Tongue::Chinese, Says::Refuted) => format!("“不低于 {share}”:可以否定(95% 置信)"),
            (Tongue::Chinese, Says::CannotTell) => {
                format!("“不低于 {share}”:样本不足,无法断言;失败次数不变时需要 {needed} 次拨测")
            }
        }
    }

    pub fn when(&self, at: DateTime<Utc>, zone: Tz) -> String {
        at.with_timezone(&zone).format("%m-%d %H:%M").to_string()
    }

    pub fn clip(&self, clip: &Clip, zone: Tz) -> String {
        format!("{} {}–{}", self.when(clip.at, zone), self.bare_seconds(clip.from_s), self.seconds(clip.to_s))
    }

    pub fn day_bar(&self, day: &Day) -> String {
        let passed = day.judged - day.failed;
        match self.tongue {
            Tongue::English => {
                format!("day {}: {passed} passed, {} failed, {} not judged", day.day, day.failed, day.inconclusive)
            }
            Tongue::Chinese => {
                format!("{} 日:通过 {passed},未通过 {},无法判断 {}", day.day, day.failed, day.inconclusive)
            }
        }
    }

    pub fn heat_cell(&self, weekday: usize, hour: usize, cell: &Cell) -> String {
        let (judged, failed, day) = (cell.judged, cell.failed, self.weekday(weekday));
        match self.tongue {
            Tongue::English => format!("{day} {hour:02}:00: {failed} of {judged} failed"),
            Tongue::Chinese => format!("{day} {hour:02} 时:{judged} 次中 {failed} 次未通过"),
        }
    }
}
