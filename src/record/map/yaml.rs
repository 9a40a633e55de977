//! A map for version control: the same on two days on which the hotline was the same. What a night cost, and seconds that
//! are measured anew each time, are left out.

use crate::understanding::tree::Map;
use serde_yaml::Value;

/// Keys of the map that change from night to night.
const FLEETING: &[&str] =
    &["calls", "confirming_calls", "keys_pressed", "seconds", "line_seconds", "plain_walk_seconds", "seconds_to_human"];

pub fn write(map: &Map) -> String {
    let mut value = serde_yaml::to_value(map).expect("a map is plain data");
    if let Value::Mapping(fields) = &mut value {
        for key in FLEETING {
            fields.shift_remove(*key);
        }
    }
    let text = serde_yaml::to_string(&value).expect("a map is plain data");
    format!(
        "# The menus of a hotline as nightbell found them; `nightbell map --diff` says what has changed since.\n{text}"
    )
}
