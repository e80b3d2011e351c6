//! The kinds that are served.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::schema::Schema;

/// One kind.
pub(super) struct Kind {
    pub group: String,
    pub version: String,
    pub name: String,
    pub plural: String,
    pub is_namespaced: bool,
    pub schema: Schema,
    /// Defined by a CustomResourceDefinition: it has a generation, a status of its own, and no unconditional update.
    pub is_custom: bool,
    /// A PUT of something that is not there creates it.
    pub creates_on_update: bool,
    /// A PUT needs no version.
    pub updates_blindly: bool,
}

/// All of them, by group and plural. It can be shared by many servers: making it compiles every rule.
pub struct Kinds {
    pub(super) all: BTreeMap<(String, String), Kind>,
    pub(super) definitions: Vec<Value>,
}

impl Kinds {
    /// Those that the API server has itself, and those of these definitions (YAML).
    ///
    /// # Errors
    /// When a definition cannot be read, or a rule of it cannot be compiled.
    pub fn new(definitions: &[&str]) -> Result<Self, String> {
        let read = |text: &str| serde_yaml::from_str::<Value>(text).map_err(|error| error.to_string());
        let builtin = read(include_str!("builtin.yaml"))?;
        let metadata = &builtin["metadata"];
        let mut all = BTreeMap::new();
        for source in builtin["kinds"].as_array().into_iter().flatten() {
            let kind = Kind::builtin(source, metadata)?;
            all.insert((kind.group.clone(), kind.plural.clone()), kind);
        }
        let definitions = definitions.iter().map(|text| read(text)).collect::<Result<Vec<_>, _>>()?;
        for definition in &definitions {
            let kind = Kind::custom(definition, metadata)?;
            all.insert((kind.group.clone(), kind.plural.clone()), kind);
        }
        Ok(Self { all, definitions })
    }

    pub(super) fn get(&self, group: &str, plural: &str) -> Option<&Kind> {
        self.all.get(&(group.to_owned(), plural.to_owned()))
    }
}

impl Kind {
    fn builtin(source: &Value, metadata: &Value) -> Result<Self, String> {
        let text = |name: &str| source[name].as_str().unwrap_or_default().to_owned();
        let schema = json!({"type": "object", "properties": source["properties"]});
        let plural = text("plural");
        Ok(Self {
            group: text("group"),
            version: text("version"),
            name: text("kind"),
            is_namespaced: source["namespaced"] == true,
            schema: Schema::parse(&whole(schema, metadata))?,
            is_custom: false,
            creates_on_update: ["leases", "events"].contains(&plural.as_str()),
            updates_blindly: plural != "leases" && plural != "customresourcedefinitions",
            plural,
        })
    }

    fn custom(definition: &Value, metadata: &Value) -> Result<Self, String> {
        let spec = &definition["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let version = &spec["versions"][0];
        Ok(Self {
            group: text(&spec["group"]),
            version: text(&version["name"]),
            name: text(&spec["names"]["kind"]),
            plural: text(&spec["names"]["plural"]),
            is_namespaced: spec["scope"] == "Namespaced",
            schema: Schema::parse(&whole(version["schema"]["openAPIV3Schema"].clone(), metadata))?,
            is_custom: true,
            creates_on_update: false,
            updates_blindly: false,
        })
    }

    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// As messages name it.
    pub fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// A schema with what every object has.
fn whole(mut schema: Value, metadata: &Value) -> Value {
    schema["properties"]["metadata"] = metadata.clone();
    schema["properties"]["apiVersion"] = json!({"type": "string"});
    schema["properties"]["kind"] = json!({"type": "string"});
    schema
}
