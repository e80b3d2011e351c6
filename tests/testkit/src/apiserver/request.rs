//! What is asked for, from path, query, headers and body.

use std::collections::BTreeMap;

use axum::http::{Method, Uri, request::Parts};
use serde_json::Value;

use super::status::Refusal;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub method: Method,
    pub group: String,
    pub plural: String,
    /// Empty for the whole cluster.
    pub namespace: String,
    /// Empty for a list.
    pub name: String,
    pub subresource: String,
    pub query: BTreeMap<String, String>,
    pub content_type: String,
    pub wants_metadata: bool,
    user_agent: String,
    pub body: Vec<u8>,
}

impl Request {
    /// `None` when no such path is served.
    pub fn parse(parts: &Parts, body: Vec<u8>) -> Option<Self> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let target = Target::of(parts.uri.path())?;
        Some(Self {
            method: parts.method.clone(),
            group: target.group,
            plural: target.plural,
            namespace: target.namespace,
            name: target.name,
            subresource: target.subresource,
            query: query(&parts.uri),
            content_type: header("content-type").split(';').next().unwrap_or_default().to_owned(),
            wants_metadata: header("accept").contains("as=PartialObjectMetadata"),
            user_agent: header("user-agent").split('/').next().unwrap_or_default().to_owned(),
            body,
        })
    }

    pub fn is_watch(&self) -> bool {
        self.method == Method::GET && self.flag("watch")
    }

    pub fn flag(&self, name: &str) -> bool {
        self.query.get(name).is_some_and(|value| value == "true" || value == "1")
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.query.get(name)?.parse().ok()
    }

    /// The name that a field selector asks for.
    pub fn selected_name(&self) -> Option<&str> {
        self.query.get("fieldSelector")?.strip_prefix("metadata.name=").map(|name| name.trim_start_matches('='))
    }

    pub fn manager(&self) -> &str {
        self.query.get("fieldManager").map_or(&self.user_agent, String::as_str)
    }

    /// As rules of RBAC name it.
    pub fn verb(&self) -> &'static str {
        match (self.method.as_str(), self.name.is_empty()) {
            ("GET", _) if self.is_watch() => "watch",
            ("GET", false) => "get",
            ("GET", true) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", false) => "delete",
            _ => "deletecollection",
        }
    }

    /// # Errors
    /// When it is not an object.
    pub fn object(&self) -> Result<Value, Refusal> {
        let parsed = serde_json::from_slice::<Value>(&self.body).ok();
        let parsed = parsed.or_else(|| serde_yaml::from_slice::<Value>(&self.body).ok());
        parsed.filter(Value::is_object).ok_or_else(|| Refusal::bad_request("the body is not an object"))
    }
}

#[derive(Default)]
struct Target {
    group: String,
    plural: String,
    namespace: String,
    name: String,
    subresource: String,
}

impl Target {
    fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, rest) = match parts.as_slice() {
            ["api", _, rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            _ => return None,
        };
        let mut target = match rest {
            ["namespaces", namespace, plural, rest @ ..] if !["status", "finalize"].contains(plural) => {
                let mut target = Self { namespace: (*namespace).to_owned(), ..Self::named(plural, rest)? };
                target.plural = (*plural).to_owned();
                target
            }
            [plural, rest @ ..] => Self::named(plural, rest)?,
            [] => return None,
        };
        target.group = group.to_owned();
        Some(target)
    }

    fn named(plural: &str, rest: &[&str]) -> Option<Self> {
        let (name, subresource) = match rest {
            [] => ("", ""),
            [name] => (*name, ""),
            [name, subresource] => (*name, *subresource),
            _ => return None,
        };
        let [plural, name, subresource] = [plural, name, subresource].map(str::to_owned);
        Some(Self { plural, name, subresource, ..Self::default() })
    }
}

fn query(uri: &Uri) -> BTreeMap<String, String> {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned();
    // A flag without a value is set.
    pairs
        .map(
            |(name, value)| if value.is_empty() && name == "watch" { (name, "true".to_owned()) } else { (name, value) },
        )
        .collect()
}
