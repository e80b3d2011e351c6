//! JSON as an answer may hold it: keys in any order and more than once, in several ways to write it, seldom torn.

use serde_json::Value;

use super::draw::Draw;

/// A value whose objects may have a key more than once.
#[derive(Clone, Debug)]
pub enum Json {
    Plain(Value),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Deepest value that is drawn.
const DEEPEST: usize = 4;

impl Json {
    /// Any value, with keys like these.
    pub fn drawn(draw: &mut Draw<'_>, keys: &[&str], level: usize) -> Self {
        match draw.below(if level < DEEPEST { 12 } else { 8 }) {
            0 => Self::Plain(Value::Null),
            1 => Self::Plain(draw.of(&[true, false]).into()),
            2 => Self::Plain(draw.of(&[0_i64, 1, -1, 2, 3, 11, 29, i64::MAX, i64::MIN]).into()),
            3 => Self::Plain(draw.of(&[0.0, -0.0, 0.5, 1.0, 1e300, -1e-300, 9_007_199_254_740_993.0]).into()),
            4 => Self::Plain(u64::MAX.into()),
            5 | 6 => Self::Plain(draw.word(&["Acme", "HQ", "R1"]).into()),
            7 => Self::Plain(draw.text().into()),
            8 | 9 => Self::List(draw.some(4, |draw| Self::drawn(draw, keys, level + 1))),
            _ => Self::Object(draw.some(5, |draw| (draw.word(keys), Self::drawn(draw, keys, level + 1)))),
        }
    }

    /// As it is written.
    pub fn text(&self, draw: &mut Draw<'_>) -> String {
        let mut text = String::new();
        self.write(&mut text, draw);
        text
    }

    fn write(&self, text: &mut String, draw: &mut Draw<'_>) {
        let gap = |draw: &mut Draw<'_>| draw.of(&["", "", "", " ", "\n", "\r\n\t"]);
        match self {
            Self::Plain(Value::String(plain)) => text.push_str(&quoted(plain, draw)),
            Self::Plain(plain) => text.push_str(&plain.to_string()),
            Self::List(items) => {
                text.push('[');
                for (at, item) in items.iter().enumerate() {
                    text.push_str(if at > 0 { "," } else { "" });
                    text.push_str(gap(draw));
                    item.write(text, draw);
                }
                text.push(']');
            }
            Self::Object(members) => {
                text.push('{');
                for (at, (key, value)) in members.iter().enumerate() {
                    text.push_str(if at > 0 { "," } else { "" });
                    text.push_str(gap(draw));
                    text.push_str(&quoted(key, draw));
                    text.push(':');
                    value.write(text, draw);
                }
                text.push('}');
            }
        }
    }

    /// The same where the last of several members of one name counts.
    pub fn value(&self) -> Value {
        match self {
            Self::Plain(plain) => plain.clone(),
            Self::List(items) => items.iter().map(Self::value).collect(),
            Self::Object(members) => members.iter().map(|(key, value)| (key.clone(), value.value())).collect(),
        }
    }
}

/// A text as JSON, plain or with more escapes than are needed.
fn quoted(text: &str, draw: &mut Draw<'_>) -> String {
    match draw.below(8) {
        7 => escaped(text),
        _ => Value::from(text).to_string(),
    }
}

/// A text as JSON with an escape for each of its characters.
pub fn escaped(text: &str) -> String {
    let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    format!("\"{units}\"")
}

/// Bytes that are this as a rule, and seldom torn or nested far too deep.
pub fn bytes(json: &Json, draw: &mut Draw<'_>) -> Vec<u8> {
    let text = json.text(draw);
    match draw.below(16) {
        15 => draw.changed(text.into_bytes()),
        14 => {
            let levels = draw.of(&[31, 33, 65, 127, 129, 2_000]);
            format!("{}{text}{}", "[".repeat(levels), "]".repeat(levels)).into_bytes()
        }
        _ => text.into_bytes(),
    }
}
