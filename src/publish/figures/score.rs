//! A mark of 0 to 5 for one hotline, by a rule that is printed beside it: five questions, a point each, half a point in
//! between. What was not asked does not count; without enough calls there is no mark.

use super::Section;
use super::menu::Menu;
use serde::Serialize;

/// With fewer judged calls there is no mark.
pub const CALLS_MIN: u64 = 20;
/// Below this mark a review sheet is made.
pub const REVIEWED_BELOW: f64 = 3.0;
/// A hotline that is reached less often than this has no more than `CAPPED` points.
pub const CAP_BELOW: f64 = 0.80;
pub const CAPPED: f64 = 2.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Availability.
    Reachable,
    /// Answered within 15 s.
    Quick,
    /// A person within 60 s, of those calls that sought one.
    Person,
    /// No prompt out of date.
    UpToDate,
    /// No dead end.
    NoDeadEnd,
}

/// For a whole point, and for half of one.
pub const REACHABLE: (f64, f64) = (0.99, 0.95);
pub const QUICK: (f64, f64) = (0.95, 0.80);
pub const QUICK_S: f64 = 15.0;
pub const PERSON: (f64, f64) = (0.80, 0.50);
pub const PERSON_S: f64 = 60.0;
/// Share of calls without a dead end.
pub const NO_DEAD_END: (f64, f64) = (1.0, 0.98);

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    pub question: Question,
    /// The figure it rests on; of `up_to_date`, how many prompts are stale now.
    pub figure: Option<f64>,
    /// `None`: it could not be asked.
    pub points: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Score {
    /// 0 to 5, to one decimal.
    pub mark: Option<f64>,
    pub capped: bool,
    pub review: bool,
    pub answers: Vec<Answer>,
}

fn points(figure: Option<f64>, (whole, half): (f64, f64)) -> Option<f64> {
    figure.map(|figure| {
        if figure >= whole {
            1.0
        } else if figure >= half {
            0.5
        } else {
            0.0
        }
    })
}

pub(super) fn score(section: &Section, menu: &Menu, heard: u64, dead: u64) -> Score {
    let available = section.availability.share;
    let person = section.person.as_ref().and_then(|person| person.within_60_s.as_ref()).map(|within| within.share);
    let now = menu.stale.iter().filter(|stale| !stale.gone && stale.score >= FAILING).count();
    let ever = menu.stale.iter().filter(|stale| stale.score >= FAILING).count();
    let alive = (heard > 0).then(|| 1.0 - dead as f64 / heard as f64);
    let answers = vec![
        Answer { question: Question::Reachable, figure: available, points: points(available, REACHABLE) },
        Answer {
            question: Question::Quick,
            figure: section.answered_quickly.share,
            points: points(section.answered_quickly.share, QUICK),
        },
        Answer { question: Question::Person, figure: person, points: points(person, PERSON) },
        Answer {
            question: Question::UpToDate,
            figure: (heard > 0).then_some(now as f64),
            points: (heard > 0).then_some(match (now, ever) {
                (0, 0) => 1.0,
                (0, _) => 0.5,
                _ => 0.0,
            }),
        },
        Answer { question: Question::NoDeadEnd, figure: alive, points: points(alive, NO_DEAD_END) },
    ];
    let asked: Vec<f64> = answers.iter().filter_map(|answer| answer.points).collect();
    if section.availability.calls < CALLS_MIN || asked.is_empty() {
        return Score { answers, ..Score::default() };
    }
    let mark = 5.0 * asked.iter().sum::<f64>() / asked.len() as f64;
    let capped = available.is_some_and(|share| share < CAP_BELOW) && mark > CAPPED;
    let mark = if capped { CAPPED } else { (mark * 10.0).round() / 10.0 };
    Score { mark: Some(mark), capped, review: mark < REVIEWED_BELOW, answers }
}

/// From this score on a finding fails a call (`understanding::judge`).
const FAILING: u8 = crate::understanding::judge::FAILING_SCORE;
