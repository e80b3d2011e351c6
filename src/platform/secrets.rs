//! What gives access, kept out of words: something in between may answer with the request that it got, and what is answered
//! is told to users.

use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use super::{http::Reply, paths::RESERVED};

/// A shorter value is no secret, and would tear other words apart.
const SHORTEST: usize = 4;
/// What stands instead.
const HIDDEN: &str = "***";
/// How pages write what has a meaning in HTML: there are two ways.
const HTML: [[(&str, &str); 5]; 2] = [
    [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#x27;")],
    [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&#34;"), ("'", "&#39;")],
];

/// The secrets of one call, in every form in which an answer may repeat them; the longest first.
pub struct Secrets {
    forms: Vec<String>,
    /// Those that no object of the platform can hold: of a session, not chosen by a person.
    of_session: Vec<String>,
}

impl Secrets {
    /// Those of a session, from the values of the headers Cookie and Authorization, and those that a person chose.
    pub fn new<'a>(
        cookies: impl IntoIterator<Item = &'a str>,
        bearer: Option<&'a str>,
        chosen: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let (mut all, mut of_session) = (Vec::new(), Vec::from_iter(bearer));
        for pair in cookies.into_iter().flat_map(|header| header.split("; ")) {
            let (name, value) = pair.split_once('=').unwrap_or(("", pair));
            all.extend([pair, value]);
            // The one of the contract, 1.2; others may be the name of a server.
            of_session.extend((name == "sessionid").then_some(value));
        }
        all.extend(&of_session);
        all.extend(chosen);
        let told = |text: &&str| text.chars().count() >= SHORTEST;
        let mut forms: Vec<_> = all.into_iter().filter(told).flat_map(forms).collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self { forms, of_session: of_session.into_iter().filter(told).map(str::to_owned).collect() }
    }

    /// The answer, without them where it becomes words. What is a success is data, and stays as it is.
    pub fn hidden_in(&self, mut reply: Reply) -> Reply {
        let is_success = reply.is_success();
        match &mut reply.body {
            Err(text) => self.hide(text),
            Ok(body) if !is_success => self.hide_in(body),
            Ok(_) => {}
        }
        reply
    }

    /// Whether a body repeats what only the request has.
    pub fn are_repeated_in(&self, body: &Value) -> bool {
        let text = |text: &str| self.of_session.iter().any(|secret| text.contains(secret.as_str()));
        match body {
            Value::String(value) => text(value),
            Value::Array(items) => items.iter().any(|item| self.are_repeated_in(item)),
            Value::Object(map) => map.iter().any(|(key, value)| text(key) || self.are_repeated_in(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    fn hide(&self, text: &mut String) {
        for form in &self.forms {
            if text.contains(form.as_str()) {
                *text = text.replace(form.as_str(), HIDDEN);
            }
        }
    }

    fn hide_in(&self, body: &mut Value) {
        match body {
            Value::String(text) => self.hide(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide_in(item)),
            Value::Object(map) => {
                let entries = std::mem::take(map).into_iter().map(|(mut key, mut value)| {
                    self.hide(&mut key);
                    self.hide_in(&mut value);
                    (key, value)
                });
                *map = entries.collect();
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// As it is, and as JSON, HTML and URLs write it.
fn forms(secret: &str) -> Vec<String> {
    let json = Value::from(secret).to_string();
    let json = json.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&json).to_owned();
    let html = HTML.map(|names| names.iter().fold(secret.to_owned(), |text, (plain, name)| text.replace(plain, name)));
    let url = utf8_percent_encode(secret, RESERVED).to_string();
    [secret.to_owned(), json, url].into_iter().chain(html).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::http::Mode, *};

    const PASSWORD: &str = r#"p"s<s &'d"#;

    fn secrets() -> Secrets {
        Secrets::new(["sessionid=abcdef; route=n1"], Some("tok/en"), [PASSWORD, "abc"])
    }

    fn hidden(status: u16, body: Result<Value, String>) -> Result<Value, String> {
        secrets()
            .hidden_in(Reply { status, body, listing: None, retry_after: None, restricted: false, mode: Mode::Gateway })
            .body
    }

    #[test]
    fn a_page_that_repeats_the_request_is_told_without_its_secrets_in_whatever_form() {
        for (page, expected) in [
            ("Cookie: sessionid=abcdef; route=n1", "Cookie: ***; ***"),
            ("the session abcdef is unknown to n1", "the session *** is unknown to n1"),
            ("Authorization: Bearer tok/en", "Authorization: Bearer ***"),
            ("?token=tok%2Fen&x", "?token=***&x"),
            (r#"{"password": "p\"s<s &'d""#, r#"{"password": "***""#),
            (PASSWORD, "***"),
            ("<pre>p&quot;s&lt;s &amp;&#x27;d</pre>", "<pre>***</pre>"),
            ("<pre>p&#34;s&lt;s &amp;&#39;d</pre>", "<pre>***</pre>"),
            ("<p>abc</p>", "<p>abc</p>"),
        ] {
            for status in [200, 502] {
                assert_eq!(hidden(status, Err(page.to_owned())), Err(expected.to_owned()));
            }
        }
    }

    #[test]
    fn a_refusal_is_told_without_them_and_what_is_a_success_stays_as_it_is() {
        let echo = json!({"errors": [{"code": 77, "message": PASSWORD, "details": {"tok/en": ["abcdef", true]}}]});
        let expected = json!({"errors": [{"code": 77, "message": "***", "details": {"***": ["***", true]}}]});
        assert_eq!(hidden(400, Ok(echo.clone())), Ok(expected));
        assert_eq!(hidden(200, Ok(echo.clone())), Ok(echo));
    }

    #[test]
    fn an_answer_that_holds_what_the_platform_never_tells_is_a_repetition() {
        for (body, expected) in [
            (json!({"headers": {"Cookie": "route=n1; sessionid=abcdef"}}), true),
            (json!({"headers": ["Bearer tok/en"]}), true),
            (json!({"abcdef": 1}), true),
            // Whoever names a group like the operator's password gets his group.
            (json!({"groupName": PASSWORD, "defaultDomain": "route=n1", "userLimit": 5}), false),
        ] {
            assert_eq!(secrets().are_repeated_in(&body), expected, "{body}");
        }
    }
}
