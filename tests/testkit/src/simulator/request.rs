//! A call as it arrived, and the one place that says how paths, queries and bodies are read (platform contract, 1.1).

use axum::http::{HeaderMap, Method, Uri};
use serde_json::{Map, Value};

use super::reply::{Reply, not_an_object};

/// One HTTP request, before anyone knows what it is for.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) raw_path: String,
    pub(super) raw_query: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Absent,
    Json(Value),
    /// Something that is not JSON, kept for the journal.
    Garbage(String),
}

impl Request {
    pub(super) fn new(method: &Method, uri: &Uri, headers: HeaderMap, body: &[u8]) -> Request {
        let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).map(|q| q.0).unwrap_or_default();
        let body = match body {
            [] => Content::Absent,
            bytes => match serde_json::from_slice(bytes) {
                Ok(value) => Content::Json(value),
                Err(_) => Content::Garbage(String::from_utf8_lossy(bytes).into_owned()),
            },
        };
        Request {
            method: method.as_str().to_owned(),
            raw_path: uri.path().to_owned(),
            raw_query: uri.query().unwrap_or_default().to_owned(),
            query,
            headers,
            body,
        }
    }

    /// The body where one is due.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Reply> {
        match &self.body {
            Content::Json(Value::Object(map)) => Ok(map.clone()),
            _ => Err(not_an_object()),
        }
    }

    /// The body where one may be left out.
    pub(super) fn optional_object(&self) -> Result<Map<String, Value>, Reply> {
        match &self.body {
            Content::Absent => Ok(Map::new()),
            _ => self.object(),
        }
    }

    /// Filters: documented as a JSON body on GET, sent by clients in use as a query string.
    pub(super) fn filters(&self) -> Result<Map<String, Value>, Reply> {
        let mut filters = self.optional_object()?;
        for (key, value) in &self.query {
            filters.insert(key.clone(), Value::String(value.clone()));
        }
        Ok(filters)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        let pairs = self.headers.get_all("cookie").iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
        pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    pub(super) fn bearer(&self) -> Option<&str> {
        self.header("authorization").and_then(|value| value.strip_prefix("Bearer "))
    }
}

/// The decoded segments of a path. The final slash is optional; an empty segment elsewhere stays, and matches nothing.
/// None: the path is no valid percent-encoded UTF-8.
pub(super) fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(decoded).collect()
}

fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let [high, low, tail @ ..] = tail else { return None };
        let digit = |c: &u8| char::from(*c).to_digit(16);
        bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}
