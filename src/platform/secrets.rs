//! What gives access, kept out of words: something in between may answer with the request that it got, and what is answered
//! is told to users.

use serde_json::Value;

use super::{
    http::Reply,
    written::{find, readings},
};

/// A shorter value is no secret, and would tear other words apart.
const SHORTEST: usize = 4;
/// Longest text that is told of, before it is shortened for that: so long is it read in every way.
const LONGEST: usize = 4096;
/// What stands instead.
const HIDDEN: &str = "***";

/// Most bytes of one refusal that are read so; the rest is hidden.
const MOST_IN_ALL: usize = 64 * 1024;

/// The keys of a refusal (platform contract, 2), of either form.
const DOCUMENTED: [&str; 5] = ["errors", "code", "message", "details", "error"];

/// How a text ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// As it was meant to. A beginning of a secret at its end is none: a key `code` is no password that begins so.
    Whole,
    /// Perhaps in the middle of a secret.
    Cut,
}

/// The secrets of one call.
pub struct Secrets {
    hidden: Vec<Secret>,
    /// Those that no object of the platform can hold: of a session, not chosen by a person.
    of_session: Vec<String>,
}

struct Secret {
    text: Vec<char>,
    /// How much of it is hidden where a text is cut off.
    shortest: usize,
}

impl Secrets {
    /// Those of a session, from the values of the headers Cookie and Authorization, and those that a person chose.
    pub fn new<'a>(
        cookies: impl IntoIterator<Item = &'a str>,
        bearer: Option<&'a str>,
        chosen: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let (mut pairs, mut values, mut of_session) = (Vec::new(), Vec::new(), Vec::from_iter(bearer));
        for pair in cookies.into_iter().flat_map(|header| header.split("; ")) {
            let (name, value) = pair.split_once('=').unwrap_or(("", pair));
            pairs.push(pair);
            values.push(value);
            // The one of the contract, 1.2; others may be the name of a server.
            of_session.extend((name == "sessionid").then_some(value));
        }
        values.extend(&of_session);
        values.extend(chosen);
        let long = |text: &&str| text.chars().count() >= SHORTEST;
        let secret = |text: &str| Secret { text: text.chars().collect(), shortest: SHORTEST };
        // The name of a cookie is none.
        let whole = |text: &str| Secret { shortest: usize::MAX, ..secret(text) };
        let hidden = values.into_iter().filter(long).map(secret).chain(pairs.into_iter().filter(long).map(whole));
        Self { hidden: hidden.collect(), of_session: of_session.into_iter().filter(long).map(str::to_owned).collect() }
    }

    /// The answer, without them where it becomes words. What is a success is data, and stays as it is.
    pub fn hidden_in(&self, mut reply: Reply) -> Reply {
        let is_success = reply.is_success();
        let mut left = MOST_IN_ALL;
        match &mut reply.body {
            Err(text) => _ = self.hide(text, Text::Cut),
            Ok(body) if !is_success => self.hide_in(body, &mut left),
            Ok(_) => {}
        }
        reply
    }

    /// Whether a body repeats what only the request has.
    pub fn are_repeated_in(&self, body: &Value) -> bool {
        match body {
            Value::String(value) => self.is_repeated_in(value),
            Value::Array(items) => items.iter().any(|item| self.are_repeated_in(item)),
            Value::Object(map) => {
                map.iter().any(|(key, value)| self.is_repeated_in(key) || self.are_repeated_in(value))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// The same of a text.
    pub fn is_repeated_in(&self, text: &str) -> bool {
        self.of_session.iter().any(|secret| text.contains(secret.as_str()))
    }

    /// Hides them in a text, in whatever way they are written; whether there was one.
    pub fn hide(&self, text: &mut String, is: Text) -> bool {
        let end = text.char_indices().nth(LONGEST).map(|(end, _)| end);
        if let Some(end) = end {
            text.truncate(end);
        }
        let is_cut = is == Text::Cut || end.is_some();
        let readings = readings(text);
        let of = |secret: &Secret| -> Vec<_> {
            let shortest = if is_cut { secret.shortest } else { usize::MAX };
            readings.iter().flat_map(|reading| find(reading, &secret.text, shortest)).collect()
        };
        let mut found: Vec<_> = self.hidden.iter().flat_map(of).collect();
        found.sort_unstable();
        let mut places: Vec<(usize, usize)> = Vec::new();
        for (from, to) in found {
            match places.last_mut().filter(|(_, end)| from <= *end) {
                Some((_, end)) => *end = to.max(*end),
                None => places.push((from, to)),
            }
        }
        for (from, to) in places.iter().rev() {
            text.replace_range(from..to, HIDDEN);
        }
        !places.is_empty()
    }

    /// The same of a text in JSON, which has its end: a secret may be one itself, with its quotes.
    fn hide_quoted(&self, text: &mut String, left: &mut usize) {
        let Some(rest) = left.checked_sub(text.len()) else {
            HIDDEN.clone_into(text);
            return;
        };
        *left = rest;
        self.hide(text, Text::Whole);
        if self.hide(&mut Value::from(text.as_str()).to_string(), Text::Whole) {
            HIDDEN.clone_into(text);
        }
    }

    fn hide_in(&self, body: &mut Value, left: &mut usize) {
        match body {
            Value::String(text) => self.hide_quoted(text, left),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide_in(item, left)),
            Value::Object(map) => {
                let entries = std::mem::take(map).into_iter().map(|(mut key, mut value)| {
                    // By these a refusal is understood, whatever the password is.
                    if !DOCUMENTED.contains(&key.as_str()) {
                        self.hide_quoted(&mut key, left);
                    }
                    self.hide_in(&mut value, left);
                    (key, value)
                });
                *map = entries.collect();
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
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
            // As Go and Python write JSON, and as a form writes it.
            (r#""p\"s\u003cs \u0026'd""#, r#""***""#),
            (r#"p\u0022s<s &\u0027d"#, "***"),
            ("q=p%22s%3cs+%26%27d&x", "q=***&x"),
            ("invalid session", "invalid session"),
            // An answer that breaks off.
            (r#"{"password": "p\"s<s"#, r#"{"password": "***"#),
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
    fn whatever_the_password_is_a_refusal_is_understood_and_told() {
        let long = "x \n".repeat(1500);
        let refusal = json!({"errors": [{"code": 11, "message": "taken", "details": {"reason": long}}]});
        for password in ["code", "code2024!", "errors of mine", "details", "taken too", "x \n!"] {
            let reply = Reply {
                status: 400,
                body: Ok(refusal.clone()),
                listing: None,
                retry_after: None,
                restricted: false,
                mode: Mode::Gateway,
            };
            let told = Secrets::new([], None, [password]).hidden_in(reply).body.unwrap();
            assert_eq!((&told["errors"][0]["code"], &told["errors"][0]["message"]), (&json!(11), &json!("taken")));
            assert!(told["errors"][0]["details"]["reason"].as_str().unwrap().starts_with("x \nx \n"), "{password}");
        }
    }

    #[test]
    fn a_secret_that_is_json_itself_is_hidden_where_it_is_read_as_such() {
        let secrets = Secrets::new([], None, ["\"pass\""]);
        let refusal = |body| Reply {
            status: 408,
            body: Ok(body),
            listing: None,
            retry_after: None,
            restricted: false,
            mode: Mode::Gateway,
        };
        for (body, hidden) in
            [(json!("pass"), json!("***")), (json!({"pass": ["pass", "passed"]}), json!({"***": ["***", "passed"]}))]
        {
            assert_eq!(secrets.hidden_in(refusal(body)).body, Ok(hidden));
        }
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
