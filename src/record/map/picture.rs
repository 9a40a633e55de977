//! A map as a picture: a tree from left to right, each place a card, its key on its edge.
//!
//! Dead ends are red and say of which kind, people are green, the shortest way to a person is drawn thick. Ways that lead
//! to a place that already stands somewhere are written on the card they start from; those that lead onwards are drawn as
//! dashed lines behind the cards, too. Where the reader's screen is dark, so is the picture. Nothing is fetched: the fonts are those the reader has, and text is measured generously.

use super::shapes::{self, DEAD, Look, escaped, look, sign};
use super::text_width::{width, wrap};
use super::words;
use crate::understanding::tree::map::{Map, MapOption, Node};
use crate::understanding::tree::{Direction, PlaceKind, direction};
use crate::vocabulary::Lang;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;

const CARD: f32 = 264.0;
const COLUMN: f32 = CARD + 84.0;
const GAP: f32 = 16.0;
const PAD: f32 = 14.0;
/// Text keeps clear of the key on the edge.
const INDENT: f32 = 20.0;
const MARGIN: f32 = 36.0;
const HEAD: f32 = 104.0;
const FOOT: f32 = 64.0;
const TITLE: f32 = 13.5;
const BODY: f32 = 11.5;
const TITLE_LINE: f32 = 18.0;
const BODY_LINE: f32 = 16.0;
const PILL: f32 = 22.0;
const BANNER: f32 = 24.0;
const FONTS: &str =
    "system-ui, 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', 'Source Han Sans SC', sans-serif";

/// A place on the paper.
struct Card<'a> {
    node: Option<&'a Node>,
    kind: PlaceKind,
    /// The key that leads here; empty for the first place and for what follows by itself.
    key: String,
    title: Vec<String>,
    body: Vec<String>,
    /// Signs of age.
    warnings: Vec<String>,
    pills: Vec<Pill>,
    banner: Option<String>,
    good_news: Option<String>,
    children: Vec<Card<'a>>,
    on_the_way: bool,
    x: f32,
    y: f32,
    height: f32,
}

/// A way to a place that stands elsewhere.
struct Pill {
    key: String,
    text: String,
    to: String,
    dead: bool,
    /// A line is drawn, too; ways back are so many that words are enough.
    drawn: bool,
}

pub fn draw(map: &Map) -> String {
    let lang = map.root().map_or(Lang::En, |n| n.lang);
    let Some(root) = map.root() else { return empty(map, lang) };
    let plan = Plan::of(map, lang);
    let mut top = plan.card(root, String::new(), None);
    let below = place(&mut top, MARGIN, MARGIN + HEAD);
    let depth = columns(&top);
    let wide = (MARGIN * 2.0 + depth as f32 * COLUMN - (COLUMN - CARD)).max(900.0);
    let high = below - GAP + FOOT + MARGIN;
    let mut out = String::new();
    begin(&mut out, wide, high, &title(map));
    head(&mut out, map, lang);
    let mut places = BTreeMap::new();
    gather(&top, &mut places);
    dashes(&mut out, &top, &places);
    edges(&mut out, &top);
    cards(&mut out, &top);
    legend(&mut out, lang, high - MARGIN - FOOT / 2.0 + 18.0);
    out.push_str("</svg>\n");
    out
}

fn empty(map: &Map, lang: Lang) -> String {
    let mut out = String::new();
    begin(&mut out, 900.0, 200.0, &title(map));
    head(&mut out, map, lang);
    out.push_str("</svg>\n");
    out
}

fn title(map: &Map) -> String {
    match &map.hotline {
        Some(name) => name.clone(),
        None => map.target.clone(),
    }
}

/// Keys and, where they were measured (a map under version control leaves them out), seconds.
fn way_to_person(keys: usize, seconds: Option<f64>, zh: bool) -> String {
    let keys = match (zh, keys) {
        (true, _) => format!("{keys} 个按键"),
        (false, 1) => "1 key".to_string(),
        (false, _) => format!("{keys} keys"),
    };
    match seconds {
        Some(s) if zh => format!("{keys}，约 {s:.0} 秒"),
        Some(s) => format!("{keys}, {s:.0} s"),
        None => keys,
    }
}

/// What is drawn where in the tree, before anything has a place on the paper.
struct Plan<'a> {
    map: &'a Map,
    lang: Lang,
    /// Places by the place and key they hang under.
    under: BTreeSet<(String, String)>,
    /// Under which name a place is spoken of.
    names: BTreeMap<String, String>,
    to_person: BTreeSet<String>,
    person: Option<String>,
}

impl<'a> Plan<'a> {
    fn of(map: &'a Map, lang: Lang) -> Plan<'a> {
        let mut under = BTreeSet::new();
        let mut names = BTreeMap::new();
        let mut above: BTreeMap<String, String> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut waiting = VecDeque::new();
        if let Some(root) = map.root() {
            names.insert(root.id.clone(), if lang == Lang::Zh { "首层菜单" } else { "the first menu" }.to_string());
            seen.insert(root.id.clone());
            waiting.push_back(root.id.clone());
        }
        while let Some(id) = waiting.pop_front() {
            let Some(node) = map.node(&id) else { continue };
            let ways = node.options.iter().map(|o| (o.key.clone(), o.label.clone(), o.to.clone()));
            let itself = node.then.iter().map(|to| (String::new(), String::new(), Some(to.clone())));
            for (key, label, to) in ways.chain(itself) {
                let Some(to) = to.filter(|to| seen.insert(to.clone())) else { continue };
                let name = if label.is_empty() { names.get(&id).cloned().unwrap_or_default() } else { label };
                names.insert(to.clone(), name);
                above.insert(to.clone(), id.clone());
                under.insert((id.clone(), key));
                waiting.push_back(to);
            }
        }
        let person = map
            .nodes
            .iter()
            .filter(|n| n.kind == PlaceKind::Human)
            .min_by_key(|n| n.keys.chars().count())
            .map(|n| n.id.clone());
        let mut to_person = BTreeSet::new();
        let mut at = person.clone();
        while let Some(id) = at {
            at = above.get(&id).cloned();
            to_person.insert(id);
        }
        Plan { map, lang, under, names, to_person, person }
    }

    fn card(&self, node: &'a Node, key: String, label: Option<&str>) -> Card<'a> {
        let zh = self.lang == Lang::Zh;
        let inner = CARD - PAD - INDENT;
        let name = match label {
            Some(label) if !label.is_empty() => label.to_string(),
            _ => words::kind(node.kind, self.lang).to_string(),
        };
        let mut pills = Vec::new();
        let mut children = Vec::new();
        for option in &node.options {
            let hangs_here = self.under.contains(&(node.id.clone(), option.key.clone()));
            match option.to.as_deref().and_then(|to| self.map.node(to)) {
                Some(to) if hangs_here => children.push(self.card(to, option.key.clone(), Some(&option.label))),
                Some(to) => pills.push(self.pill(node, option, to)),
                None => children.push(self.unknown(node, option)),
            }
        }
        if let Some(to) = node.then.as_deref().and_then(|to| self.map.node(to)) {
            if self.under.contains(&(node.id.clone(), String::new())) {
                children.push(self.card(to, String::new(), None));
            } else {
                let text = format!("{} {}", if zh { "自动转到" } else { "goes on to" }, self.name(&to.id));
                pills.push(Pill { key: String::new(), text, to: to.id.clone(), dead: false, drawn: true });
            }
        }
        let lines = if node.kind == PlaceKind::Menu { 3 } else { 4 };
        let warnings = node.findings.iter().filter(|f| f.score >= 60).take(2).flat_map(|f| {
            let quote = format!("{}“{}”", if zh { "已过期：" } else { "out of date: " }, f.quote);
            wrap(&quote, BODY, inner, 2)
        });
        let good_news = (self.person.as_deref() == Some(&node.id)).then(|| {
            let way = way_to_person(self.map.keys_to_human.unwrap_or(0), self.map.seconds_to_human, zh);
            if zh { format!("最近的人工：{way}") } else { format!("the nearest person: {way}") }
        });
        let mut card = Card {
            node: Some(node),
            kind: node.kind,
            key,
            title: wrap(&name, TITLE, inner - 24.0, 2),
            body: wrap(&node.text, BODY, inner, lines),
            warnings: warnings.collect(),
            pills,
            banner: node.dead_end.map(|kind| {
                let once = match (node.seen_once, zh) {
                    (false, _) => "",
                    (true, true) => "(仅见一次)",
                    (true, false) => ", seen once",
                };
                format!("✕ {}{once}", words::dead_end(kind, self.lang))
            }),
            good_news,
            children,
            on_the_way: self.to_person.contains(&node.id),
            x: 0.0,
            y: 0.0,
            height: 0.0,
        };
        card.measure();
        card
    }

    fn name(&self, id: &str) -> String {
        self.names.get(id).cloned().unwrap_or_default()
    }

    fn pill(&self, from: &Node, option: &MapOption, to: &Node) -> Pill {
        let zh = self.lang == Lang::Zh;
        let text = if let Some(kind) = option.dead_end {
            format!("{} ✕ {}", option.label, words::dead_end(kind, self.lang))
        } else if to.id == from.id {
            format!("{} ↩", option.label)
        } else if direction(&option.label) == Direction::Onwards {
            format!("{} → {}“{}”", option.label, if zh { "同" } else { "see " }, self.name(&to.id))
        } else {
            format!("{} ↩ {}", option.label, self.name(&to.id))
        };
        let dead = option.dead_end.is_some();
        let drawn = dead || direction(&option.label) == Direction::Onwards;
        Pill { key: option.key.clone(), text, to: to.id.clone(), dead, drawn }
    }

    fn unknown(&self, node: &Node, option: &MapOption) -> Card<'a> {
        let why = self.map.unexplored.iter().find(|u| u.node == node.id && u.key == option.key).map(|u| u.why.as_str());
        let why = why.unwrap_or(if self.lang == Lang::Zh { "未探测" } else { "not explored" });
        let mut card = Card {
            node: None,
            kind: PlaceKind::End,
            key: option.key.split_once(':').map_or(option.key.as_str(), |(head, _)| head).to_string(),
            title: wrap(&option.label, TITLE, CARD - PAD - INDENT - 24.0, 2),
            body: wrap(why, BODY, CARD - PAD - INDENT, 2),
            warnings: Vec::new(),
            pills: Vec::new(),
            banner: None,
            good_news: None,
            children: Vec::new(),
            on_the_way: false,
            x: 0.0,
            y: 0.0,
            height: 0.0,
        };
        card.measure();
        card
    }
}

impl Card<'_> {
    fn measure(&mut self) {
        let text = (self.body.len() + self.warnings.len()) as f32 * BODY_LINE;
        self.height = PAD - 2.0
            + self.title.len() as f32 * TITLE_LINE
            + if text > 0.0 { text + 3.0 } else { 0.0 }
            + if self.pills.is_empty() { 0.0 } else { self.pills.len() as f32 * PILL + 5.0 }
            + PAD
            - 3.0
            + if self.banner.is_some() { BANNER } else { 0.0 }
            + if self.good_news.is_some() { BANNER } else { 0.0 };
    }

    fn look(&self) -> Look {
        if self.banner.is_some() { DEAD } else { look(self.kind) }
    }

    fn middle(&self) -> f32 {
        self.y + self.height / 2.0
    }
}

/// Gives the card and what hangs under it their places; the height where the next may begin.
fn place(card: &mut Card, x: f32, y: f32) -> f32 {
    card.x = x;
    if card.children.is_empty() {
        card.y = y;
        return y + card.height + GAP;
    }
    let mut below = y;
    for child in &mut card.children {
        below = place(child, x + COLUMN, below);
    }
    let (first, last) = (card.children[0].middle(), card.children[card.children.len() - 1].middle());
    card.y = (first + last) / 2.0 - card.height / 2.0;
    if card.y < y {
        // Higher than its children together: they move down.
        let by = y - card.y;
        card.children.iter_mut().for_each(|child| shift(child, by / 2.0));
        card.y = y;
        below += by / 2.0;
    }
    // A little more air between families.
    below.max(card.y + card.height + GAP) + if card.children.len() > 1 { GAP * 0.6 } else { 0.0 }
}

fn shift(card: &mut Card, by: f32) {
    card.y += by;
    card.children.iter_mut().for_each(|child| shift(child, by));
}

fn columns(card: &Card) -> usize {
    1 + card.children.iter().map(columns).max().unwrap_or(0)
}

fn gather(card: &Card, places: &mut BTreeMap<String, (f32, f32, f32)>) {
    if let Some(node) = card.node {
        places.insert(node.id.clone(), (card.x, card.y, card.height));
    }
    card.children.iter().for_each(|child| gather(child, places));
}

fn begin(out: &mut String, wide: f32, high: f32, title: &str) {
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide:.0}\" height=\"{high:.0}\" viewBox=\"0 0 {wide:.0} {high:.0}\" \
         font-family=\"{FONTS}\" role=\"img\">\n<title>{}</title>\n<style>{}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <defs><filter id=\"lift\" x=\"-5%\" y=\"-8%\" width=\"110%\" height=\"122%\"><feDropShadow dx=\"0\" dy=\"1.5\" stdDeviation=\"2\" \
         flood-color=\"#0f172a\" flood-opacity=\"0.10\"/></filter></defs>\n",
        escaped(title),
        shapes::at_night()
    );
}

fn head(out: &mut String, map: &Map, lang: Lang) {
    let zh = lang == Lang::Zh;
    let menus = map.nodes.iter().filter(|n| n.kind == PlaceKind::Menu).count();
    let dead = map.nodes.iter().filter(|n| n.dead_end.is_some()).count()
        + map.nodes.iter().flat_map(|n| &n.options).filter(|o| o.dead_end.is_some()).count();
    let _ = writeln!(
        out,
        "<text x=\"{MARGIN}\" y=\"{}\" font-size=\"22\" font-weight=\"700\" fill=\"#0f172a\">{}</text>",
        MARGIN + 18.0,
        escaped(&title(map))
    );
    let mut figures: Vec<(String, &str)> = Vec::new();
    let percent = (map.coverage * 100.0).floor();
    if zh {
        figures.push((format!("{menus} 个菜单，共 {} 处", map.nodes.len()), "#334155"));
        figures.push((format!("覆盖率 {percent}%"), "#334155"));
        match map.keys_to_human {
            Some(keys) => {
                figures.push((format!("到人工：{}", way_to_person(keys, map.seconds_to_human, zh)), "#15803d"))
            }
            None => figures.push(("未找到人工".into(), "#dc2626")),
        }
        figures.push(if dead > 0 {
            (format!("{dead} 个死胡同"), "#dc2626")
        } else {
            ("没有死胡同".into(), "#15803d")
        });
        if map.calls > 0 {
            figures.push((format!("{} 次呼叫，{:.0} 分钟", map.calls, (map.seconds / 60.0).ceil()), "#64748b"));
        }
    } else {
        let s = |n: usize| if n == 1 { "" } else { "s" };
        figures.push((format!("{menus} menu{}, {} places", s(menus), map.nodes.len()), "#334155"));
        figures.push((format!("coverage {percent} %"), "#334155"));
        match map.keys_to_human {
            Some(keys) => {
                figures.push((format!("to a person: {}", way_to_person(keys, map.seconds_to_human, zh)), "#15803d"))
            }
            None => figures.push(("no person found".into(), "#dc2626")),
        }
        figures.push(if dead > 0 {
            (format!("{dead} dead end{}", s(dead)), "#dc2626")
        } else {
            ("no dead ends".into(), "#15803d")
        });
        if map.calls > 0 {
            figures.push((format!("{} calls, {:.0} min", map.calls, (map.seconds / 60.0).ceil()), "#64748b"));
        }
    }
    let mut x = MARGIN;
    for (text, colour) in figures {
        // Bold, and the widest face that may stand in for the ones wanted.
        let w = width(&text, 12.5) * 1.16 + 20.0;
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{w:.1}\" height=\"26\" rx=\"13\" fill=\"#f1f5f9\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"12.5\" font-weight=\"600\" text-anchor=\"middle\" fill=\"{colour}\">{}</text>",
            MARGIN + 36.0,
            x + w / 2.0,
            MARGIN + 53.5,
            escaped(&text)
        );
        x += w + 8.0;
    }
}

/// Ways to places that stand elsewhere, behind everything.
fn dashes(out: &mut String, card: &Card, places: &BTreeMap<String, (f32, f32, f32)>) {
    for pill in card.pills.iter().filter(|pill| pill.drawn) {
        let Some(&(x, y, high)) = places.get(&pill.to) else { continue };
        let (colour, thick) = if pill.dead { ("#dc2626", 1.8) } else { ("#94a3b8", 1.2) };
        let from_y = card.y + card.height - 10.0;
        let itself = card.node.is_some_and(|n| n.id == pill.to);
        let d = if itself {
            let (x, y) = (card.x + CARD, card.middle());
            format!("M{x:.1} {:.1}c34 4 34 -34 0 -28", y + 12.0)
        } else if x + CARD <= card.x {
            // Back: from the left side, under the cards, to the right side of the other.
            let (x, y) = (x + CARD, y + high - 12.0);
            let bend = ((card.x - x) / 2.0).clamp(30.0, 160.0);
            format!("M{:.1} {from_y:.1}C{:.1} {from_y:.1} {:.1} {y:.1} {x:.1} {y:.1}", card.x, card.x - bend, x + bend)
        } else {
            let (sx, y) = (card.x + CARD, y + high / 2.0);
            let bend = 46.0 + (y - from_y).abs() / 14.0;
            format!("M{sx:.1} {from_y:.1}C{:.1} {from_y:.1} {:.1} {y:.1} {:.1} {y:.1}", sx + bend, x - bend, x)
        };
        let _ = writeln!(
            out,
            "<path d=\"{d}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{thick}\" stroke-dasharray=\"5 4\" opacity=\"0.75\"/>"
        );
    }
    card.children.iter().for_each(|child| dashes(out, child, places));
}

fn edges(out: &mut String, card: &Card) {
    // The green way last, above the others.
    let mut children: Vec<&Card> = card.children.iter().collect();
    children.sort_by_key(|c| c.on_the_way);
    for child in children {
        let (x, y, to_x, to_y) = (card.x + CARD, card.middle(), child.x, child.middle());
        let bend = (to_x - x) * 0.55;
        let (colour, thick) = match (child.on_the_way, child.banner.is_some(), child.node.is_none()) {
            (true, ..) => ("#15803d", 3.0),
            (_, true, _) => ("#dc2626", 1.8),
            (_, _, true) => ("#cbd5e1", 1.5),
            _ => ("#94a3b8", 1.6),
        };
        let dash = if child.node.is_none() { " stroke-dasharray=\"3 4\"" } else { "" };
        let _ = writeln!(
            out,
            "<path d=\"M{x:.1} {y:.1}C{:.1} {y:.1} {:.1} {to_y:.1} {to_x:.1} {to_y:.1}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{thick}\"{dash}/>",
            x + bend,
            to_x - bend
        );
        edges(out, child);
    }
}

fn cards(out: &mut String, card: &Card) {
    let look = card.look();
    let (x, y, high) = (card.x, card.y, card.height);
    let dash = if card.node.is_none() { " stroke-dasharray=\"5 4\"" } else { "" };
    let border = if card.node.is_none() { "#94a3b8" } else { look.strong };
    let corner = look.corner.min(high / 2.0);
    let _ = writeln!(
        out,
        "<g><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{CARD}\" height=\"{high:.1}\" rx=\"{corner}\" fill=\"{}\" stroke=\"{border}\" stroke-width=\"1.4\"{dash} filter=\"url(#lift)\"/>",
        look.soft
    );
    let mut line = y + PAD - 2.0;
    out.push_str(&sign(card.kind, border, x + INDENT, line - 0.5));
    for text in &card.title {
        line += TITLE_LINE;
        say(out, text, x + INDENT + 24.0, line - 5.0, TITLE, "700", "#0f172a");
    }
    if !card.body.is_empty() || !card.warnings.is_empty() {
        line += 3.0;
    }
    for text in &card.body {
        line += BODY_LINE;
        say(out, text, x + INDENT, line - 4.0, BODY, "400", "#334155");
    }
    for text in &card.warnings {
        line += BODY_LINE;
        say(out, text, x + INDENT, line - 4.0, BODY, "600", "#b45309");
    }
    if !card.pills.is_empty() {
        line += 5.0;
    }
    for pill in &card.pills {
        let colour = if pill.dead { "#dc2626" } else { "#64748b" };
        let mut text_x = x + INDENT;
        if !pill.key.is_empty() {
            let w = (width(&pill.key, 11.0) + 9.0).max(18.0);
            let _ = writeln!(
                out,
                "<rect x=\"{text_x:.1}\" y=\"{:.1}\" width=\"{w:.1}\" height=\"17\" rx=\"5\" fill=\"#ffffff\" stroke=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"11\" font-weight=\"700\" text-anchor=\"middle\" fill=\"{colour}\">{}</text>",
                line + 2.0,
                text_x + w / 2.0,
                line + 14.6,
                escaped(&pill.key)
            );
            text_x += w + 7.0;
        }
        let room = x + CARD - PAD - text_x;
        let text = wrap(&pill.text, BODY, room, 1).pop().unwrap_or_default();
        say(out, &text, text_x, line + 14.6, BODY, if pill.dead { "600" } else { "400" }, colour);
        line += PILL;
    }
    let mut foot = y + high;
    for (text, colour) in [(&card.banner, look.strong), (&card.good_news, "#15803d")] {
        let Some(text) = text else { continue };
        foot -= BANNER;
        let r = corner.min(BANNER / 2.0);
        let bottom = foot + BANNER;
        let _ = writeln!(
            out,
            "<path d=\"M{x:.1} {foot:.1}h{CARD}v{:.1}a{r} {r} 0 0 1 -{r} {r}h-{:.1}a{r} {r} 0 0 1 -{r} -{r}z\" fill=\"{colour}\"/>",
            bottom - r - foot,
            CARD - 2.0 * r
        );
        say_in_the_middle(out, text, x + CARD / 2.0, foot + 16.2, 12.0, "#ffffff");
    }
    if !card.key.is_empty() {
        let w = (width(&card.key, 13.0) + 14.0).max(26.0);
        let middle = card.middle();
        let colour = if card.on_the_way { "#15803d" } else { border };
        let _ = writeln!(
            out,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{w:.1}\" height=\"26\" rx=\"13\" fill=\"{colour}\" stroke=\"#ffffff\" stroke-width=\"2\"/>",
            x - w / 2.0,
            middle - 13.0
        );
        say_in_the_middle(out, &card.key, x, middle + 4.6, 13.0, "#ffffff");
    }
    out.push_str("</g>\n");
    card.children.iter().for_each(|child| cards(out, child));
}

fn say(out: &mut String, text: &str, x: f32, y: f32, size: f32, weight: &str, colour: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" font-weight=\"{weight}\" fill=\"{colour}\">{}</text>",
        escaped(text)
    );
}

fn say_in_the_middle(out: &mut String, text: &str, x: f32, y: f32, size: f32, colour: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" font-weight=\"700\" text-anchor=\"middle\" fill=\"{colour}\">{}</text>",
        escaped(text)
    );
}

fn legend(out: &mut String, lang: Lang, y: f32) {
    let zh = lang == Lang::Zh;
    let mut x = MARGIN;
    let kinds =
        [PlaceKind::Menu, PlaceKind::Message, PlaceKind::Human, PlaceKind::Queue, PlaceKind::Voicemail, PlaceKind::End];
    for kind in kinds {
        out.push_str(&sign(kind, look(kind).strong, x, y - 12.5));
        let word = words::kind(kind, lang);
        say(out, word, x + 22.0, y, 12.0, "400", "#334155");
        x += 22.0 + width(word, 12.0) + 20.0;
    }
    let word = if zh { "死胡同" } else { "dead end" };
    let _ = writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"16\" height=\"14\" fill=\"{}\" stroke=\"{}\" stroke-width=\"1.6\"/>",
        y - 11.5,
        shapes::DEAD.soft,
        shapes::DEAD.strong
    );
    say(out, word, x + 22.0, y, 12.0, "400", "#334155");
    x += 22.0 + width(word, 12.0) + 20.0;
    for (word, colour, thick, dash) in [
        (if zh { "到人工的最短路径" } else { "shortest way to a person" }, "#15803d", 3.0, ""),
        (
            if zh { "通到别处已画出的地方" } else { "to a place drawn elsewhere" },
            "#94a3b8",
            1.4,
            " stroke-dasharray=\"5 4\"",
        ),
    ] {
        let _ =
            writeln!(out, "<path d=\"M{x:.1} {:.1}h24\" stroke=\"{colour}\" stroke-width=\"{thick}\"{dash}/>", y - 4.5);
        say(out, word, x + 31.0, y, 12.0, "400", "#334155");
        x += 31.0 + width(word, 12.0) + 20.0;
    }
}
