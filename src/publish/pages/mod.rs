//! Pages for people: HTML rendered here and served by the edge, in English and Chinese, light and dark, that need nothing
//! from outside and no script to be read. What comes from calls is text and stays text: maud escapes it.

pub mod call;
pub mod calls;
pub mod downloads;
mod drawing;
pub mod hotline;
pub mod live;
pub mod month;
pub mod overview;
mod views;
mod words;

use crate::record::sentences;
pub use crate::record::timeline::Tongue;
pub use views::*;

use crate::record::merkle::Hash;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use maud::{DOCTYPE, Markup, html};
use std::sync::OnceLock;

/// The style sheet of every page.
pub const STYLE: &str = include_str!("style.css");
/// The script of every page.
pub const SCRIPT: &str = include_str!("page.js");
/// What a browser may do on our pages (CSP level 3): fetch from here, and nothing else.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                          media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// How the reader wants it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Theme; 3] = [Theme::Auto, Theme::Light, Theme::Dark];

    pub fn word(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    pub fn from_word(word: &str) -> Option<Theme> {
        Theme::ALL.into_iter().find(|theme| theme.word() == word)
    }
}

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

/// Who looks, how, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Reader {
    pub tongue: Tongue,
    pub theme: Theme,
    /// Path and query of this page, without `lang` and `theme`.
    pub path: String,
    pub query: String,
    /// The name they gave, when names are asked for.
    pub name: Option<String>,
    /// May take things away, and see who took what.
    pub operator: bool,
    pub now: DateTime<Utc>,
    pub version: String,
}

/// Where a page belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Hotlines,
    Calls,
    Live,
    Month,
    Downloads,
}

impl Reader {
    pub fn t(&self, english: &'static str, chinese: &'static str) -> &'static str {
        self.tongue.of(english, chinese)
    }

    /// A sentence of a record, in the reader's language.
    pub fn said<'e>(&self, english: &'e str) -> std::borrow::Cow<'e, str> {
        sentences::said(self.tongue, english)
    }

    /// This page with another wish in its query.
    fn with(&self, key: &str, value: &str) -> String {
        let query = if self.query.is_empty() { String::new() } else { format!("{}&", self.query) };
        format!("{}?{query}{key}={value}", self.path)
    }
}

/// Addresses of style sheet and script: they change with what they name, and may be kept for good.
pub fn asset(name: &str) -> String {
    static PRINTS: OnceLock<[String; 2]> = OnceLock::new();
    let [style, script] =
        PRINTS.get_or_init(|| [STYLE, SCRIPT].map(|text| Hash::of(text.as_bytes()).to_string()[..12].to_string()));
    let print = if name.ends_with(".css") { style } else { script };
    format!("/assets/{print}/{name}")
}

/// The whole document around one page.
pub fn document(reader: &Reader, room: Option<Room>, title: &str, content: Markup) -> String {
    let rooms = [
        (Room::Hotlines, "/", reader.t("Hotlines", "热线")),
        (Room::Calls, "/calls", reader.t("Calls", "拨测")),
        (Room::Live, "/live", reader.t("Live", "实时")),
        (Room::Month, "/months", reader.t("Month", "月报")),
    ];
    let (lang, other, other_name, other_lang) = match reader.tongue {
        Tongue::English => ("en", "zh", "中文", "zh-Hans"),
        Tongue::Chinese => ("zh-Hans", "en", "English", "en"),
    };
    let (next_theme, theme_name) = match reader.theme {
        Theme::Auto => (Theme::Dark, reader.t("Theme: system", "主题：跟随系统")),
        Theme::Dark => (Theme::Light, reader.t("Theme: dark", "主题：深色")),
        Theme::Light => (Theme::Auto, reader.t("Theme: light", "主题：浅色")),
    };
    let theme = (reader.theme != Theme::Auto).then(|| reader.theme.word());
    let html = html! {
        (DOCTYPE)
        html lang=(lang) data-theme=[theme] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) " · nightbell" }
                link rel="icon" href=(ICON);
                link rel="stylesheet" href=(asset("style.css"));
                script src=(asset("page.js")) defer {}
            }
            body {
                a.skip href="#main" { (reader.t("Skip to the content", "跳到正文")) }
                header {
                    div {
                        a.brand href="/" {
                            svg width="22" height="22" viewBox="0 0 24 24" aria-hidden="true" {
                                path d="M12 2a6 6 0 0 0-6 6v4.5L4 16v1.5h16V16l-2-3.5V8a6 6 0 0 0-6-6z" fill="currentColor" {}
                                path d="M9.5 19.5a2.5 2.5 0 0 0 5 0z" fill="currentColor" {}
                            }
                            "nightbell"
                        }
                        nav aria-label=(reader.t("Pages", "页面")) {
                            ul {
                                @for (which, path, name) in rooms {
                                    li { a href=(path) aria-current=[(room == Some(which)).then_some("page")] { (name) } }
                                }
                                @if reader.operator {
                                    li {
                                        a href="/downloads" aria-current=[(room == Some(Room::Downloads)).then_some("page")] {
                                            (reader.t("Downloads", "下载记录"))
                                        }
                                    }
                                }
                            }
                        }
                        nav.switches aria-label=(reader.t("Language and theme", "语言与主题")) {
                            ul {
                                li { a href=(reader.with("lang", other)) hreflang=(other_lang) lang=(other_lang) { (other_name) } }
                                li { a href=(reader.with("theme", next_theme.word())) { (theme_name) } }
                            }
                        }
                    }
                }
                main id="main" tabindex="-1" { (content) }
                footer {
                    span { "nightbell " (reader.version) }
                    @if let Some(name) = &reader.name { span { (reader.t("signed in as ", "登录为 ")) (name) } }
                    a href="/metrics" { (reader.t("metrics", "指标")) }
                    a href="/ledger/checkpoint" { (reader.t("the ledger's checkpoint", "账本检查点")) }
                    a href="/-/ready" { (reader.t("ready?", "就绪状态")) }
                }
            }
        }
    };
    html.into_string()
}

/// A page that says why there is none.
pub fn nothing(reader: &Reader, title: &str, why: &str) -> String {
    let back = reader.t("All hotlines", "所有热线");
    document(reader, None, title, html! { h1 { (title) } p.lead { (why) } p { a href="/" { (back) } } })
}

/// The bell, as an icon that is part of the page.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Cg fill='%231c5bb8'%3E%3Cpath d='M12 2a6 6 0 0 0-6 6v4.5L4 16v1.5h16V16l-2-3.5V8a6 6 0 0 0-6-6z'/%3E%3Cpath d='M9.5 19.5a2.5 2.5 0 0 0 5 0z'/%3E%3C/g%3E%3C/svg%3E";

/// A moment at the hotline's place.
fn moment(at: DateTime<Utc>, timezone: Tz) -> Markup {
    let local = at.with_timezone(&timezone);
    let stamp = local.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    html! { time datetime=(stamp) title=(format!("{stamp} {timezone}")) { (local.format("%Y-%m-%d %H:%M")) } }
}

/// How far a moment is from now.
fn far(reader: &Reader, at: DateTime<Utc>) -> String {
    let seconds = (at - reader.now).num_seconds();
    let length = span(reader, seconds.abs());
    match (reader.tongue, seconds > 0) {
        (Tongue::English, true) => format!("in {length}"),
        (Tongue::English, false) => format!("{length} ago"),
        (Tongue::Chinese, true) => format!("{length}后"),
        (Tongue::Chinese, false) => format!("{length}前"),
    }
}

fn span(reader: &Reader, seconds: i64) -> String {
    let (number, english, chinese) = match seconds {
        ..60 => (seconds.max(0), "s", "秒"),
        60..7_200 => (seconds / 60, "min", "分钟"),
        7_200..172_800 => (seconds / 3_600, "h", "小时"),
        _ => (seconds / 86_400, "days", "天"),
    };
    format!("{number} {}", reader.t(english, chinese))
}

/// `8.02 s`; a dash for what did not happen.
fn seconds(value: Option<f64>) -> String {
    match value {
        None => "–".to_string(),
        Some(s) if s < 60.0 => format!("{s:.1} s"),
        Some(s) => format!("{}:{:02} min", s as u64 / 60, s as u64 % 60),
    }
}

/// `1:04.2`: a place in a call.
fn place(s: f64) -> String {
    let s = s.max(0.0);
    format!("{}:{:04.1}", (s / 60.0) as u64, s % 60.0)
}

/// Text as it may stand in a query.
pub fn in_query(text: &str) -> String {
    let mut safe = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => safe.push(byte as char),
            _ => safe.push_str(&format!("%{byte:02X}")),
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
            assert_eq!(wished(header), tongue, "{header}");
        }
    }

    #[test]
    fn places_and_lengths_are_written_in_one_way() {
        for (value, place_text, length) in [
            (0.0, "0:00.0", "0.0 s"),
            (8.04, "0:08.0", "8.0 s"),
            (64.25, "1:04.2", "1:04 min"),
            (-1.0, "0:00.0", "-1.0 s"),
        ] {
            assert_eq!((place(value).as_str(), seconds(Some(value)).as_str()), (place_text, length));
        }
        assert_eq!(seconds(None), "–");
        assert_eq!(in_query("人工 a&b"), "%E4%BA%BA%E5%B7%A5%20a%26b");
    }
}
