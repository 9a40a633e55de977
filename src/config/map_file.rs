//! Reads which saved maps a hotline's menus should agree with: `map`.

use super::expect_file;
use super::hotline::{ExpectedMap, When};
use super::hotline_file::Around;
use super::node::{Kind, Node};
use super::reader::{Reader, present};
use super::step_file::beside;
use crate::vocabulary::limits;

/// `map: maps/order-line.yaml`, or a list of `{ file: maps/night.yaml, when: { times: ["18:00-09:00"] } }`.
pub(super) fn read(reader: &Reader, node: &Node, around: &Around) -> Option<Vec<ExpectedMap>> {
    let Kind::List(_) = &node.kind else {
        return Some(vec![one(reader, node, around)?]);
    };
    let items = reader.items(node, "map", "{ file: maps/night.yaml, when: { times: [\"18:00-09:00\"] } }")?;
    if let Some(beyond) = items.get(limits::CASES_MAX) {
        let what = format!("{} maps; the hard ceiling is {}", items.len(), limits::CASES_MAX);
        reader.complain(beyond, what, "write fewer");
        return None;
    }
    let maps: Vec<Option<ExpectedMap>> = items.iter().map(|item| one(reader, item, around)).collect();
    for (index, map) in maps.iter().enumerate() {
        let always = map.as_ref().is_some_and(|map| map.when == When::default());
        if let Some(next) = items.get(index + 1).filter(|_| always) {
            let what = "this map is never asked: the one before it has no when and holds always";
            reader.complain(next, what, "write the map without when last");
            return None;
        }
    }
    maps.into_iter().collect()
}

fn one(reader: &Reader, node: &Node, around: &Around) -> Option<ExpectedMap> {
    let (file, when) = match &node.kind {
        Kind::Map(_) => {
            let fields = reader.fields(node, "map", &["file", "when"])?;
            let file = reader.required(&fields, "map", "file", "maps/night.yaml")?;
            let when = |node: &Node| expect_file::when(reader, node, around.calendars);
            (file, present(fields.get("when")).map_or(Some(When::default()), when))
        }
        _ => (node, Some(When::default())),
    };
    let name = reader.text(file, "map")?;
    let path = beside(reader.source.file, &name);
    if !(around.exists)(&path) {
        let write = format!("let nightbell map make it, with --save {path}, or write the name of a map that is there");
        reader.complain(file, format!("there is no file {path}"), write);
        return None;
    }
    Some(ExpectedMap { file: path, when: when? })
}
