//! The webhook of Alertmanager (payload version 4).

use super::app::Incident;
use crate::record::tape::sha256_hex;
use crate::vocabulary::limits;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Payload {
    version: String,
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    status: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    starts_at: DateTime<Utc>,
    #[serde(default)]
    ends_at: Option<DateTime<Utc>>,
    #[serde(default)]
    fingerprint: Option<String>,
}

/// The alerts of a webhook's body, or a sentence that says why it is none.
pub fn read(body: &[u8]) -> Result<Vec<Incident>, String> {
    let payload: Payload =
        serde_json::from_slice(body).map_err(|e| format!("this is no webhook of Alertmanager's: {e}"))?;
    if payload.version != "4" {
        return Err(format!("a webhook of version {:?}; version 4 is understood", payload.version));
    }
    if payload.alerts.len() > limits::WEB_ALERTS_MAX {
        let (count, most) = (payload.alerts.len(), limits::WEB_ALERTS_MAX);
        return Err(format!("{count} alerts in one webhook; the ceiling is {most}: set max_alerts in Alertmanager"));
    }
    payload.alerts.into_iter().map(incident).collect()
}

fn incident(alert: Alert) -> Result<Incident, String> {
    let firing = match alert.status.as_str() {
        "firing" => true,
        "resolved" => false,
        other => return Err(format!("an alert that is {other:?}; alerts are firing or resolved")),
    };
    let labelled: Vec<String> = alert.labels.iter().map(|(name, value)| format!("{name}\u{1}{value}")).collect();
    Ok(Incident {
        firing,
        name: alert.labels.get("alertname").cloned().unwrap_or_default(),
        // Older Alertmanagers send none; the labels are what names an alert. It becomes part of a plan's name, in the ledger
        // and in lines of the log: what is no plain word is none.
        fingerprint: alert
            .fingerprint
            .filter(|fingerprint| is_plain(fingerprint))
            .unwrap_or_else(|| sha256_hex(labelled.join("\u{2}").as_bytes())[..16].to_string()),
        labels: alert.labels,
        annotations: alert.annotations,
        starts_at: alert.starts_at,
        // An end that is not known is Go's zero time.
        ends_at: alert.ends_at.filter(|at| at.timestamp() > 0),
    })
}

/// Alertmanager's own are sixteen hexadecimal digits.
fn is_plain(fingerprint: &str) -> bool {
    (1..=64).contains(&fingerprint.len())
        && fingerprint.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Alertmanager 0.25 sends it.
    const SENT: &str = r#"{"receiver":"nightbell","status":"firing","alerts":[
        {"status":"firing","labels":{"alertname":"CheckoutDown","hotline":"order-line"},"annotations":{"summary":"down"},
         "startsAt":"2026-11-21T02:13:07.123Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p","fingerprint":"c0ffee"},
        {"status":"resolved","labels":{"alertname":"Old"},"annotations":{},
         "startsAt":"2026-11-21T10:13:07+08:00","endsAt":"2026-11-21T02:20:00Z","generatorURL":"","fingerprint":""}],
        "groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://a","version":"4","groupKey":"{}:{}",
        "truncatedAlerts":0}"#;

    #[test]
    fn alerts_are_read_as_alertmanager_sends_them() {
        let read = read(SENT.as_bytes()).unwrap();
        assert_eq!(read.len(), 2);
        assert!(read[0].firing && read[0].ends_at.is_none() && read[0].name == "CheckoutDown", "{:?}", read[0]);
        assert_eq!(read[0].fingerprint, "c0ffee");
        assert!(!read[1].firing && read[1].ends_at.is_some(), "{:?}", read[1]);
        assert_eq!(read[1].starts_at.to_rfc3339(), "2026-11-21T02:13:07+00:00");
        assert_eq!(read[1].fingerprint.len(), 16);
    }

    #[test]
    fn a_fingerprint_that_is_no_plain_word_is_not_taken() {
        for (sent, taken) in [
            ("c0ffee", true),
            ("a-b_c.1", true),
            ("", false),
            ("two words", false),
            (r"a\nb", false),
            ("../../x", false),
            (&"f".repeat(65), false),
        ] {
            let body = SENT.replacen("c0ffee", sent, 1);
            let read = read(body.as_bytes()).unwrap();
            assert_eq!(read[0].fingerprint == sent, taken, "{sent:?}: {:?}", read[0].fingerprint);
            assert!(is_plain(&read[0].fingerprint), "{sent:?}");
        }
    }

    #[test]
    fn what_is_no_webhook_is_refused_with_a_sentence() {
        for (body, says) in [
            ("", "no webhook"),
            ("[]", "no webhook"),
            (r#"{"version":"5","alerts":[]}"#, "version 4 is understood"),
            (
                r#"{"version":"4","alerts":[{"status":"maybe","startsAt":"2026-11-21T02:13:07Z"}]}"#,
                "firing or resolved",
            ),
            (r#"{"version":"4","alerts":[{"status":"firing","startsAt":"yesterday"}]}"#, "no webhook"),
        ] {
            let said = read(body.as_bytes()).unwrap_err();
            assert!(said.contains(says), "{body}: {said}");
        }
    }
}
