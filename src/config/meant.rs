//! "Did you mean": the word of ours behind the word that was written.

/// Words people write for ours.
const MEANT: &[(&str, &str)] = &[
    ("timeout", "within"),
    ("number", "target"),
    ("phone", "target"),
    ("uri", "target"),
    ("url", "target"),
    ("name", "hotline"),
    ("lang", "languages"),
    ("language", "languages"),
    ("tz", "timezone"),
    ("time_zone", "timezone"),
    ("opening_hours", "hours"),
    ("country", "calendar"),
    ("holidays", "calendar"),
    ("script", "steps"),
    ("listen", "hear"),
    ("dtmf", "press"),
    ("dial", "press"),
    ("keys", "press"),
    ("key", "keys"),
    ("digits", "keys"),
    ("sleep", "wait"),
    ("pause", "wait"),
    ("play", "say"),
    ("speak", "say"),
    ("hangup", "hang_up"),
    ("hang-up", "hang_up"),
    ("bye", "hang_up"),
    ("agent", "human"),
    ("person", "human"),
    ("user", "username"),
    ("host", "server"),
    ("proxy", "server"),
    ("callerid", "caller_id"),
    ("from", "caller_id"),
    ("whitelist", "allow"),
    ("allowed", "allow"),
    ("allowlist", "allow"),
    ("chinese", "zh"),
    ("zh-cn", "zh"),
    ("cn", "zh"),
    ("中文", "zh"),
    ("english", "en"),
    ("en-us", "en"),
    ("英文", "en"),
    ("weekday", "workday"),
    ("weekdays", "workday"),
    ("workdays", "workday"),
    ("ok", "completed"),
    ("success", "completed"),
    ("pass", "completed"),
    ("human", "answered_human"),
    ("machine", "answered_machine"),
    ("noanswer", "no_answer"),
    ("continue", "go_on"),
];

/// The word that was probably meant.
pub(crate) fn closest<'w>(written: &str, words: &[&'w str]) -> Option<&'w str> {
    let plain = written.trim().trim_matches(['“', '”', '"', '\'']).to_lowercase().replace([' ', '-'], "_");
    let meant = MEANT
        .iter()
        .find(|(said, meant)| (*said == plain || *said == written.trim().to_lowercase()) && words.contains(meant));
    if let Some((_, meant)) = meant {
        return words.iter().find(|word| *word == meant).copied();
    }
    words
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&plain, &word.replace('-', "_")), *word))
        .filter(|(distance, word)| *distance <= (word.chars().count() / 3).max(1) && *distance < word.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}
