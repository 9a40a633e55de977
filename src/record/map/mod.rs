//! How a map is shown: YAML for version control, JSON for programs, Mermaid for documents, a picture for people.

pub mod mermaid;
pub mod picture;
mod shapes;
mod text_width;
mod words;
pub mod yaml;

pub use shapes::escaped;

use crate::understanding::tree::Map;

/// The forms a map can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Yaml,
    Json,
    Mermaid,
    Svg,
}

impl Form {
    pub fn from_word(word: &str) -> Option<Form> {
        match word {
            "yaml" | "yml" => Some(Form::Yaml),
            "json" => Some(Form::Json),
            "mermaid" | "mmd" => Some(Form::Mermaid),
            "svg" => Some(Form::Svg),
            _ => None,
        }
    }
}

/// The whole map, with a line feed at its end.
pub fn write(map: &Map, form: Form) -> String {
    match form {
        Form::Yaml => yaml::write(map),
        Form::Json => serde_json::to_string_pretty(map).expect("a map is plain data") + "\n",
        Form::Mermaid => mermaid::draw(map),
        Form::Svg => picture::draw(map),
    }
}

/// A map as it was saved, in either form that can be read back.
pub fn read(text: &str) -> Result<Map, String> {
    let map: Map = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|e| e.to_string())?
    } else {
        serde_yaml::from_str(text).map_err(|e| e.to_string())?
    };
    let schema = crate::understanding::tree::map::SCHEMA;
    if map.schema != schema {
        return Err(format!("its schema is {}, and {schema} is understood", map.schema));
    }
    Ok(map)
}
