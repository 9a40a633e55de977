//! One text of several hearings of the same prompt: each character or word as most hearings have it.
//!
//! Recognition errs otherwise each time: a vote over hearings laid over each other (Fiscus's ROVER, 1997) keeps texts
//! from flickering from night to night. Where there is no majority, the hearing that is most like the others decides.

use crate::vocabulary::{Piece, Transcript};

/// A character or a word, and what stands around it.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    before: String,
    word: String,
    piece: usize,
}

/// The text of all hearings together. `None` when there is none.
pub fn merged(hearings: &[Transcript]) -> Option<Transcript> {
    let spoken: Vec<&Transcript> = hearings.iter().filter(|t| !t.text.is_empty()).collect();
    // Most heard nothing: then nothing was said.
    if spoken.len() * 2 < hearings.len() || spoken.is_empty() {
        return hearings.iter().find(|t| t.text.is_empty()).cloned();
    }
    let texts: Vec<Vec<Token>> = spoken.iter().map(|t| tokens(t)).collect();
    let errors = |a: usize| -> usize { texts.iter().map(|other| distance(&texts[a], other)).sum() };
    let middle = (0..texts.len()).min_by_key(|&n| errors(n))?;
    let pivot = &texts[middle];
    let others: Vec<&Vec<Token>> = texts.iter().enumerate().filter(|(n, _)| *n != middle).map(|(_, t)| t).collect();
    let voted = vote(pivot, &others);
    let confidence = spoken.iter().map(|t| t.confidence).sum::<f32>() / spoken.len() as f32;
    let mut whole = Transcript { confidence, ..spoken[middle].clone() };
    if voted == *pivot {
        return Some(whole);
    }
    for (n, piece) in whole.pieces.iter_mut().enumerate() {
        let own: Vec<&Token> = voted.iter().filter(|token| token.piece == n).collect();
        piece.text = written(&own);
    }
    whole.pieces.retain(|piece| !piece.text.is_empty());
    whole.text = written(&voted.iter().collect::<Vec<_>>());
    Some(whole)
}

/// What was said in the first `heard_ms` of a clip; times of the pieces count from its beginning.
pub fn beginning(whole: &Transcript, heard_ms: u64) -> Transcript {
    let mut pieces = Vec::new();
    for piece in &whole.pieces {
        let (from, to) = (piece.from.millis(), piece.to.millis());
        if from >= heard_ms {
            break;
        }
        if to <= heard_ms {
            pieces.push(piece.clone());
            continue;
        }
        // Words are spread evenly over their piece, nearly; what may not have been said is left out.
        let marks = split(&piece.text);
        let share = (heard_ms - from) as f64 / (to - from).max(1) as f64;
        let kept = (marks.len() as f64 * share).floor() as usize;
        let text: String = marks[..kept].iter().map(|(before, word)| format!("{before}{word}")).collect();
        if !text.trim().is_empty() {
            let to = crate::vocabulary::Moment::from_millis(heard_ms);
            pieces.push(Piece { to, text: text.trim().to_string(), ..piece.clone() });
        }
    }
    let chinese = whole.lang == crate::vocabulary::Lang::Zh;
    let texts: Vec<&str> = pieces.iter().map(|p| p.text.as_str()).collect();
    let text = texts.join(if chinese { "" } else { " " });
    Transcript { raw: text.clone(), text, pieces, ..whole.clone() }
}

fn tokens(transcript: &Transcript) -> Vec<Token> {
    let pieces: Vec<&str> = transcript.pieces.iter().map(|p| p.text.as_str()).collect();
    let counts: Vec<usize> = pieces.iter().map(|text| split(text).len()).collect();
    let whole = split(&transcript.text);
    let known = counts.iter().sum::<usize>() == whole.len();
    let mut ends: Vec<usize> = counts
        .iter()
        .scan(0, |sum, n| {
            *sum += n;
            Some(*sum)
        })
        .collect();
    if !known {
        ends.clear();
    }
    whole
        .into_iter()
        .enumerate()
        .map(|(n, (before, word))| {
            let piece = ends.iter().position(|&end| n < end).unwrap_or(0);
            Token { before, word, piece }
        })
        .collect()
}

/// Words with what stands before each; what stands after the last goes to the last.
fn split(text: &str) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let (mut before, mut word) = (String::new(), String::new());
    let single = |c: char| crate::vocabulary::pinyin::is_chinese(c);
    for c in text.chars() {
        let joins = c.is_alphanumeric() && !single(c) || (matches!(c, '\'' | '\u{2019}') && !word.is_empty());
        if joins {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            out.push((std::mem::take(&mut before), std::mem::take(&mut word)));
        }
        if single(c) {
            out.push((std::mem::take(&mut before), c.to_string()));
        } else {
            before.push(c);
        }
    }
    if !word.is_empty() {
        out.push((std::mem::take(&mut before), word));
    } else if let Some(last) = out.last_mut() {
        last.1.push_str(before.trim_end());
    }
    out
}

fn written(tokens: &[&Token]) -> String {
    tokens.iter().map(|token| format!("{}{}", token.before, token.word)).collect::<String>().trim().to_string()
}

/// Compared without case and marks.
fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn distance(a: &[Token], b: &[Token]) -> usize {
    aligned(a, b).iter().filter(|pair| !matches!(pair, (Some(a), Some(b)) if plain(&a.word) == plain(&b.word))).count()
}

/// Both laid over each other with the fewest changes.
fn aligned<'a>(a: &'a [Token], b: &'a [Token]) -> Vec<(Option<&'a Token>, Option<&'a Token>)> {
    let same = |i: usize, j: usize| plain(&a[i].word) == plain(&b[j].word);
    let mut cost = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            cost[i][j] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => (cost[i - 1][j - 1] + usize::from(!same(i - 1, j - 1)))
                    .min(cost[i - 1][j] + 1)
                    .min(cost[i][j - 1] + 1),
            };
        }
    }
    let (mut i, mut j) = (a.len(), b.len());
    let mut pairs = Vec::new();
    while i > 0 || j > 0 {
        if i > 0 && j > 0 && cost[i][j] == cost[i - 1][j - 1] + usize::from(!same(i - 1, j - 1)) {
            (i, j) = (i - 1, j - 1);
            pairs.push((Some(&a[i]), Some(&b[j])));
        } else if i > 0 && cost[i][j] == cost[i - 1][j] + 1 {
            i -= 1;
            pairs.push((Some(&a[i]), None));
        } else {
            j -= 1;
            pairs.push((None, Some(&b[j])));
        }
    }
    pairs.reverse();
    pairs
}

fn vote(pivot: &[Token], others: &[&Vec<Token>]) -> Vec<Token> {
    let voters = others.len() + 1;
    // For each word of the pivot what others have there, and what they have before it.
    let mut there: Vec<Vec<Option<&Token>>> = vec![Vec::new(); pivot.len()];
    let mut between: Vec<Vec<&Token>> = vec![Vec::new(); pivot.len() + 1];
    for other in others {
        let mut place = 0;
        for (own, theirs) in aligned(pivot, other) {
            match (own, theirs) {
                (Some(_), theirs) => {
                    there[place].push(theirs);
                    place += 1;
                }
                (None, Some(theirs)) => between[place].push(theirs),
                (None, None) => {}
            }
        }
    }
    let mut out = Vec::new();
    for (n, between) in between.iter().enumerate() {
        let votes = |word: &str| between.iter().filter(|t| plain(&t.word) == plain(word)).count();
        if let Some(extra) = between.iter().find(|t| votes(&t.word) * 2 > voters) {
            let piece = pivot.get(n).or(pivot.last()).map_or(0, |t| t.piece);
            out.push(Token { piece, ..(*extra).clone() });
        }
        let Some(own) = pivot.get(n) else { break };
        let missing = there[n].iter().filter(|t| t.is_none()).count();
        if missing * 2 > voters {
            continue;
        }
        let votes = |word: &str| there[n].iter().flatten().filter(|t| plain(&t.word) == plain(word)).count();
        let own_votes = votes(&own.word) + 1;
        let best = there[n].iter().flatten().max_by_key(|t| votes(&t.word)).filter(|t| votes(&t.word) > own_votes);
        out.push(best.map_or_else(|| own.clone(), |t| Token { word: t.word.clone(), ..own.clone() }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{Lang, Moment};

    fn heard(text: &str) -> Transcript {
        let piece = Piece { from: Moment(0), to: Moment::from_millis(4_000), text: text.into(), confidence: 0.8 };
        let lang = if text.is_ascii() { Lang::En } else { Lang::Zh };
        let (text, raw) = (text.to_string(), text.to_string());
        Transcript { lang, text, raw, pieces: vec![piece], confidence: 0.8, doubt: None }
    }

    fn check(hearings: &[&str], expected: &str) {
        let hearings: Vec<Transcript> = hearings.iter().map(|text| heard(text)).collect();
        let whole = merged(&hearings).expect("something was heard");
        assert_eq!(whole.text, expected, "{hearings:?}");
        let pieces: Vec<&str> = whole.pieces.iter().map(|p| p.text.as_str()).collect();
        assert_eq!(pieces.join(""), expected, "its pieces");
    }

    #[test]
    fn most_hearings_decide_each_word() {
        check(&["For sails, press 1.", "For sales, press 1.", "For sales press 1."], "For sales, press 1.");
        check(&["for sales press one"], "for sales press one");
        check(&["for sales press two", "for sales press one", "four sales press one"], "for sales press one");
        check(&["人工服务请按0。", "人公服务请按0。", "人工服务请按0。"], "人工服务请按0。");
        check(
            &["订单查时请按1，人工服务请按0", "订单查询请按1，人工服务请按0", "订单查询请按1，人公服务请按0"],
            "订单查询请按1，人工服务请按0",
        );
        check(&["press 1 for help", "press 1 for the help", "press 1 for the help"], "press 1 for the help");
        check(&["uh welcome to us", "welcome to us", "welcome to us"], "welcome to us");
    }

    #[test]
    fn two_that_disagree_do_not_flicker() {
        for _ in 0..3 {
            check(&["for sales press one", "for sails press one"], "for sales press one");
        }
    }

    #[test]
    fn what_was_not_heard_is_not_said() {
        let whole = heard("for sales press one");
        assert_eq!(beginning(&whole, 2_000).text, "for sales");
        assert_eq!(beginning(&whole, 100).text, "");
        assert_eq!(beginning(&whole, 9_000).text, "for sales press one");
        assert_eq!(beginning(&heard("人工服务请按零"), 2_400).text, "人工服务");
    }

    #[test]
    fn most_hear_nothing_then_nothing_was_said() {
        let nothing = Transcript { pieces: Vec::new(), doubt: Some("no voice found".into()), ..heard("") };
        assert_eq!(merged(&[nothing.clone(), nothing.clone(), heard("you")]).unwrap().text, "");
        assert_eq!(merged(&[nothing, heard("hello"), heard("hello")]).unwrap().text, "hello");
    }
}
