//! How alike two hearings are: Chinese by sound, Western words by spelling, numbers exactly.
//!
//! Recognition flickers from hearing to hearing by near-homophones and dropped small words. A menu that was changed
//! differs by words that do not sound alike, or by numbers.

use crate::understanding::plain::{Plain, is_han};
use crate::understanding::wanted::{is_small, word_distance};
use crate::vocabulary::pinyin;

/// From this cost on two tokens are different words, and not one word heard twice.
const FAR: f32 = 0.65;

/// What a text is compared by: a Chinese character, a Western word, a digit.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Han(char),
    Word(String),
    Digit(char),
}

/// The tokens of a text, once for many comparisons.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sounds {
    tokens: Vec<Token>,
}

impl Sounds {
    pub fn of(text: &str) -> Sounds {
        let mut tokens = Vec::new();
        let mut word = String::new();
        let plain = Plain::new(text);
        for &c in plain.chars.iter().chain(std::iter::once(&' ')) {
            if (c.is_alphanumeric() && !is_han(c) && !c.is_ascii_digit()) || (c == '\'' && !word.is_empty()) {
                word.push(c);
                continue;
            }
            if !word.is_empty() {
                tokens.push(western(std::mem::take(&mut word)));
            }
            if let Some(digit) = digit(c) {
                tokens.push(Token::Digit(digit));
            } else if is_han(c) {
                tokens.push(Token::Han(c));
            }
        }
        Sounds { tokens }
    }

    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The stretch of this text that `part` fits best, as it stands here.
    pub fn best_fit(&self, part: &Sounds) -> String {
        let (from, to) = self.place_of(part);
        written(&self.tokens[from..to].iter().collect::<Vec<_>>())
    }

    /// Where that stretch begins and ends, counted in sounds.
    pub fn place_of(&self, part: &Sounds) -> (usize, usize) {
        let (a, b) = (&part.tokens, &self.tokens);
        // Where each cheapest way into column j began.
        let mut row: Vec<(f32, usize)> = (0..=b.len()).map(|j| (0.0, j)).collect();
        for x in a {
            let mut diagonal = row[0];
            row[0].0 += gap(x);
            for (j, y) in b.iter().enumerate() {
                let changed = (diagonal.0 + cost(x, y), diagonal.1);
                diagonal = row[j + 1];
                let dropped = (diagonal.0 + gap(x), diagonal.1);
                let added = (row[j].0 + gap(y), row[j].1);
                row[j + 1] =
                    [changed, dropped, added].into_iter().min_by(|p, q| p.0.total_cmp(&q.0)).unwrap_or(changed);
            }
        }
        let best = (0..row.len()).min_by(|&p, &q| row[p].0.total_cmp(&row[q].0)).unwrap_or(0);
        (row[best].1.min(best), best)
    }

    /// The last sounds, at most so many.
    pub fn end(&self, most: usize) -> Sounds {
        Sounds { tokens: self.tokens[self.tokens.len().saturating_sub(most)..].to_vec() }
    }

    /// Enough to tell prompts apart by: a few words, and not "please".
    pub fn is_telling(&self) -> bool {
        let weight: usize = self
            .tokens
            .iter()
            .map(|t| match t {
                Token::Han(_) => 2,
                Token::Digit(_) => 1,
                Token::Word(word) if is_small(word) => 1,
                Token::Word(_) => 4,
            })
            .sum();
        weight >= 12
    }
}

fn western(word: String) -> Token {
    let digit = match word.as_str() {
        "zero" => '0',
        "one" | "won" => '1',
        "two" | "too" => '2',
        "three" => '3',
        "four" => '4',
        "five" => '5',
        "six" => '6',
        "seven" => '7',
        "eight" | "ate" => '8',
        "nine" => '9',
        _ => return Token::Word(word),
    };
    Token::Digit(digit)
}

fn digit(c: char) -> Option<char> {
    Some(match c {
        '0'..='9' => c,
        '零' | '〇' => '0',
        '一' | '幺' => '1',
        '二' | '两' => '2',
        '三' => '3',
        '四' => '4',
        '五' => '5',
        '六' => '6',
        '七' => '7',
        '八' => '8',
        '九' => '9',
        _ => return None,
    })
}

fn cost(a: &Token, b: &Token) -> f32 {
    match (a, b) {
        // One word, and which of them was said is a guess of the recogniser.
        (Token::Han('您' | '你'), Token::Han('您' | '你')) => 0.0,
        (Token::Han(a), Token::Han(b)) => pinyin::char_distance(*a, *b).min(1.0),
        (Token::Digit(a), Token::Digit(b)) => f32::from(u8::from(a != b)),
        (Token::Word(a), Token::Word(b)) => word_distance(a, b).min(1.0),
        // "to" for "two", "for" for "four", 铃 for 零.
        (Token::Digit(d), Token::Word(w)) | (Token::Word(w), Token::Digit(d)) => match (d, w.as_str()) {
            ('2', "to") | ('4', "for") | ('0', "oh" | "o") => 0.05,
            _ => 1.0,
        },
        (Token::Digit(d), Token::Han(c)) | (Token::Han(c), Token::Digit(d)) => {
            let distance = pinyin::char_distance(*d, *c).min(1.0);
            if distance <= 0.3 { distance.max(0.2) } else { 1.0 }
        }
        (Token::Han(_), Token::Word(_)) | (Token::Word(_), Token::Han(_)) => 1.0,
    }
}

/// What a token that only one side has costs: small words come and go.
fn gap(token: &Token) -> f32 {
    match token {
        Token::Word(word) if is_small(word) => 0.4,
        _ => 1.0,
    }
}

/// Where an alignment may leave tokens of the second text out for nothing.
#[derive(Clone, Copy, PartialEq)]
enum Free {
    Nowhere,
    AtEnd,
    AtBothEnds,
}

/// The least cost of laying `a` over `b`, and how much of `b` it is laid over.
fn align(a: &[Token], b: &[Token], free: Free) -> (f32, usize) {
    let mut row: Vec<f32> = Vec::with_capacity(b.len() + 1);
    row.push(0.0);
    for token in b {
        let before = row[row.len() - 1];
        row.push(if free == Free::AtBothEnds { 0.0 } else { before + gap(token) });
    }
    for x in a {
        let mut diagonal = row[0];
        row[0] += gap(x);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + cost(x, y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + gap(x)).min(row[j] + gap(y));
        }
    }
    let all = (row[b.len()], b.len());
    match free {
        Free::Nowhere => all,
        _ => row.into_iter().zip(0..).min_by(|p, q| p.0.total_cmp(&q.0)).unwrap_or(all),
    }
}

fn weight(tokens: &[Token]) -> f32 {
    tokens.iter().map(gap).sum()
}

/// 1 when they sound the same, 0 when they have nothing in common.
pub fn likeness(a: &Sounds, b: &Sounds) -> f32 {
    let most = weight(&a.tokens).max(weight(&b.tokens));
    if most == 0.0 {
        return 1.0;
    }
    (1.0 - align(&a.tokens, &b.tokens, Free::Nowhere).0 / most).max(0.0)
}

/// How many sounds at their ends are the same.
pub fn same_end(a: &Sounds, b: &Sounds) -> usize {
    a.tokens.iter().rev().zip(b.tokens.iter().rev()).take_while(|(a, b)| cost(a, b) < FAR).count()
}

/// How well `part` fits the beginning of `whole`.
pub fn begins(part: &Sounds, whole: &Sounds) -> f32 {
    fits(part, whole, Free::AtEnd)
}

/// Does `part` say another word somewhere than the beginning of `whole` does?
pub fn begins_otherwise(part: &Sounds, whole: &Sounds) -> bool {
    let (_, end) = align(&part.tokens, &whole.tokens, Free::AtEnd);
    !differences(&Sounds { tokens: whole.tokens[..end].to_vec() }, part).is_empty()
}

/// How well `part` fits somewhere into `whole`.
pub fn within(part: &Sounds, whole: &Sounds) -> f32 {
    fits(part, whole, Free::AtBothEnds)
}

fn fits(part: &Sounds, whole: &Sounds, free: Free) -> f32 {
    let most = weight(&part.tokens);
    if most == 0.0 {
        return 0.0;
    }
    (1.0 - align(&part.tokens, &whole.tokens, free).0 / most).max(0.0)
}

/// One stretch in which two texts say different things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub was: String,
    pub is: String,
}

/// Where `is` says something else than `was`, and not merely what a recogniser makes of the same words.
pub fn differences(was: &Sounds, is: &Sounds) -> Vec<Difference> {
    let (a, b) = (&was.tokens, &is.tokens);
    let width = b.len() + 1;
    let mut table = vec![0f32; (a.len() + 1) * width];
    for j in 0..b.len() {
        table[j + 1] = table[j] + gap(&b[j]);
    }
    for i in 0..a.len() {
        table[(i + 1) * width] = table[i * width] + gap(&a[i]);
        for j in 0..b.len() {
            let changed = table[i * width + j] + cost(&a[i], &b[j]);
            let dropped = table[i * width + j + 1] + gap(&a[i]);
            let added = table[(i + 1) * width + j] + gap(&b[j]);
            table[(i + 1) * width + j + 1] = changed.min(dropped).min(added);
        }
    }
    // Backwards along the cheapest way; what is far apart is gathered into stretches.
    let (mut i, mut j) = (a.len(), b.len());
    let mut steps: Vec<(Option<usize>, Option<usize>)> = Vec::new();
    while i > 0 || j > 0 {
        let here = table[i * width + j];
        let near = |x: f32| (here - x).abs() < 1e-4;
        if i > 0 && j > 0 && near(table[(i - 1) * width + j - 1] + cost(&a[i - 1], &b[j - 1])) {
            steps.push((Some(i - 1), Some(j - 1)));
            (i, j) = (i - 1, j - 1);
        } else if i > 0 && near(table[(i - 1) * width + j] + gap(&a[i - 1])) {
            steps.push((Some(i - 1), None));
            i -= 1;
        } else {
            steps.push((None, Some(j - 1)));
            j -= 1;
        }
    }
    steps.reverse();
    let mut found: Vec<(Vec<&Token>, Vec<&Token>)> = Vec::new();
    let mut open = false;
    for (x, y) in steps {
        let alike = matches!((x, y), (Some(x), Some(y)) if cost(&a[x], &b[y]) < FAR);
        if alike {
            open = false;
            continue;
        }
        if !open {
            found.push((Vec::new(), Vec::new()));
            open = true;
        }
        if let Some((was, is)) = found.last_mut() {
            was.extend(x.map(|x| &a[x]));
            is.extend(y.map(|y| &b[y]));
        }
    }
    found
        .into_iter()
        .filter(|(was, is)| was.iter().chain(is).any(|t| !matches!(t, Token::Word(w) if is_small(w))))
        .map(|(was, is)| Difference { was: written(&was), is: written(&is) })
        .collect()
}

fn written(tokens: &[&Token]) -> String {
    let mut text = String::new();
    for token in tokens {
        match token {
            Token::Han(c) | Token::Digit(c) => text.push(*c),
            Token::Word(word) => {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(word);
            }
        }
    }
    text
}

/// Do these say something else, at some place, with more than a word's worth? Numbers always count.
pub fn say_otherwise(a: &Sounds, b: &Sounds) -> bool {
    differences(a, b).iter().any(|d| {
        let (was, is) = (Sounds::of(&d.was), Sounds::of(&d.is));
        let size = was.len().max(is.len());
        let both = || was.tokens.iter().chain(&is.tokens);
        let least = if both().any(|t| matches!(t, Token::Han(_))) { 2 } else { 1 };
        size >= least || both().any(|t| matches!(t, Token::Digit(_)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sounds(text: &str) -> Sounds {
        Sounds::of(text)
    }

    #[test]
    fn one_prompt_garbled_stays_alike_and_another_does_not() {
        for (a, b) in [
            ("查订单请按1，报修请按2，转人工服务请按0。", "查訂單請案一报修請案二轉人工服務請案零"),
            ("For sales, press two. For claims, press four.", "for sales press to for claims press for"),
            ("All of our representatives are busy.", "all of our representative are busy"),
        ] {
            let (a, b) = (sounds(a), sounds(b));
            assert!(likeness(&a, &b) > 0.9, "{}", likeness(&a, &b));
            assert!(!say_otherwise(&a, &b));
        }
        for (a, b) in [
            ("您的订单已经发货，预计明天送达。", "您的报修已经登记，谢谢。"),
            ("You have reached billing. Goodbye.", "You have reached shipping. Goodbye."),
            ("工作时间九点到六点", "工作时间九点到五点"),
        ] {
            assert!(say_otherwise(&sounds(a), &sounds(b)), "{a} / {b}");
        }
    }

    #[test]
    fn a_beginning_fits_its_own_prompt() {
        let whole = sounds("欢迎致电家电服务热线。查订单请按1，报修请按2。");
        assert!(begins(&sounds("歡迎致电家电服务热线"), &whole) > 0.95);
        assert!(begins(&sounds("报修请按2"), &whole) < 0.5);
        assert!(within(&sounds("报修请按2"), &whole) > 0.95);
        assert!(!begins_otherwise(&sounds("歡迎致电家电服务热线查訂單"), &whole));
        assert!(begins_otherwise(&sounds("欢迎致电家居服务热线"), &whole));
    }

    #[test]
    fn differences_are_named_in_the_words_of_both() {
        let difference = |was: &str, is: &str| {
            let was = sounds(was);
            differences(&was, &sounds(is)).into_iter().map(|d| (d.was, d.is)).collect::<Vec<_>>()
        };
        assert_eq!(difference("咨询请按1，投诉请按2", "咨询请按1，投诉请按2"), []);
        assert_eq!(difference("服务到二月四日", "服务到三月四日"), [("2".to_string(), "3".to_string())]);
        assert_eq!(
            difference("We are open on Monday.", "We are open on Friday."),
            [("monday".to_string(), "friday".to_string())]
        );
    }
}
