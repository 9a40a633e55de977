//! Promise: a correction by sound does more good than harm: text that was heard right stays as it was, and real hearings
//! come nearer to what was said. Which sentences: `fixtures/corpora/hearings`.

use nightbell::hearing::words::correct::{cells_of, corrected};
use std::collections::BTreeMap;

fn fixture(name: &str) -> String {
    let path = format!("{}/fixtures/corpora/hearings/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).expect(&path)
}

fn correct(text: &str) -> String {
    corrected(&cells_of(text)).iter().map(|cell| cell.c).collect()
}

/// Characters that are said, numerals as digits.
fn sounding(text: &str) -> Vec<char> {
    let digit = |c| "零一二三四五六七八九".chars().position(|d| d == c).map_or(c, |d| char::from(b'0' + d as u8));
    text.chars().filter(|c| c.is_alphanumeric()).map(digit).collect()
}

fn edits(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[test]
fn what_was_heard_right_stays_as_it_was() {
    let (mut harmed, mut all, mut shown) = (0, 0, Vec::new());
    for text in fixture("right_zh.txt").lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let got = correct(text);
        let wrong = edits(&text.chars().collect::<Vec<_>>(), &got.chars().collect::<Vec<_>>());
        harmed += wrong;
        all += sounding(text).len();
        if wrong > 0 {
            shown.push(format!("{text} became {got}"));
        }
    }
    let share = 100.0 * harmed as f64 / all as f64;
    println!("{harmed} of {all} characters harmed ({share:.2} %)\n{}", shown.join("\n"));
    assert!(all > 1_200 && share <= 0.5, "{share:.2} % of right characters harmed\n{}", shown.join("\n"));
}

#[test]
fn real_hearings_come_nearer_to_what_was_said() {
    let mut parts: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
    for line in fixture("heard_zh.jsonl").lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect(line);
        let text = |field: &str| row[field].as_str().expect(field).to_string();
        let said = sounding(&text("said"));
        let (all, raw, better) = parts.entry(text("part")).or_default();
        *all += said.len();
        *raw += edits(&said, &sounding(&text("heard")));
        *better += edits(&said, &sounding(&correct(&text("heard"))));
    }
    for (part, (all, raw, better)) in parts {
        let share = |errors: usize| 100.0 * errors as f64 / all as f64;
        println!("{part}: {all} characters, {:.1} % wrong as heard, {:.1} % as corrected", share(raw), share(better));
        assert!(better * 10 <= raw * 7, "{part}: {raw} errors became {better}");
    }
}
