//! Calls as a JUnit file, as CI servers read it: a suite per hotline, a case per probe.
//!
//! A hotline that fell short is a `failure`, what we could not judge an `error`; the timeline stands in `system-out`.

use super::call::CallRecord;
use crate::vocabulary::Verdict;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The XML for these calls and their timelines.
pub fn write(calls: &[(CallRecord, String)]) -> String {
    let mut suites: BTreeMap<&str, Vec<&(CallRecord, String)>> = BTreeMap::new();
    for call in calls {
        suites.entry(call.0.hotline.as_deref().unwrap_or(&call.0.target)).or_default().push(call);
    }
    let all: Vec<&(CallRecord, String)> = calls.iter().collect();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites name=\"nightbell\" {}>", counts(&all));
    for (name, calls) in suites {
        let started = calls.iter().map(|(call, _)| call.started.as_str()).min().unwrap_or_default();
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" {} timestamp=\"{}\">",
            escape(name),
            counts(&calls),
            escape(started)
        );
        for (call, timeline) in calls {
            case(&mut xml, call, timeline);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn counts(calls: &[&(CallRecord, String)]) -> String {
    let count = |verdict| calls.iter().filter(|(call, _)| call.verdict == verdict).count();
    let time: f64 = calls.iter().filter_map(|(call, _)| call.times.duration_s).sum();
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{time:.3}\"",
        calls.len(),
        count(Verdict::Fail),
        count(Verdict::Inconclusive)
    )
}

fn case(xml: &mut String, call: &CallRecord, timeline: &str) {
    let name = call.probe.as_deref().unwrap_or(&call.target);
    let class = call.hotline.as_deref().unwrap_or("call");
    let time = call.times.duration_s.unwrap_or(0.0);
    let _ =
        writeln!(xml, "    <testcase name=\"{}\" classname=\"{}\" time=\"{time:.3}\">", escape(name), escape(class));
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
    xml.push_str("    </testcase>\n");
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
