//! Steps on the command line: `hear "欢迎致电" 8s; choose 人工服务 30s; press 1; wait 2s; say hello.wav; human 60s; hang_up`.

use super::meant::closest;
use super::problem::Problem;
use super::span;
use super::steps::{self, CHOOSE_WITHIN, HEAR_WITHIN, HUMAN_WITHIN, Step, WORDS};
use crate::vocabulary::limits::CALL_MAX;
use std::time::Duration;

/// What problems of the command line are filed under.
const FILE: &str = "--do";

/// Reads the steps after `--do`, or every problem of them with its column.
pub fn parse_do(text: &str) -> Result<Vec<Step>, Vec<Problem>> {
    let mut reading = Reading { text, problems: Vec::new() };
    let mut steps = Vec::new();
    let mut begins = Vec::new();
    for statement in reading.statements() {
        let Some(first) = statement.first() else { continue };
        let at = first.at;
        if let Some(step) = reading.step(&statement) {
            steps.push(step);
            begins.push(at);
        }
    }
    if steps.is_empty() && reading.problems.is_empty() {
        reading.wrong(0, 1, "no steps", "write steps like: hear anything; press 1; hang_up");
    }
    for (index, what, write) in steps::check_run(&steps) {
        reading.wrong(begins[index], 1, &what, &write);
    }
    reading.problems.sort();
    if reading.problems.is_empty() { Ok(steps) } else { Err(reading.problems) }
}

struct Reading<'t> {
    text: &'t str,
    problems: Vec<Problem>,
}

#[derive(Clone, Debug)]
struct Word {
    /// In characters from the start.
    at: usize,
    width: usize,
    text: String,
    quoted: bool,
}

impl Reading<'_> {
    fn wrong(&mut self, at: usize, width: usize, what: &str, write: &str) {
        // Steps may be written on several lines; places are line and column all the same.
        let before: String = self.text.chars().take(at).collect();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let excerpt = self.text.lines().nth(line - 1).unwrap_or_default();
        self.problems.push(Problem::new(FILE, line, column, what, write).on(excerpt, width));
    }

    fn wrong_at(&mut self, word: &Word, what: &str, write: &str) {
        self.wrong(word.at, word.width, what, write);
    }

    fn statements(&mut self) -> Vec<Vec<Word>> {
        let chars: Vec<char> = self.text.chars().collect();
        let mut statements = vec![Vec::new()];
        let mut i = 0;
        while i < chars.len() {
            let c = chars[i];
            if c == ';' || c == '；' || c == '\n' {
                statements.push(Vec::new());
                i += 1;
            } else if c.is_whitespace() || c == ',' || c == '，' {
                i += 1;
            } else if let Some(closing) = closing_quote(c) {
                let (word, next) = self.quoted(&chars, i, closing);
                statements.last_mut().expect("never empty").push(word);
                i = next;
            } else {
                let end = (i..chars.len())
                    .find(|&j| chars[j].is_whitespace() || ";；,，".contains(chars[j]))
                    .unwrap_or(chars.len());
                let text = chars[i..end].iter().collect();
                statements.last_mut().expect("never empty").push(Word { at: i, width: end - i, text, quoted: false });
                i = end;
            }
        }
        statements
    }

    fn quoted(&mut self, chars: &[char], start: usize, closing: char) -> (Word, usize) {
        let mut text = String::new();
        let mut i = start + 1;
        while i < chars.len() && chars[i] != closing {
            if chars[i] == '\\' && chars.get(i + 1).is_some_and(|c| *c == closing || *c == '\\') {
                i += 1;
            }
            text.push(chars[i]);
            i += 1;
        }
        if i >= chars.len() {
            self.wrong(start, 1, "a quote is opened here and never closed", &format!("write {closing} at the end"));
        }
        let next = (i + 1).min(chars.len());
        (Word { at: start, width: next - start, text, quoted: true }, next)
    }

    fn step(&mut self, words: &[Word]) -> Option<Step> {
        let (name, rest) = words.split_first()?;
        let known = if name.quoted { None } else { WORDS.iter().find(|word| **word == name.text) };
        let Some(word) = known else {
            let joined = rest.first().map(|next| format!("{}_{}", name.text, next.text)).unwrap_or_default();
            let write = match closest(&joined, &WORDS).or_else(|| closest(&name.text, &WORDS)) {
                Some(near) => format!("write {near}"),
                None => format!("write one of {}", WORDS.join(", ")),
            };
            self.wrong_at(name, &format!("'{}' is no step", name.text), &write);
            return None;
        };
        match *word {
            "hear" => self.hear(name, rest),
            "choose" => {
                let (mut words, within) = self.within(name, rest, CHOOSE_WITHIN)?;
                // "choose 人工服务 on 0": where it has always been.
                let mut key = None;
                if let [first @ .., on, last] = words
                    && !first.is_empty()
                    && on.text == "on"
                    && !on.quoted
                    && let Some(symbol) = single_key(&last.text)
                {
                    key = Some(symbol);
                    words = first;
                }
                let Some(first) = words.first() else {
                    self.wrong_at(name, "choose has no option", "write the option's words, like choose 人工服务");
                    return None;
                };
                let option = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
                let option = self.words(first, &option, "choose")?;
                Some(Step::Choose { option, key, within })
            }
            "press" => self.press(name, rest),
            "wait" => {
                let (words, span) = self.within(name, rest, Duration::ZERO)?;
                if let Some(extra) = words.first() {
                    self.wrong_at(extra, "wait has only a length of time", "write it like wait 2s");
                    return None;
                }
                if span.is_zero() {
                    self.wrong_at(name, "wait has no length of time", "write one, like wait 2s");
                    return None;
                }
                Some(Step::Wait { span })
            }
            "say" => {
                let [file] = rest else {
                    self.wrong_at(name, "say has one file", "write it like say hello.wav");
                    return None;
                };
                if !file.text.to_lowercase().ends_with(".wav") {
                    self.wrong_at(file, &format!("'{}' is no WAV file", file.text), "write the name of a .wav file");
                    return None;
                }
                Some(Step::Say { file: file.text.clone() })
            }
            "human" => {
                let (words, within) = self.within(name, rest, HUMAN_WITHIN)?;
                if let Some(extra) = words.first() {
                    self.wrong_at(extra, "human has only a length of time", "write it like human 60s");
                    return None;
                }
                Some(Step::Human { within })
            }
            _ => {
                if let Some(extra) = rest.first() {
                    self.wrong_at(extra, "hang_up stands alone", "write ; before the next step");
                    return None;
                }
                Some(Step::HangUp)
            }
        }
    }

    /// `hear "a" or "b" 8s`, `hear 欢迎致电 8s`, `hear anything`.
    fn hear(&mut self, name: &Word, rest: &[Word]) -> Option<Step> {
        let (words, within) = self.within(name, rest, HEAR_WITHIN)?;
        let Some(first) = words.first() else {
            self.wrong_at(name, "hear has no words to listen for", "write hear \"…\", or hear anything");
            return None;
        };
        if let [only] = words
            && !only.quoted
            && only.text == "anything"
        {
            return Some(Step::Hear { texts: Vec::new(), anything: true, within });
        }
        let mut texts = Vec::new();
        if words.iter().any(|word| word.quoted) {
            for word in words.iter().filter(|word| word.quoted || word.text != "or") {
                if !word.quoted {
                    self.wrong_at(
                        word,
                        "this stands outside the quotes",
                        "write it inside them, or or between two texts",
                    );
                    return None;
                }
                texts.push(self.words(word, &word.text, "hear")?);
            }
        } else {
            let all = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
            texts.push(self.words(first, &all, "hear")?);
        }
        Some(Step::Hear { texts, anything: false, within })
    }

    fn press(&mut self, name: &Word, rest: &[Word]) -> Option<Step> {
        if rest.is_empty() {
            self.wrong_at(name, "press has no keys", "write them like press 1");
            return None;
        }
        let mut keys = Vec::new();
        let mut fine = true;
        for word in rest {
            match steps::read_keys(&word.text) {
                Ok(read) => keys.extend(read),
                Err(wrongs) => {
                    fine = false;
                    for ((offset, width), what, write) in wrongs {
                        self.wrong(word.at + offset + usize::from(word.quoted), width, &what, &write);
                    }
                }
            }
        }
        // Spread over several words it spells the same.
        let run: String = keys.iter().map(|key| key.symbol()).collect();
        if fine && let Err(wrongs) = steps::read_keys(&run) {
            for (_, what, write) in wrongs {
                self.wrong_at(&rest[0], &what, &write);
            }
            return None;
        }
        fine.then_some(Step::Press { keys })
    }

    fn words(&mut self, at: &Word, text: &str, step: &str) -> Option<String> {
        match steps::read_words(text, step) {
            Ok(words) => Some(words),
            Err((_, what, write)) => {
                self.wrong_at(at, &what, &write);
                None
            }
        }
    }

    /// Takes the length of time off the end.
    fn within<'w>(&mut self, name: &Word, words: &'w [Word], default: Duration) -> Option<(&'w [Word], Duration)> {
        let is_word = |word: &&Word| !word.quoted;
        let Some(last) = words.last().filter(is_word) else { return Some((words, default)) };
        let rest = &words[..words.len() - 1];
        let digits = |word: &Word| word.text.chars().all(|c| c.is_ascii_digit());
        // `8 s`: two words.
        if let Some(number) = rest.last().filter(is_word).filter(|word| digits(word))
            && last.text.chars().all(char::is_alphabetic)
            && let Err((_, write)) = span::parse(&format!("{} {}", number.text, last.text))
            && write.len() < "write a number".len() + 6
        {
            let written = format!("{} {}", number.text, last.text);
            let width = last.at + last.width - number.at;
            self.wrong(number.at, width, &format!("'{written}' is not a length of time"), &write);
            return None;
        }
        if !last.text.starts_with(|c: char| c.is_ascii_digit()) {
            return Some((words, default));
        }
        match span::parse(&last.text) {
            Ok(span) if span.is_zero() => {
                self.wrong_at(last, "the length of time is zero", "write one above zero, like 8s");
                None
            }
            Ok(span) if span > CALL_MAX => {
                let ceiling = span::show(CALL_MAX);
                let what = format!("{} is above the hard ceiling of {ceiling}", last.text);
                self.wrong_at(last, &what, &format!("write {ceiling} or less"));
                None
            }
            Ok(span) => Some((rest, span)),
            // A number or something near a length of time; words that merely begin with a digit stand in quotes.
            Err((what, write)) => {
                let quotes = if rest.is_empty() && name.text != "wait" && name.text != "human" {
                    format!("{write}, or quotes around words")
                } else {
                    write
                };
                self.wrong_at(last, &what, &quotes);
                None
            }
        }
    }
}

fn closing_quote(opening: char) -> Option<char> {
    Some(match opening {
        '"' => '"',
        '\'' => '\'',
        '“' => '”',
        '「' => '」',
        _ => return None,
    })
}

/// A word that is one key.
fn single_key(word: &str) -> Option<crate::vocabulary::Key> {
    let mut symbols = word.chars();
    symbols.next().and_then(crate::vocabulary::Key::new).filter(|_| symbols.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_and_shown_again() {
        for (text, shown) in [
            (
                "hear \"欢迎致电\" 8s; choose 人工服务 30s; press 1; wait 2s; say hello.wav; human 60s; hang_up",
                "hear \"欢迎致电\" 8s; choose \"人工服务\" 30s; press 1; wait 2s; say \"hello.wav\"; human 60s; hang_up",
            ),
            ("hear anything", "hear anything 15s"),
            ("hear “欢迎” 或者", "!"),
            ("hear \"a\" or \"b\" 5s", "hear \"a\" or \"b\" 5s"),
            ("choose accounts and billing", "choose \"accounts and billing\" 30s"),
            ("press 1 2 #;press \"*\"", "press 12#; press *"),
            ("hear welcome to\n press 1", "hear \"welcome to\" 15s; press 1"),
            ("hear \"say \\\"hi\\\"\" 250ms；hang_up", "hear \"say \\\"hi\\\"\" 250ms; hang_up"),
            (" ; human; ", "human 60s"),
        ] {
            match parse_do(text) {
                Ok(steps) => {
                    let again = steps.iter().map(Step::to_string).collect::<Vec<_>>().join("; ");
                    assert_eq!(again, shown, "{text}");
                    assert_eq!(parse_do(&again).ok(), Some(steps), "{again} is read as it is shown");
                }
                Err(problems) => assert_eq!(shown, "!", "{text}: {problems:?}"),
            }
        }
    }

    #[test]
    fn every_mistake_has_its_column() {
        for (text, complaints) in [
            ("", "1:1 no steps"),
            ("hear x 8 s; presss 1", "1:8 '8 s' is not a length of time|1:13 'presss' is no step"),
            ("hear x 8", "1:8 '8' is not a length of time"),
            ("press 1x", "1:8 'x' is not a key"),
            ("press 110", "1:7 the keys 110 spell an emergency number; nightbell never presses one"),
            (
                "press 1; wait 1s; press 1; press 0",
                "1:28 with the keys before it this step spells 110, an emergency number",
            ),
            ("press 1 1 0", "1:7 the keys 110 spell an emergency number; nightbell never presses one"),
            ("hear \"x", "1:6 a quote is opened here and never closed"),
            ("hang up", "1:1 'hang' is no step"),
            ("hang_up; press 1", "1:10 this step comes after hang_up and is never taken"),
            ("wait", "1:1 wait has no length of time"),
            ("wait 3h", "1:6 3h is above the hard ceiling of 30m"),
            ("say hello.mp3", "1:5 'hello.mp3' is no WAV file"),
            ("hear", "1:1 hear has no words to listen for"),
            ("choose 30s", "1:1 choose has no option"),
            ("press 1\nhaer x", "2:1 'haer' is no step"),
            ("hear \"...\"", "1:6 hear has no words to listen for"),
        ] {
            let problems = parse_do(text).err().unwrap_or_else(|| panic!("{text} was accepted"));
            let said: Vec<String> = problems.iter().map(|p| format!("{}:{} {}", p.line, p.column, p.what)).collect();
            assert_eq!(said.join("|"), complaints, "{text}");
        }
    }
}
