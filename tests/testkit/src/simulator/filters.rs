//! Filters, paging and order of lists (platform contract, 3 and 4.1).

use serde_json::{Map, Value};

use super::reply::{Reply, invalid};

/// What a list may be filtered by.
pub(super) struct Filterable {
    /// Names in criteria, as in `insensitive{GroupName}Contains`, and the key of an item that each looks at.
    pub(super) fields: &'static [(&'static str, &'static str)],
    /// Filters under a name of their own that ask for an equal value: the filter's name and the item's key.
    pub(super) exact: &'static [(&'static str, &'static str)],
    /// The filter that limits how many items are answered.
    pub(super) size: &'static str,
}

#[derive(Debug)]
pub(super) struct Filters {
    criteria: Vec<Criterion>,
    limit: Option<usize>,
    /// Items to skip, and to answer.
    page: Option<(usize, usize)>,
    orders: Vec<Order>,
}

#[derive(Debug)]
struct Criterion {
    key: &'static str,
    insensitive: bool,
    kind: Match,
    wanted: String,
}

#[derive(Clone, Copy, Debug)]
enum Match {
    Starts,
    Contains,
    Equals,
}

#[derive(Debug)]
struct Order {
    key: &'static str,
    insensitive: bool,
    descending: bool,
}

impl Filters {
    pub(super) fn read(input: &Map<String, Value>, list: &Filterable, refuse_unknown: bool) -> Result<Filters, Reply> {
        let mut filters = Filters { criteria: Vec::new(), limit: None, page: None, orders: Vec::new() };
        for (name, value) in input {
            if name == list.size {
                filters.limit = Some(whole(name, value, 1, i64::MAX)?);
            } else if name == "pagingControl" {
                let start = whole("startIndex", &value["startIndex"], 1, i64::MAX)?;
                filters.page = Some((start - 1, whole("pageSize", &value["pageSize"], 1, 2000)?));
            } else if name == "sortOrders" {
                let names = value.as_array().ok_or_else(|| invalid("sortOrders is not an array"))?;
                for name in names {
                    let order = name.as_str().and_then(|name| order(name, list.fields));
                    filters.orders.push(order.ok_or_else(|| invalid(&format!("unknown sort order {name}")))?);
                }
            } else if let Some((_, key)) = list.exact.iter().find(|(exact, _)| exact == name) {
                filters.criteria.push(Criterion { key, insensitive: false, kind: Match::Equals, wanted: plain(value) });
            } else if let Some((key, insensitive, kind)) = criterion(name, list.fields) {
                filters.criteria.push(Criterion { key, insensitive, kind, wanted: plain(value) });
            } else if refuse_unknown && !["backendName", "backendExternalName"].contains(&name.as_str()) {
                return Err(invalid(&format!("{name} is not a known filter")));
            }
        }
        Ok(filters)
    }

    pub(super) fn has_criteria(&self) -> bool {
        !self.criteria.is_empty()
    }

    /// The items that meet every criterion, in order, as far as they are on the page.
    pub(super) fn apply(&self, mut items: Vec<Map<String, Value>>) -> Vec<Map<String, Value>> {
        items.retain(|item| self.criteria.iter().all(|criterion| criterion.meets(item)));
        // The first order counts most; sorting is stable.
        for order in self.orders.iter().rev() {
            items.sort_by_key(|item| folded(&item_text(item, order.key), order.insensitive));
            if order.descending {
                items.reverse();
            }
        }
        let (skip, take) = self.page.unwrap_or((0, usize::MAX));
        items.into_iter().skip(skip).take(take.min(self.limit.unwrap_or(usize::MAX))).collect()
    }
}

impl Criterion {
    fn meets(&self, item: &Map<String, Value>) -> bool {
        let value = folded(&item_text(item, self.key), self.insensitive);
        let wanted = folded(&self.wanted, self.insensitive);
        match self.kind {
            Match::Starts => value.starts_with(&wanted),
            Match::Contains => value.contains(&wanted),
            Match::Equals => value == wanted,
        }
    }
}

fn sensitivity(name: &str) -> Option<(bool, &str)> {
    let insensitive = name.strip_prefix("insensitive").map(|rest| (true, rest));
    insensitive.or_else(|| name.strip_prefix("sensitive").map(|rest| (false, rest)))
}

fn field(name: &str, fields: &[(&'static str, &'static str)]) -> Option<&'static str> {
    fields.iter().find(|(field, _)| *field == name).map(|(_, key)| *key)
}

fn criterion(name: &str, fields: &[(&'static str, &'static str)]) -> Option<(&'static str, bool, Match)> {
    let (insensitive, rest) = sensitivity(name)?;
    let ways = [("Starts", Match::Starts), ("Contains", Match::Contains), ("Equals", Match::Equals)];
    let (name, kind) = ways.into_iter().find_map(|(word, kind)| Some((rest.strip_suffix(word)?, kind)))?;
    Some((field(name, fields)?, insensitive, kind))
}

fn order(name: &str, fields: &[(&'static str, &'static str)]) -> Option<Order> {
    let (insensitive, rest) = sensitivity(name)?;
    let descending = rest.strip_prefix("Descending");
    let name = descending.or_else(|| rest.strip_prefix("Ascending"))?;
    Some(Order { key: field(name, fields)?, insensitive, descending: descending.is_some() })
}

/// Numbers come as such in a body and as text in a query.
fn whole(name: &str, value: &Value, min: i64, max: i64) -> Result<usize, Reply> {
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    let number = number.filter(|number| (min..=max).contains(number)).and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| invalid(&format!("{name} is not an integer of at least {min}")))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn item_text(item: &Map<String, Value>, key: &str) -> String {
    item.get(key).map(plain).unwrap_or_default()
}

fn folded(text: &str, insensitive: bool) -> String {
    if insensitive { text.to_lowercase() } else { text.to_owned() }
}

/// Lists answer fewer keys than the objects have.
pub(super) fn with_keys(items: Vec<Map<String, Value>>, keys: &[&str]) -> Value {
    let items = items.into_iter().map(|item| {
        let kept = item.into_iter().filter(|(key, _)| keys.contains(&key.as_str()));
        Value::Object(kept.collect())
    });
    Value::Array(items.collect())
}
