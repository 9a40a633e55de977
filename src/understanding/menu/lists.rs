//! The word lists of `data/menu_words.txt`, by name.

use std::sync::OnceLock;

macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        pub(crate) struct Lists { $($(#[$doc])* pub $name: Vec<&'static str>),+ }

        impl Lists {
            fn read(text: &'static str) -> Lists {
                let mut lists = Lists { $($name: Vec::new()),+ };
                for line in text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
                    let (name, words) = line.split_once(": ").expect("data/menu_words.txt: name, colon, words");
                    let list = match name {
                        $(stringify!($name) => &mut lists.$name,)+
                        _ => panic!("data/menu_words.txt: no list is called {name}"),
                    };
                    list.extend(words.split('|'));
                }
                lists
            }
        }
    };
}

lists!(
    zh_fillers,
    zh_greetings,
    zh_houses,
    zh_ends,
    zh_conditions,
    zh_begins,
    conjunctions,
    introducers,
    western_greetings,
    western_openers,
    western_finite,
    western_turns,
    western_governs,
    western_predicates,
    western_adjuncts,
    western_leads,
    zh_leading,
    zh_kept,
    zh_trailing,
    zh_trailing_kept,
    zh_turns,
    zh_turns_kept,
    western_leading,
    western_press,
    foreign_press,
    western_between,
    western_before,
    western_after,
    western_waits,
    zh_between,
    zh_before_verb,
    zh_before_please,
    zh_no_key,
    zh_digit_words,
    zh_waits,
    languages,
);

pub(crate) fn lists() -> &'static Lists {
    static LISTS: OnceLock<Lists> = OnceLock::new();
    LISTS.get_or_init(|| Lists::read(include_str!("../data/menu_words.txt")))
}
