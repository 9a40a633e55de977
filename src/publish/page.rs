//! The first page: what was called last, who is called next, what is wrong with ourselves. Plain HTML that needs no
//! script, in English and Chinese. Everything that comes from outside is escaped.

use crate::vocabulary::{Outcome, Verdict};
use chrono::{DateTime, Utc};
use std::fmt::Write;

/// What the first page shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub version: String,
    pub started: DateTime<Utc>,
    pub hotlines: usize,
    pub probes: usize,
    /// What is wrong with the prober itself, a sentence each.
    pub troubles: Vec<String>,
    /// The soonest first.
    pub next: Vec<NextCall>,
    /// The latest first.
    pub last: Vec<LastCall>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NextCall {
    pub hotline: String,
    pub probe: String,
    pub due: DateTime<Utc>,
    pub timezone: chrono_tz::Tz,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LastCall {
    pub hotline: String,
    pub probe: String,
    pub ended: DateTime<Utc>,
    pub timezone: chrono_tz::Tz,
    pub verdict: Verdict,
    pub outcome: Outcome,
    /// One sentence for people.
    pub because: String,
    /// A failed call that waits for its confirmation.
    pub suspect: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    English,
    Chinese,
}

impl Tongue {
    /// By the browser's own wish (`Accept-Language`, RFC 9110 §12.5.4): the one it names first, English if neither.
    pub fn wished(accept_language: &str) -> Tongue {
        let mut best = (0.0, Tongue::English);
        for range in accept_language.split(',') {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let tongue = match tag.split('-').next() {
                Some("zh") => Tongue::Chinese,
                Some("en") => Tongue::English,
                _ => continue,
            };
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            if weight > best.0 {
                best = (weight, tongue);
            }
        }
        best.1
    }

    pub fn of(self, english: &'static str, chinese: &'static str) -> &'static str {
        match self {
            Tongue::English => english,
            Tongue::Chinese => chinese,
        }
    }
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2329;--soft:#5c6770;--line:#d9dee3;--paper:#fff;--ground:#f4f6f8;--good:#1a7f4b;--bad:#c0362c;--odd:#96690a}\
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#9aa5ae;--line:#343c44;--paper:#1c2126;--ground:#14181c;--good:#4cc38a;--bad:#ff8a80;--odd:#e5b454}}\
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif}\
main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 3rem}header{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1rem}\
h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}header p{margin:0;color:var(--soft)}header nav{margin-left:auto}\
a{color:inherit;text-underline-offset:.2em}section.box{background:var(--paper);border:1px solid var(--line);border-radius:8px;overflow-x:auto}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.5rem .75rem;vertical-align:top}th{color:var(--soft);font-weight:500;font-size:.87rem;border-bottom:1px solid var(--line);white-space:nowrap}\
tr+tr td{border-top:1px solid var(--line)}td.when{white-space:nowrap;font-variant-numeric:tabular-nums}td.when span{color:var(--soft)}\
.pass{color:var(--good)}.fail{color:var(--bad)}.inconclusive,.suspect{color:var(--odd)}b{font-weight:600;white-space:nowrap}\
section.trouble{border-color:var(--bad)}.trouble ul{margin:.75rem 1rem;padding-left:1rem}p.none{margin:0;padding:.75rem;color:var(--soft)}\
ul.links{list-style:none;margin:0;padding:.75rem;display:grid;gap:.35rem;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr))}code{font-size:.93em}";

pub fn draw(page: &Page, tongue: Tongue, now: DateTime<Utc>) -> String {
    let t = |english, chinese| tongue.of(english, chinese);
    let mut html = String::new();
    let lang = t("en", "zh-Hans");
    let _ = write!(
        html,
        "<!doctype html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>nightbell</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>nightbell</h1>\n<p>{}</p>\n\
         <nav><a href=\"?lang={}\" hreflang=\"{}\" lang=\"{}\">{}</a></nav>\n</header>\n",
        about(page, tongue, now),
        t("zh", "en"),
        t("zh", "en"),
        t("zh", "en"),
        t("中文", "English"),
    );
    if !page.troubles.is_empty() {
        let _ = write!(
            html,
            "<h2>{}</h2>\n<section class=\"box trouble\"><ul>\n",
            t("What is wrong with nightbell itself", "nightbell 自身的问题")
        );
        for trouble in &page.troubles {
            let _ = writeln!(html, "<li>{}</li>", escaped(trouble));
        }
        html.push_str("</ul></section>\n");
    }
    let _ = writeln!(html, "<h2>{}</h2>", t("Last calls", "最近的拨测"));
    last_calls(&mut html, page, tongue, now);
    let _ = writeln!(html, "<h2>{}</h2>", t("Next calls", "即将进行的拨测"));
    next_calls(&mut html, page, tongue, now);
    let _ = writeln!(html, "<h2>{}</h2>\n<section class=\"box\"><ul class=\"links\">", t("For machines", "接口"));
    for (path, what) in [
        ("metrics", t("metrics, for Prometheus", "供 Prometheus 抓取的指标")),
        ("ledger/checkpoint", t("the ledger's signed checkpoint", "账本的签名检查点")),
        ("-/healthy", t("alive?", "进程是否存活")),
        ("-/ready", t("ready to call?", "是否可以拨测")),
    ] {
        let _ = writeln!(html, "<li><a href=\"{path}\"><code>/{path}</code></a> {what}</li>");
    }
    html.push_str("</ul></section>\n</main>\n</body>\n</html>\n");
    html
}

fn about(page: &Page, tongue: Tongue, now: DateTime<Utc>) -> String {
    let (version, hotlines, probes) = (escaped(&page.version), page.hotlines, page.probes);
    let up = span((now - page.started).num_seconds(), tongue);
    match tongue {
        Tongue::English => {
            let s = |n: usize| if n == 1 { "" } else { "s" };
            format!("{version} · {hotlines} hotline{}, {probes} probe{} · up for {up}", s(hotlines), s(probes))
        }
        Tongue::Chinese => format!("{version} · {hotlines} 条热线,{probes} 个拨测 · 已运行 {up}"),
    }
}

fn last_calls(html: &mut String, page: &Page, tongue: Tongue, now: DateTime<Utc>) {
    let t = |english, chinese| tongue.of(english, chinese);
    html.push_str("<section class=\"box\">");
    if page.last.is_empty() {
        let _ = writeln!(html, "<p class=\"none\">{}</p></section>", t("No call yet.", "还没有拨测。"));
        return;
    }
    let _ = writeln!(
        html,
        "<table>\n<thead><tr><th>{}</th><th>{}</th><th>{}</th><th>{}</th></tr></thead>\n<tbody>",
        t("Hotline / probe", "热线 / 拨测"),
        t("Verdict", "结论"),
        t("Why", "原因"),
        t("When", "时间"),
    );
    for call in &page.last {
        let (class, verdict) = match (call.verdict, call.suspect) {
            (Verdict::Pass, _) => ("pass", t("✓ pass", "✓ 通过")),
            (Verdict::Fail, true) => ("suspect", t("? failed, to be confirmed", "? 未通过,待复核")),
            (Verdict::Fail, false) => ("fail", t("✗ fail", "✗ 未通过")),
            (Verdict::Inconclusive, _) => ("inconclusive", t("– inconclusive", "– 无法判断")),
        };
        let _ = writeln!(
            html,
            "<tr><td>{} / {}</td><td><b class=\"{class}\">{verdict}</b><br><code>{}</code></td><td>{}</td>{}</tr>",
            escaped(&call.hotline),
            escaped(&call.probe),
            call.outcome,
            escaped(&call.because),
            when(call.ended, call.timezone, now, tongue),
        );
    }
    html.push_str("</tbody>\n</table></section>\n");
}

fn next_calls(html: &mut String, page: &Page, tongue: Tongue, now: DateTime<Utc>) {
    let t = |english, chinese| tongue.of(english, chinese);
    html.push_str("<section class=\"box\">");
    if page.next.is_empty() {
        let _ = writeln!(html, "<p class=\"none\">{}</p></section>", t("No call is planned.", "没有计划中的拨测。"));
        return;
    }
    let (probe, due) = (t("Hotline / probe", "热线 / 拨测"), t("When", "时间"));
    let _ = writeln!(html, "<table>\n<thead><tr><th>{probe}</th><th>{due}</th></tr></thead>\n<tbody>");
    for call in &page.next {
        let (hotline, probe) = (escaped(&call.hotline), escaped(&call.probe));
        let when = when(call.due, call.timezone, now, tongue);
        let _ = writeln!(html, "<tr><td>{hotline} / {probe}</td>{when}</tr>");
    }
    html.push_str("</tbody>\n</table></section>\n");
}

/// In the hotline's own time, and how far from now.
fn when(at: DateTime<Utc>, timezone: chrono_tz::Tz, now: DateTime<Utc>, tongue: Tongue) -> String {
    let far = (at - now).num_seconds();
    let far = match (tongue, far >= 0) {
        (Tongue::English, true) => format!("in {}", span(far, tongue)),
        (Tongue::English, false) => format!("{} ago", span(-far, tongue)),
        (Tongue::Chinese, true) => format!("{}后", span(far, tongue)),
        (Tongue::Chinese, false) => format!("{}前", span(-far, tongue)),
    };
    let local = at.with_timezone(&timezone);
    let stamp = local.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let shown = local.format("%Y-%m-%d %H:%M");
    format!("<td class=\"when\"><time datetime=\"{stamp}\">{shown}</time><br><span>{timezone} · {far}</span></td>")
}

fn span(seconds: i64, tongue: Tongue) -> String {
    let (number, english, chinese) = match seconds {
        ..60 => (seconds.max(0), "s", "秒"),
        60..7_200 => (seconds / 60, "min", "分钟"),
        7_200..172_800 => (seconds / 3_600, "h", "小时"),
        _ => (seconds / 86_400, "days", "天"),
    };
    format!("{number} {}", tongue.of(english, chinese))
}

/// Text that stays text in HTML, between tags and in quoted attributes.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Line ends and tabs may stay; other controls have no place in a page.
            c if c.is_control() && !matches!(c, '\n' | '\r' | '\t') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_s_language_is_spoken_where_it_is_ours() {
        for (header, tongue) in [
            ("", Tongue::English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Tongue::Chinese),
            ("en-US,en;q=0.9,zh-CN;q=0.8", Tongue::English),
            ("de,zh;q=0.3,en;q=0.5", Tongue::English),
            ("fr", Tongue::English),
            ("zh;q=x", Tongue::Chinese),
        ] {
            assert_eq!(Tongue::wished(header), tongue, "{header}");
        }
    }

    #[test]
    fn what_comes_from_outside_stays_text() {
        let at = DateTime::UNIX_EPOCH;
        let nasty = "<script>alert('1')</script>\"&\u{7}".to_string();
        let last = LastCall {
            hotline: "order-line".into(),
            probe: "midnight".into(),
            ended: at,
            timezone: chrono_tz::Asia::Shanghai,
            verdict: Verdict::Fail,
            outcome: Outcome::DeadEnd,
            because: nasty.clone(),
            suspect: false,
        };
        let page = Page { troubles: vec![nasty], last: vec![last], ..Page::default() };
        for tongue in [Tongue::English, Tongue::Chinese] {
            let html = draw(&page, tongue, at);
            assert!(!html.contains("<script"), "{html}");
            assert!(html.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;\u{fffd}"), "{html}");
            assert_eq!(html.matches("<section").count(), html.matches("</section>").count());
            assert_eq!(html.matches("<td").count(), html.matches("</td>").count());
        }
    }
}
