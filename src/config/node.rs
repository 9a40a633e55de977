//! A YAML file as a tree in which every value knows its place.
//!
//! `serde_yaml` reads the text; its values carry no places, but its *errors* do. So every value gets its number in
//! reading order, and the place of value 17 is asked for by reading again and failing at value 17. A reading of a probe
//! file takes some 50 µs and only what is complained about is asked for: exact places, one YAML reader, no `unsafe`.

use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;

/// A file with more values than this is refused: nobody writes one, and aliases could grow it without end.
const VALUES_MAX: u32 = 100_000;

/// One value of the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Its number in reading order.
    pub id: u32,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Truth(bool),
    /// Whole numbers and fractions; `Document::raw` has them as written.
    Number(f64),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file, double keys included.
    Map(Vec<(Node, Node)>),
    /// `!something`.
    Tagged(String),
}

impl Node {
    /// What stands here, in words for a complaint.
    pub fn sort(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Truth(_) => "true or false",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a group of keys",
            Kind::Tagged(_) => "a YAML tag",
        }
    }

    pub fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }
}

/// Line and column, from 1, in characters.
pub(crate) type Place = (usize, usize);

/// A file that was read, and the way back to its places.
pub(crate) struct Document<'t> {
    text: &'t str,
    pub root: Node,
    places: RefCell<BTreeMap<u32, Place>>,
}

/// The file is no YAML.
pub(crate) struct Unreadable {
    pub place: Place,
    /// In the words of the YAML reader.
    pub message: String,
}

impl<'t> Document<'t> {
    pub fn read(text: &'t str) -> Result<Document<'t>, Unreadable> {
        match read(text, None) {
            Ok(root) => Ok(Document { text, root, places: RefCell::default() }),
            Err(error) => {
                let place = error.location().map_or((1, 1), |at| (at.line(), at.column()));
                Err(Unreadable { place, message: error.to_string() })
            }
        }
    }

    /// Where a value begins.
    pub fn place(&self, node: &Node) -> Place {
        if let Some(&place) = self.places.borrow().get(&node.id) {
            return place;
        }
        let place = match read(self.text, Some(node.id)) {
            Err(error) => error.location().map_or((1, 1), |at| (at.line(), at.column())),
            Ok(_) => (1, 1),
        };
        self.places.borrow_mut().insert(node.id, place);
        place
    }

    /// A scalar as it is written, without quotes and escapes undone: `0123` for a number, `"a"` for a text.
    pub fn raw(&self, node: &Node) -> &'t str {
        let (line, column) = self.place(node);
        let tail = self.tail(line, column);
        if matches!(node.kind, Kind::Text(_)) && tail.starts_with(['"', '\'']) {
            let quote = tail.as_bytes()[0];
            // A doubled or escaped quote is rare in what is complained about; the excerpt shows the whole line anyway.
            let end = tail[1..].find(quote as char).map_or(tail.len(), |at| at + 2);
            return &tail[..end];
        }
        match &node.kind {
            Kind::Text(text) => tail.get(..text.len()).filter(|t| t == text).unwrap_or(tail.trim_end()),
            _ => tail.split([' ', ',', ']', '}', ':', '\t']).next().unwrap_or_default(),
        }
    }

    /// Where character `offset` of a text stands, when the text is written on one line without escapes.
    pub fn place_within(&self, node: &Node, offset: usize) -> Place {
        let (line, column) = self.place(node);
        let Kind::Text(text) = &node.kind else { return (line, column) };
        let tail = self.tail(line, column);
        let quoted = tail.starts_with(['"', '\'']);
        let body = if quoted { &tail[1..] } else { tail };
        if !body.starts_with(text.as_str()) {
            return (line, column);
        }
        (line, column + usize::from(quoted) + offset)
    }

    /// Line `line` without its end.
    pub fn line(&self, line: usize) -> &'t str {
        self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default()
    }

    fn tail(&self, line: usize, column: usize) -> &'t str {
        let line = self.line(line);
        let start = line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
        &line[start..]
    }
}

fn read(text: &str, fail_at: Option<u32>) -> Result<Node, serde_yaml::Error> {
    let counter = Cell::new(0);
    NodeSeed { counter: &counter, fail_at }.deserialize(serde_yaml::Deserializer::from_str(text))
}

#[derive(Clone, Copy)]
struct NodeSeed<'c> {
    counter: &'c Cell<u32>,
    fail_at: Option<u32>,
}

struct NodeVisitor<'c> {
    seed: NodeSeed<'c>,
    id: u32,
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Node, D::Error> {
        let id = self.counter.get();
        self.counter.set(id + 1);
        reader.deserialize_any(NodeVisitor { seed: self, id })
    }
}

impl NodeVisitor<'_> {
    /// The node, unless this is where we are to fail: the error gets the place of the value that is being visited.
    fn node<E: de::Error>(&self, kind: Kind) -> Result<Node, E> {
        self.here()?;
        Ok(Node { id: self.id, kind })
    }

    fn here<E: de::Error>(&self) -> Result<(), E> {
        if self.seed.fail_at == Some(self.id) {
            return Err(E::custom("here"));
        }
        if self.id > VALUES_MAX {
            return Err(E::custom(format!("more than {VALUES_MAX} values")));
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for NodeVisitor<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        self.node(Kind::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Node, E> {
        self.node(Kind::Null)
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Node, E> {
        self.node(Kind::Truth(truth))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Node, E> {
        self.node(Kind::Number(number as f64))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Node, E> {
        self.node(Kind::Number(number as f64))
    }

    fn visit_i128<E: de::Error>(self, number: i128) -> Result<Node, E> {
        self.node(Kind::Number(number as f64))
    }

    fn visit_u128<E: de::Error>(self, number: u128) -> Result<Node, E> {
        self.node(Kind::Number(number as f64))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Node, E> {
        self.node(Kind::Number(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Node, E> {
        self.node(Kind::Text(text.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        self.here()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self.seed)? {
            items.push(item);
        }
        Ok(Node { id: self.id, kind: Kind::List(items) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        self.here()?;
        let mut entries = Vec::new();
        while let Some(key) = map.next_key_seed(self.seed)? {
            entries.push((key, map.next_value_seed(self.seed)?));
        }
        Ok(Node { id: self.id, kind: Kind::Map(entries) })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Node, A::Error> {
        self.here()?;
        let (tag, value) = tagged.variant::<String>()?;
        value.newtype_variant::<de::IgnoredAny>()?;
        Ok(Node { id: self.id, kind: Kind::Tagged(tag) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_place() {
        let text = "hotline: a-b\nprobes:\n  - name: 午夜\n    steps: [hang_up, {hear: \"欢迎\"}]\nlimits: {x: 1}\nq: \"a b\" # c\n";
        let document = Document::read(text).ok().expect("readable");
        let mut seen = Vec::new();
        walk(&document, &document.root, &mut seen);
        let expected = [
            ("a group of keys", 1, 1),
            ("a text", 1, 1),
            ("a text", 1, 10),
            ("a text", 2, 1),
            ("a list", 3, 3),
            ("a group of keys", 3, 5),
            ("a text", 3, 5),
            ("a text", 3, 11),
            ("a text", 4, 5),
            ("a list", 4, 12),
            ("a text", 4, 13),
            ("a group of keys", 4, 22),
            ("a text", 4, 23),
            ("a text", 4, 29),
            ("a text", 5, 1),
            ("a group of keys", 5, 9),
            ("a text", 5, 10),
            ("a number", 5, 13),
            ("a text", 6, 1),
            ("a text", 6, 4),
        ];
        assert_eq!(seen, expected);
    }

    fn walk(document: &Document, node: &Node, seen: &mut Vec<(&'static str, usize, usize)>) {
        let (line, column) = document.place(node);
        seen.push((node.sort(), line, column));
        match &node.kind {
            Kind::List(items) => items.iter().for_each(|item| walk(document, item, seen)),
            Kind::Map(entries) => entries.iter().for_each(|(key, value)| {
                walk(document, key, seen);
                walk(document, value, seen);
            }),
            _ => {}
        }
    }

    #[test]
    fn numbers_and_texts_are_given_back_as_written() {
        for (text, raw) in [
            ("a: 0123", "0123"),
            ("a: +864008001234", "+864008001234"),
            ("a: 1e3 # x", "1e3"),
            ("{a: 5, b: 6}", "5"),
            ("a: \"x y\" ", "\"x y\""),
            ("a: x y # z", "x y"),
            ("a: 欢迎 致电", "欢迎 致电"),
        ] {
            let document = Document::read(text).ok().expect("readable");
            let Kind::Map(entries) = &document.root.kind else { panic!("{text}") };
            assert_eq!(document.raw(&entries[0].1), raw, "{text}");
        }
    }

    #[test]
    fn aliases_cannot_grow_a_file_without_end() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let again = vec![format!("*a{}", i - 1); 10].join(", ");
            text.push_str(&format!("a{i}: &a{i} [{again}]\n"));
        }
        assert!(Document::read(&text).is_err());
    }
}
