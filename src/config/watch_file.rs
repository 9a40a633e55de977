//! Reads `_watch.yaml`.

use super::node::Node;
use super::reader::{Reader, present};
use super::watch::{KillSwitch, Watch};

const KEYS: [&str; 1] = ["kill_switch"];

pub(super) fn read(reader: &Reader) -> Option<Watch> {
    let root = &reader.document.root;
    if root.is_null() {
        return Some(Watch::default());
    }
    let fields = reader.fields(root, "the file of the watch", &KEYS)?;
    let get = |key: &str| present(fields.get(key));
    let kill_switch = get("kill_switch").map_or(Some(KillSwitch::default()), |node| kill_switch(reader, node));
    Some(Watch { kill_switch: kill_switch?, ..Watch::default() })
}

/// `kill_switch: { on: false, file: /etc/nightbell/stop }`
fn kill_switch(reader: &Reader, node: &Node) -> Option<KillSwitch> {
    let fields = reader.fields(node, "kill_switch", &["on", "file"])?;
    let on = present(fields.get("on")).map_or(Some(false), |node| reader.truth(node, "on"));
    let file = match present(fields.get("file")) {
        None => Some(None),
        Some(node) => reader.text(node, "file").map(Some),
    };
    Some(KillSwitch { on: on?, file: file? })
}
