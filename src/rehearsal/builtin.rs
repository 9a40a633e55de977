//! The pretend hotlines that come with the program: `fixtures/hotlines`, so that `nightbell rehearse` works anywhere.

use super::Hotline;
use super::library::read_list;
use super::reading;
use crate::config::Problem;
use std::collections::BTreeMap;

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$((concat!("fixtures/hotlines/", $name), include_str!(concat!("../../fixtures/hotlines/", $name)))),+]
    };
}

/// Path in the project and text, sorted by path.
pub const FILES: &[(&str, &str)] = files![
    "answers-and-drops.yaml",
    "busy-notice-zh.yaml",
    "busy-tone-cn.yaml",
    "busy-tone-us.yaml",
    "busy.yaml",
    "by-time-en.yaml",
    "closed-zh.yaml",
    "colour-ringback-zh.yaml",
    "congestion-uk.yaml",
    "dead-end-zh.yaml",
    "deflection-en.yaml",
    "deflection-zh.yaml",
    "early-announcement-503.yaml",
    "early-then-answer-en.yaml",
    "endless-queue-en.yaml",
    "entry-en.yaml",
    "fax.yaml",
    "government-zh.yaml",
    "hang-up-en.yaml",
    "healthy-en.yaml",
    "healthy-zh.yaml",
    "hospital-zh.yaml",
    "inband-en.yaml",
    "key-after-pause-zh.yaml",
    "key-cut-off-zh.yaml",
    "key-ignored-en.yaml",
    "key-rejected-en.yaml",
    "key-rejected-zh.yaml",
    "languages.yaml",
    "levels-zh.yaml",
    "loop-en.yaml",
    "loop-zh.yaml",
    "lossy-en.yaml",
    "lossy-zh.yaml",
    "mailbox-full-en.yaml",
    "mailbox-full-zh.yaml",
    "no-human-en.yaml",
    "no-human-zh.yaml",
    "no-response.yaml",
    "noisy-en.yaml",
    "number-changed-zh.yaml",
    "one-way-missing.yaml",
    "one-way-silent.yaml",
    "option-moved-zh.yaml",
    "ping-pong-en.yaml",
    "queue-drop-en.yaml",
    "queue-en.yaml",
    "queue-zh.yaml",
    "refuses-403.yaml",
    "refuses-404.yaml",
    "refuses-408.yaml",
    "refuses-410.yaml",
    "refuses-480.yaml",
    "refuses-484.yaml",
    "refuses-486.yaml",
    "refuses-488.yaml",
    "refuses-500.yaml",
    "refuses-503.yaml",
    "refuses-600.yaml",
    "refuses-603.yaml",
    "silence-after-key-en.yaml",
    "silent-line.yaml",
    "slow-en.yaml",
    "spring-festival-zh.yaml",
    "stale-en.yaml",
    "stale-zh.yaml",
    "switch-en.yaml",
    "switched-off-zh.yaml",
    "transfer-to-nobody-en.yaml",
    "transfer-to-nobody-zh.yaml",
    "unanswered.yaml",
    "upgrade-notice-zh.yaml",
    "vacant-en.yaml",
    "vacant-zh.yaml",
    "voicemail-en.yaml",
    "voicemail-zh.yaml",
];

/// What each recording of the two lists in `fixtures/prompts` says.
pub fn texts() -> BTreeMap<String, String> {
    let lists =
        [("en", include_str!("../../fixtures/prompts/en.tsv")), ("zh", include_str!("../../fixtures/prompts/zh.tsv"))];
    let mut texts = BTreeMap::new();
    for (folder, list) in lists {
        let list = read_list(list).expect("the lists are checked by a test");
        texts.extend(list.into_iter().map(|(name, says)| (format!("{folder}/{name}"), says)));
    }
    texts
}

/// All of them, by number.
pub fn hotlines() -> Result<Vec<Hotline>, Vec<Problem>> {
    let texts = texts();
    let (mut hotlines, mut problems) = (Vec::new(), Vec::new());
    for (file, text) in FILES {
        match reading::read(file, text.as_bytes(), &texts) {
            Ok(hotline) => hotlines.push(hotline),
            Err(found) => problems.extend(found),
        }
    }
    hotlines.sort_by(|a, b| a.number.cmp(&b.number));
    if problems.is_empty() { Ok(hotlines) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_prompts_can_be_read() {
        let texts = texts();
        assert!(texts["en/hello"].contains("Hello"));
        assert!(texts["zh/main-menu"].contains("人工服务"));
    }

    #[test]
    fn every_hotline_that_comes_with_the_program_can_be_read() {
        let hotlines = hotlines().unwrap_or_else(|problems| {
            panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        assert!(hotlines.len() >= 24, "{}", hotlines.len());
        assert_eq!(reading::clashes(&hotlines), Vec::<String>::new());
        for hotline in &hotlines {
            assert_eq!(hotline.file, format!("fixtures/hotlines/{}.yaml", hotline.name));
            assert!(!hotline.expect.is_empty(), "{} does not say what is expected", hotline.name);
        }
    }

    #[test]
    fn no_hotline_of_the_folder_is_left_out() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/hotlines");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .flatten()
            .map(|entry| format!("fixtures/hotlines/{}", entry.file_name().to_string_lossy()))
            .filter(|path| path.ends_with(".yaml"))
            .collect();
        there.sort();
        assert_eq!(FILES.iter().map(|(path, _)| path.to_string()).collect::<Vec<_>>(), there);
    }
}
