//! Calls as a JUnit file, as CI servers read it: a suite per hotline, a case per probe.
//!
//! A hotline that fell short is a `failure`, what we could not judge an `error`; the timeline stands in `system-out`.

use super::call::CallRecord;
use crate::vocabulary::Verdict;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A probe that was to be run.
pub enum Case {
    /// It was called; the timeline as it is drawn.
    Called(Box<CallRecord>, String),
    /// It was not called, and why: an error, for a CI server must not take it for well.
    NotMade { hotline: String, probe: String, why: String },
}

impl Case {
    fn suite(&self) -> &str {
        match self {
            Case::Called(call, _) => call.hotline.as_deref().unwrap_or(&call.target),
            Case::NotMade { hotline, .. } => hotline,
        }
    }

    fn verdict(&self) -> Verdict {
        match self {
            Case::Called(call, _) => call.verdict,
            Case::NotMade { .. } => Verdict::Inconclusive,
        }
    }

    fn seconds(&self) -> f64 {
        match self {
            Case::Called(call, _) => call.times.duration_s.unwrap_or(0.0),
            Case::NotMade { .. } => 0.0,
        }
    }

    fn started(&self) -> Option<&str> {
        match self {
            Case::Called(call, _) => Some(&call.started),
            Case::NotMade { .. } => None,
        }
    }
}

/// The XML for these probes.
pub fn write(cases: &[Case]) -> String {
    let mut suites: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        suites.entry(case.suite()).or_default().push(case);
    }
    let all: Vec<&Case> = cases.iter().collect();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites name=\"nightbell\" {}>", counts(&all));
    for (name, cases) in suites {
        let started = cases.iter().filter_map(|case| case.started()).min();
        let timestamp = started.map_or(String::new(), |at| format!(" timestamp=\"{}\"", escape(at)));
        let _ = writeln!(xml, "  <testsuite name=\"{}\" {}{timestamp}>", escape(name), counts(&cases));
        cases.iter().for_each(|one| case(&mut xml, one));
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn counts(cases: &[&Case]) -> String {
    let count = |verdict| cases.iter().filter(|case| case.verdict() == verdict).count();
    let time: f64 = cases.iter().map(|case| case.seconds()).sum();
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{time:.3}\"",
        cases.len(),
        count(Verdict::Fail),
        count(Verdict::Inconclusive)
    )
}

fn case(xml: &mut String, case: &Case) {
    let (name, class) = match case {
        Case::Called(call, _) => {
            (call.probe.as_deref().unwrap_or(&call.target), call.hotline.as_deref().unwrap_or("call"))
        }
        Case::NotMade { hotline, probe, .. } => (probe.as_str(), hotline.as_str()),
    };
    let (name, class, time) = (escape(name), escape(class), case.seconds());
    let _ = writeln!(xml, "    <testcase name=\"{name}\" classname=\"{class}\" time=\"{time:.3}\">");
    match case {
        Case::Called(call, timeline) => called(xml, call, timeline),
        Case::NotMade { why, .. } => {
            let _ = writeln!(xml, "      <error message=\"{}\" type=\"not_made\"></error>", escape(why));
        }
    }
    xml.push_str("    </testcase>\n");
}

fn called(xml: &mut String, call: &CallRecord, timeline: &str) {
    let element = match call.verdict {
        Verdict::Pass => None,
        Verdict::Fail => Some("failure"),
        Verdict::Inconclusive => Some("error"),
    };
    if let Some(element) = element {
        let (message, kind) = (escape(&call.because), call.outcome.word());
        let _ = write!(xml, "      <{element} message=\"{message}\" type=\"{kind}\">");
        let findings: Vec<String> = call.findings.iter().map(|f| format!("{}: {}", f.kind, f.detail)).collect();
        let _ = writeln!(xml, "{}</{element}>", escape(&findings.join("\n")));
    }
    if !timeline.is_empty() {
        let _ = writeln!(xml, "      <system-out>{}</system-out>", escape(timeline));
    }
}

/// XML 1.0 §2.2 knows no control characters but tab and line ends, not even escaped.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
