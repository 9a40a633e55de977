//! Promise: pages for people show what is kept, to those who may see it, and what is taken out is written down.

mod house;

use house::Open;
use nightbell::edge::store::inspection::{Trust, inspect};
use nightbell::edge::store::reader;
use nightbell::edge::store::{Places, Store};
use nightbell::publish::pages::{Cursor, Wanted};
use nightbell::vocabulary::{Outcome, Verdict};
use sqlx::{Connection, Row};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).expect("the web listens");
    stream.set_read_timeout(Some(std::time::Duration::from_secs(60))).expect("a limit");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    let end = all.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(all.len());
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Answer { status, head, body: all.get(end + 4..).unwrap_or_default().to_vec() }
}

fn get(open: &Open, path: &str, more: &str) -> Answer {
    ask(open.address, &format!("GET {path} HTTP/1.0\r\nHost: x\r\n{more}\r\n"))
}

fn post(open: &Open, path: &str, more: &str, form: &str) -> Answer {
    let (kind, length) = ("Content-Type: application/x-www-form-urlencoded", form.len());
    ask(
        open.address,
        &format!("POST {path} HTTP/1.0\r\nHost: x\r\n{more}{kind}\r\nContent-Length: {length}\r\n\r\n{form}"),
    )
}

fn user(name: &str) -> String {
    let said = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{name}:open sesame"));
    format!("Authorization: Basic {said}\r\n")
}

fn operators() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages/operators.yaml")
}

/// The page of the month counts from the records alone, the report from the ledger: both come to the same.
fn the_page_says_the_same(page: &str, report: &serde_json::Value) {
    let hotlines = report["hotlines"].as_array().expect("hotlines");
    assert!(hotlines.len() > 3, "{report}");
    for hotline in hotlines {
        let name = hotline["name"].as_str().expect("a name");
        let (due, availability) = (&hotline["section"]["due"], &hotline["section"]["availability"]);
        let row = page.split("<tr>").find(|row| row.contains(&format!("href=\"/hotlines/{name}\"")));
        let row = row.unwrap_or_else(|| panic!("{name} is not on the page"));
        let cells: Vec<u64> = row
            .split("<td class=\"number\">")
            .skip(1)
            .map(|cell| {
                let text = cell.split("</td>").next().expect("an end");
                let text = text.strip_suffix("</a>").map_or(text, |text| text.rsplit('>').next().expect("a number"));
                text.parse().unwrap_or_else(|_| panic!("{name}: {cell}"))
            })
            .collect();
        let number = |value: &serde_json::Value| value.as_u64().unwrap_or_else(|| panic!("{name}: {hotline}"));
        let [pass, fail, unclear, not_made] = cells[..] else { panic!("{name}: {row}") };
        assert_eq!((pass + fail + unclear, not_made), (number(&due["made"]), number(&due["not_made"])), "{name}");
        let (hits, of) = (number(&availability["hits"]), number(&availability["calls"]));
        assert!(row.contains(&format!(" n = {of}<")), "{name}: {of} judged in the report; {row}");
        let share = format!("<b>{:.1} %</b>", 100.0 * hits as f64 / of as f64);
        assert!(of == 0 || row.contains(&share), "{name}: {share}; {row}");
    }
}

/// What has changed since the map before, and what is otherwise than the hotline's file expects it, in both languages.
fn the_menu_stands_beside_what_is_otherwise(open: &Open, who: &str) {
    let maps = open.house.folder.path().join("maps");
    std::fs::create_dir_all(&maps).expect("a folder");
    let map = |label: &str| {
        format!(
            "schema: nightbell.map/1\nnodes:\n- id: top\n  keys: ''\n  kind: menu\n  lang: zh\n  heard: 2\n  text: 查询订单请按1，{label}请按2。\n  \
             options:\n  - {{ key: '1', label: 查询订单, to: null }}\n  - {{ key: '2', label: {label}, to: null }}\n"
        )
    };
    let put = |name: &str, text: &str| std::fs::write(maps.join(name), text).expect("written");
    let page = |lang: &str| get(open, &format!("/hotlines/healthy-zh?lang={lang}"), who).text();
    assert!(page("en").contains("The menu has not been mapped yet"));
    put("healthy-zh.yaml", &map("投诉建议"));
    let alone = page("en");
    assert!(alone.contains("There is no map before") && !alone.contains("expected map"), "{alone}");
    put("healthy-zh.before.yaml", &map("家电报修"));
    let told = serde_json::json!({
        "schema": "nightbell.mapping/1", "ended": "2026-11-23T02:00:00Z",
        "compared": [
            { "against": "maps/<day>.yaml",
              "changes": [{ "kind": "audio", "node": "12", "confirmed": true }],
              "heard_once": [{ "kind": "option_removed", "node": "top", "key": "3", "was": "开具发票", "confirmed": false }] },
            { "against": maps.join("healthy-zh.yaml").display().to_string(), "changes": [], "heard_once": [] },
        ],
    });
    put("healthy-zh.json", &told.to_string());
    for (lang, wanted) in [
        (
            "en",
            [
                "Changes since the map before",
                "at the top: key 2 is now “投诉建议”, was “家电报修”",
                "Differences from the expected map",
                "<code>maps/&lt;day&gt;.yaml</code>",
                "at 12: the same words in another recording",
                "Heard once only, so perhaps nothing:",
                "at the top: key 3 is gone: “开具发票”",
            ],
        ),
        (
            "zh",
            [
                "与上一版的变化",
                "首层菜单：按键 2 由“家电报修”改为“投诉建议”",
                "与预期菜单图的差异",
                "<code>maps/&lt;day&gt;.yaml</code>",
                "按键路径 12：内容未变，录音已更换",
                "仅听到一次，未必属实：",
                "首层菜单：按键 3“开具发票”已取消",
            ],
        ),
    ] {
        let page = page(lang);
        for words in wanted {
            assert!(page.contains(words), "{lang}: {words} is not on the page: {page}");
        }
    }
}

#[test]
fn readers_look_and_listen_operators_take_away_and_the_ledger_knows() {
    let open = Open::doors(Some(&operators()));
    let (lin, wang) = (user("lin"), user("wang"));
    let call = open.house.call_of("healthy-zh").to_string();
    for (path, who, status) in [
        ("/", "", 401),
        ("/", &wang, 200),
        ("/hotlines/healthy-zh", &wang, 200),
        ("/hotlines/nobody", &wang, 404),
        ("/calls/nothing", &wang, 404),
        ("/months/2026-13", &wang, 404),
        ("/months", &wang, 303),
        ("/downloads", &wang, 403),
        ("/downloads", &lin, 200),
        ("/probe?target=sip:4001@127.0.0.1", &wang, 403),
        ("/metrics", &wang, 200),
    ] as [(&str, &str, u16); 11]
    {
        assert_eq!(get(&open, path, who).status, status, "{path} as {who}");
    }
    assert_eq!(post(&open, "/-/reload", &wang, "").status, 403);
    assert_eq!(post(&open, "/-/reload", &lin, "").status, 200);
    // Every page says what a browser may do on it, and what came from outside stays text.
    let first = get(&open, "/", &wang);
    assert!(first.head.to_lowercase().contains("content-security-policy: default-src 'none'"), "{}", first.head);
    assert!(first.text().contains("&lt;nothing&gt;") && !first.text().contains("<nothing>"), "{}", first.text());
    assert!(!first.text().contains("/downloads"), "no way there for a reader");
    let style =
        first.text().split("href=\"/assets/").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_string);
    let style = get(&open, &format!("/assets/{}", style.expect("a style sheet")), &wang);
    assert!(style.status == 200 && style.head.to_lowercase().contains("immutable"), "{}", style.head);
    the_menu_stands_beside_what_is_otherwise(&open, &wang);
    // The recording, whole and in parts.
    let path = format!("/calls/{call}/sound.wav");
    let whole = get(&open, &path, &wang);
    assert_eq!((whole.status, &whole.body[..4]), (200, &b"RIFF"[..]));
    let length = whole.body.len();
    for (range, status, from, to) in [
        ("bytes=0-3", 206, 0, 4),
        ("bytes=1000-", 206, 1000, length),
        ("bytes=-10", 206, length - 10, length),
        ("lines=1-2", 200, 0, length),
    ] {
        let part = get(&open, &path, &format!("{wang}Range: {range}\r\n"));
        assert_eq!(part.status, status, "{range}: {}", part.head);
        assert!(part.body == whole.body[from..to], "{range}");
        let says = format!("content-range: bytes {from}-{}/{length}", to - 1);
        assert_eq!(part.head.to_lowercase().contains(&says), status == 206, "{range}: {}", part.head);
    }
    let behind = get(&open, &path, &format!("{wang}Range: bytes={length}-\r\n"));
    assert_eq!(behind.status, 416);
    assert!(behind.head.to_lowercase().contains(&format!("content-range: bytes */{length}")), "{}", behind.head);
    let record = get(&open, &format!("/calls/{call}/record.json"), &lin);
    assert!(record.text().starts_with("{\"schema\":\"nightbell.call/1\""), "{}", record.text());
    assert_eq!(get(&open, &format!("/calls/{call}/tape"), &lin).body[..9], b"nightbell"[..]);
    // One listening is one line, however many parts were asked for.
    let taken = get(&open, "/downloads", &lin).text();
    for (who, what, times) in [("wang", "the recording", 1), ("lin", "the record", 1), ("lin", "the tape", 1)] {
        let line = format!("<td>{who}</td><td>{what}</td>");
        assert_eq!(taken.matches(&line).count(), times, "{line}: {taken}");
    }
    // The month's report, as files; who took it is known.
    let month = open.house.month();
    for (file, kind, begins) in [
        ("report.html", "text/html", &b"<!doctype html>"[..]),
        ("report.pdf", "application/pdf", b"%PDF-"),
        ("report.xlsx", "spreadsheetml", b"PK"),
        ("report.json", "application/json", b"{"),
        ("figures.csv", "text/csv", b""),
        ("calls.csv", "text/csv", b""),
    ] {
        let made = get(&open, &format!("/months/{month}/{file}?lang=zh"), &wang);
        assert_eq!(made.status, 200, "{file}: {}", made.text());
        assert!(made.head.to_lowercase().contains(kind), "{file}: {}", made.head);
        let start = made.body[..begins.len().min(made.body.len())].to_ascii_lowercase();
        assert_eq!(start, begins.to_ascii_lowercase(), "{file}");
        match file {
            "report.html" => {
                assert!(made.head.to_lowercase().contains("content-security-policy: default-src 'none'"));
                let text = made.text();
                let sounds = text.matches("href=\"../../calls/01HOUSE").count();
                assert!(sounds > 0 && text.contains("/sound.wav#t="), "sound is a click away");
            }
            "report.json" => {
                let json: serde_json::Value = serde_json::from_slice(&made.body).expect("JSON");
                assert_eq!((&json["schema"], &json["month"]), (&"nightbell.report/1".into(), &month.as_str().into()));
                assert!(json["calls"].as_array().is_some_and(|calls| !calls.is_empty()), "{json}");
                the_page_says_the_same(&get(&open, &format!("/months/{month}?lang=en"), &wang).text(), &json);
            }
            "calls.csv" => assert!(made.text().lines().count() > 1),
            _ => {}
        }
        let taken = get(&open, "/downloads", &lin).text();
        assert!(taken.contains(&format!("<td>wang</td><td>the report {month} {file}</td>")), "{taken}");
    }
    for (path, status) in [(format!("/months/{month}/report.doc"), 404), ("/months/2026-13/report.html".into(), 404)] {
        assert_eq!(get(&open, &path, &wang).status, status, "{path}");
    }
    assert_eq!(get(&open, &format!("/months/{month}/report.html"), "").status, 401);
    // A reader may not take a call away, nobody may from another site, and nobody without a reason.
    let path = format!("/calls/{call}/forget");
    assert!(!get(&open, &format!("/calls/{call}"), &wang).text().contains("/forget"));
    assert_eq!(post(&open, &path, &wang, "why=x").status, 403);
    assert_eq!(post(&open, &path, &format!("{lin}Sec-Fetch-Site: cross-site\r\n"), "why=x").status, 403);
    assert_eq!(post(&open, &path, &format!("{lin}Origin: http://evil.example\r\n"), "why=x").status, 403);
    assert_eq!(post(&open, &path, &lin, "why=++").status, 400);
    assert_eq!(post(&open, "/calls/nothing/forget", &lin, "why=x").status, 404);
    assert!(get(&open, &format!("/calls/{call}"), &lin).text().contains("欢迎致电"));
    assert_eq!(post(&open, &path, &format!("{lin}Origin: http://x\r\n"), "why=at+the+request+of+Ms.+Li").status, 303);
    let after = get(&open, &format!("/calls/{call}"), &lin).text();
    assert!(after.contains("The record of this call is no more") && !after.contains("欢迎致电"), "{after}");
    assert_eq!(get(&open, &format!("/calls/{call}/sound.wav"), &lin).status, 404);
    assert!(get(&open, "/downloads", &lin).text().contains("forgotten: at the request of Ms. Li"));
    assert_eq!(post(&open, &path, &lin, "why=again").status, 409);
    // What is left is proven: the tombstone, the others, who took what.
    let places = Places::folder(open.house.folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let report = runtime.block_on(inspect(&places, &Trust::default(), house::now(), &mut |_| {})).expect("judged");
    assert!(report.faults.is_empty(), "{:?}", report.faults);
}

#[test]
fn calls_are_found_by_what_was_heard_in_them() {
    let open = Open::doors(None);
    let found = |query: &str| {
        let page = get(&open, &format!("/calls?{query}"), "").text();
        page.split("<tbody").nth(1).map_or(0, |rows| rows.matches("<tr role=\"row\">").count())
    };
    let words = |text: &str| nightbell::publish::pages::in_query(text);
    for (query, some) in [
        (format!("q={}", words("欢迎")), true),
        (format!("q={}", words("迎")), true),
        // Traditional characters, other widths, other case: the same words.
        (format!("q={}", words("歡迎")), true),
        (format!("q={}", words("欢迎 致电")), true),
        (format!("q={}", words("迎欢")), false),
        ("q=THANK%20YOU".into(), true),
        ("q=hank".into(), true),
        ("q=xylophone".into(), false),
        (format!("q={}&hotline=busy", words("欢迎")), false),
        ("hotline=busy&outcome=busy".into(), true),
        ("hotline=busy&outcome=completed".into(), false),
        ("verdict=inconclusive".into(), true),
        ("since=2026-11-20&until=2026-11-21".into(), true),
        ("since=2026-11-25".into(), false),
        ("q=%25".into(), false),
        ("q='%20OR%201=1".into(), false),
    ] {
        assert_eq!(found(&query) > 0, some, "{query}: {}", found(&query));
    }
    assert!(get(&open, "/calls?q=a", "").text().contains("write two"), "one letter is no search");
    assert!(get(&open, "/calls?outcome=%3Cb%3E", "").text().contains("&lt;b&gt;"));
    // Page by page, each call once, the newest first.
    let (mut path, mut seen, mut pages) = ("/calls?hotline=healthy-en".to_string(), Vec::new(), 0);
    loop {
        let page = get(&open, &path, "").text();
        let ids = page.split("scope=\"row\"><a href=\"/calls/").skip(1).filter_map(|rest| rest.split('"').next());
        seen.extend(ids.map(str::to_string));
        pages += 1;
        match page.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next()) {
            Some(next) => path = next.replace("&amp;", "&"),
            None => break,
        }
    }
    let each: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!((each.len(), pages), (seen.len(), seen.len().div_ceil(50)), "{pages} pages");
    assert!(seen.len() > 200, "{}", seen.len());
    // The months are those of the hotline's place, and every call is in one of them.
    let month = get(&open, "/months/2026-10?lang=zh", "").text();
    assert!(month.contains("各热线") && month.contains("healthy-zh"), "{month}");
}

#[tokio::test]
async fn no_page_reads_more_than_it_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&Places::folder(folder.path()), house::now()).await.expect("a store");
    let url = format!("sqlite://{}", folder.path().join("nightbell.sqlite").display());
    let mut database = sqlx::AnyConnection::connect(&url).await.expect("the same database");
    let before = Some(Cursor { due: 1_700_000_000_000_000, call: "01".into() });
    let base = Wanted { before, since: Some(house::now()), until: Some(house::now()), ..Wanted::default() };
    let (hotline, verdict, outcome) = (Some("order-line".to_string()), Some(Verdict::Fail), Some(Outcome::Busy));
    let mut asked = vec![
        ("sum", reader::sum("order-line", house::now(), house::now())),
        ("tallies", reader::tallies("order-line", house::now())),
        ("sayings", reader::sayings(&["欢迎".into(), "迎致".into()])),
    ];
    for n in 0..8 {
        let wanted = Wanted {
            hotline: hotline.clone().filter(|_| n & 1 > 0),
            verdict: verdict.filter(|_| n & 2 > 0),
            outcome: outcome.filter(|_| n & 4 > 0),
            ..base.clone()
        };
        for wanted in [Wanted { before: None, since: None, until: None, ..wanted.clone() }, wanted] {
            asked.push(("list", reader::list(&wanted, 51)));
            asked.push(("said", reader::said(&[1, 2, 3], &wanted, 51)));
            asked.push(("walk", reader::walk(&["欢迎".into()], &wanted, 51)));
        }
    }
    for (name, sql) in asked {
        // A plan needs no values: places of its text stand for themselves.
        let text = format!("EXPLAIN QUERY PLAN {}", sql.text);
        let rows = sqlx::query(sqlx::AssertSqlSafe(text)).fetch_all(&mut database).await.expect("a plan");
        let plan: Vec<String> = rows.iter().map(|row| row.try_get("detail").expect("a line")).collect();
        for line in &plan {
            // A stretch that was cut short by its limit may be walked; tables may not.
            let walked = line.starts_with("SCAN") && !["SCAN walked", "SCAN rare"].contains(&line.as_str());
            assert!(!walked, "{name} walks a table: {line}\n{}\n{plan:#?}", sql.text);
            let sorted = line.contains("USE TEMP B-TREE FOR ORDER BY") && name == "list";
            assert!(!sorted, "{name} sorts what the index has in order: {}\n{plan:#?}", sql.text);
        }
    }
    store.close().await;
}

/// More calls with `NIGHTBELL_CALLS=100000`. How long it takes is told and bounded widely (a machine may be busy with other
/// things); what holds it down is the test above.
#[test]
fn a_great_many_calls_make_no_page_slow() {
    const SEED: u64 = 6;
    let count = std::env::var("NIGHTBELL_CALLS").ok().and_then(|n| n.parse().ok()).unwrap_or(4_000);
    let open = Open::crowd(count, SEED);
    let some = |n: usize| format!("/calls/{}", open.house.calls[n % open.house.calls.len()].1);
    let words = |text: &str| format!("/calls?q={}", nightbell::publish::pages::in_query(text));
    let newest = get(&open, "/calls", "").text();
    let next = newest.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
    let pages = [
        ("overview", "/".to_string()),
        ("hotline", "/hotlines/healthy-zh".into()),
        ("call", some(1)),
        ("newest", "/calls".into()),
        ("second page", next.expect("there is more").replace("&amp;", "&")),
        ("failures of one", "/calls?hotline=busy&verdict=fail".into()),
        ("by outcome", "/calls?outcome=dead_end".into()),
        ("words of every call", words("人工服务")),
        ("rare words", words("春节放假")),
        ("words of one prompt", words("第123客服")),
        ("words of none", words("无此一说")),
        ("words, filtered", format!("{}&hotline=busy&verdict=fail", words("人工服务"))),
        ("month", "/months/2026-10".into()),
    ];
    for (name, path) in pages {
        let mut took: Vec<std::time::Duration> = (0..100)
            .map(|_| {
                let began = std::time::Instant::now();
                let answer = get(&open, &path, "");
                assert_eq!(answer.status, 200, "{name} {path} (seed {SEED}): {}", answer.text());
                began.elapsed()
            })
            .collect();
        took.sort();
        println!("{name:<22} p50 {:>7.2?}  p99 {:>7.2?}  of {count} calls", took[50], took[98]);
        assert!(took[50] < std::time::Duration::from_millis(400), "{name} (seed {SEED}): {:?}", took[50]);
    }
    for (path, found) in [(words("春节放假"), count.div_ceil(997).min(50)), (words("无此一说"), 0)] {
        let rows = get(&open, &path, "").text().matches("scope=\"row\"><a href=\"/calls/").count() as u64;
        assert_eq!(rows, found, "{path} (seed {SEED})");
    }
}

#[test]
fn a_browser_finds_nothing_wrong_with_any_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let setup = Command::new(root.join("setup/browser")).output().expect("setup/browser runs");
    assert!(setup.status.success(), "{}", String::from_utf8_lossy(&setup.stderr));
    let modules = String::from_utf8(setup.stdout).expect("a path").trim().to_string();
    let open = Open::doors(Some(&operators()));
    let calls = open.house.folder.path().join("calls.json");
    let known: std::collections::BTreeMap<&String, &String> = open.house.calls.iter().map(|(a, b)| (a, b)).collect();
    std::fs::write(&calls, serde_json::to_string(&known).expect("plain")).expect("written");
    open.house.live("欢迎致电 healthy，查询订单请按1");
    let mut node = Command::new("node");
    node.arg(root.join("tests/pages/browser.mjs")).arg(format!("http://{}", open.address)).arg(&calls);
    node.args(std::env::var_os("NIGHTBELL_SHOTS")).env("NIGHTBELL_BROWSER", modules);
    let mut node = node.stdout(Stdio::piped()).spawn().expect("node runs");
    let mut told = Vec::new();
    for line in BufReader::new(node.stdout.take().expect("piped")).lines().map_while(Result::ok) {
        if line == "LIVE" {
            open.house.live("正在等候的新话");
        }
        told.push(line);
    }
    let status = node.wait().expect("it ends");
    assert!(status.success(), "\n{}\n", told.join("\n"));
    assert_eq!(told.last().map(String::as_str), Some("LOOKED 72"), "{told:?}");
}
