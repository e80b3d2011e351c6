//! Structural schemas (OpenAPI v3 with Kubernetes' extensions): what is pruned, what gets a default, and who can own what.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::rules::Rule;

/// What a value may be. Objects are both structs (`properties`) and maps (`additional`).
#[derive(Default)]
pub(super) struct Schema {
    /// Empty when any value will do.
    pub kind: String,
    pub properties: BTreeMap<String, Schema>,
    pub additional: Option<Box<Schema>>,
    pub items: Option<Box<Schema>>,
    pub required: Vec<String>,
    pub allowed: Vec<Value>,
    pub bounds: Bounds,
    pub default: Option<Value>,
    pub nullable: bool,
    pub preserves_unknown: bool,
    /// Objects only: nobody owns a part of it.
    pub is_atomic: bool,
    pub list: ListType,
    pub rules: Vec<Rule>,
}

/// Limits of a scalar or a list.
#[derive(Default)]
pub(super) struct Bounds {
    pub format: String,
    pub max_length: Option<u64>,
    pub min_length: Option<u64>,
    pub max_items: Option<u64>,
    pub maximum: Option<f64>,
    pub minimum: Option<f64>,
}

/// How the items of a list are told apart by those who own them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum ListType {
    /// Not at all.
    #[default]
    Atomic,
    /// By their value.
    Set,
    /// By these fields.
    Map(Vec<String>),
}

impl Schema {
    /// # Errors
    /// When a rule cannot be compiled.
    pub fn parse(source: &Value) -> Result<Self, String> {
        let text = |name: &str| source[name].as_str().unwrap_or_default().to_owned();
        let texts = |name: &str| -> Vec<String> {
            let all = source[name].as_array().into_iter().flatten();
            all.filter_map(|item| item.as_str().map(str::to_owned)).collect()
        };
        let nested = |value: &Value| value.is_object().then(|| Self::parse(value).map(Box::new)).transpose();
        let properties = source["properties"].as_object().into_iter().flatten();
        let list = match text("x-kubernetes-list-type").as_str() {
            "set" => ListType::Set,
            "map" => ListType::Map(texts("x-kubernetes-list-map-keys")),
            _ => ListType::Atomic,
        };
        let rules = source["x-kubernetes-validations"].as_array().into_iter().flatten();
        Ok(Self {
            kind: text("type"),
            properties: properties
                .map(|(name, of)| Ok((name.clone(), Self::parse(of)?)))
                .collect::<Result<_, String>>()?,
            additional: nested(&source["additionalProperties"])?,
            items: nested(&source["items"])?,
            required: texts("required"),
            allowed: source["enum"].as_array().cloned().unwrap_or_default(),
            bounds: Bounds::parse(source),
            default: source.get("default").cloned(),
            nullable: source["nullable"] == true,
            preserves_unknown: source["x-kubernetes-preserve-unknown-fields"] == true,
            is_atomic: source["x-kubernetes-map-type"] == "atomic",
            list,
            rules: rules.map(Rule::parse).collect::<Result<_, String>>()?,
        })
    }

    /// What a field of an object is, if anything is known of it.
    pub fn field(&self, name: &str) -> Option<&Schema> {
        self.properties.get(name).or(self.additional.as_deref())
    }

    /// Whether no part of a value is owned apart from the rest.
    pub fn is_leaf(&self) -> bool {
        match self.kind.as_str() {
            "object" => self.is_atomic || (self.properties.is_empty() && self.additional.is_none()),
            "array" => self.list == ListType::Atomic,
            _ => true,
        }
    }

    /// Drops the fields that the schema does not know.
    pub fn prune(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                if !self.preserves_unknown {
                    fields.retain(|name, _| self.field(name).is_some());
                }
                for (name, field) in fields.iter_mut() {
                    if let Some(schema) = self.field(name) {
                        schema.prune(field);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| {
                if let Some(schema) = &self.items {
                    schema.prune(item);
                }
            }),
            _ => {}
        }
    }

    /// Drops the nulls of fields that may not be null and have no default: they are no fields.
    pub fn prune_nulls(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, field| !(field.is_null() && self.field(name).is_some_and(Schema::drops_null)));
                for (name, field) in fields.iter_mut() {
                    if let Some(schema) = self.field(name) {
                        schema.prune_nulls(field);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| {
                if let Some(schema) = &self.items {
                    schema.prune_nulls(item);
                }
            }),
            _ => {}
        }
    }

    fn drops_null(&self) -> bool {
        !self.nullable && self.default.is_none() && !self.kind.is_empty()
    }

    /// Sets what is absent and has a default.
    pub fn set_defaults(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => self.set_defaults_of(fields),
            Value::Array(items) => items.iter_mut().for_each(|item| {
                if let Some(schema) = &self.items {
                    schema.set_defaults(item);
                }
            }),
            _ => {}
        }
    }

    fn set_defaults_of(&self, fields: &mut Map<String, Value>) {
        for (name, schema) in &self.properties {
            let Some(default) = &schema.default else { continue };
            let field = fields.entry(name.clone()).or_insert(Value::Null);
            if field.is_null() && !schema.nullable {
                *field = default.clone();
            }
        }
        for (name, field) in fields.iter_mut() {
            if let Some(schema) = self.field(name) {
                schema.set_defaults(field);
            }
        }
    }
}

impl Bounds {
    fn parse(source: &Value) -> Self {
        Self {
            format: source["format"].as_str().unwrap_or_default().to_owned(),
            max_length: source["maxLength"].as_u64(),
            min_length: source["minLength"].as_u64(),
            max_items: source["maxItems"].as_u64(),
            maximum: source["maximum"].as_f64(),
            minimum: source["minimum"].as_f64(),
        }
    }
}
