//! The settings ConfigMap: typed and strict. The keys are the platform's own names, so that a platform administrator
//! pastes what he knows (JSON is YAML).

use std::fmt;

use serde_yaml::Value;

use super::spelling;
use crate::api::text;

/// What is created on the way, and what forbids the deletion of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `APIO_OBJECT_CREATION.GROUP_DATA`: informational, the platform decides.
    pub group_data: bool,
    /// `APIO_OBJECT_CREATION.RESELLER`: create an unknown reseller.
    pub reseller: bool,
    /// `AUTO_CREATE.GROUP_DEFAULT_DOMAIN`: create an unknown default domain.
    pub group_default_domain: bool,
    /// `CHECK_GROUP`.
    pub checks: Checks,
}

/// `CHECK_GROUP`: each one forbids the deletion of a group while that kind exists. Only an explicit false disarms one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checks {
    /// `CHECK_USERS`
    pub users: bool,
    /// `CHECK_TRUNK_USERS`
    pub trunk_users: bool,
    /// `CHECK_SERVICE_USERS`: IVRs, call centers, hunt groups.
    pub service_users: bool,
    /// `CHECK_TRUNK_GROUPS`
    pub trunk_groups: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let checks = Checks { users: true, trunk_users: true, service_users: true, trunk_groups: true };
        Self { group_data: false, reseller: false, group_default_domain: false, checks }
    }
}

/// Something about a settings text, with the line it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Line, from 1; `None` when the text as a whole is meant.
    pub line: Option<usize>,
    /// One sentence.
    pub message: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Most errors that are told at once: each is looked for in the whole text. (There are never more warnings than that.)
const MOST: usize = 16;
/// Longest piece of a text in a message, in characters.
const SHOWN: usize = 100;

/// Where a known key is kept.
type Place = fn(&mut Settings) -> &mut bool;

/// Every section and key that the operator understands.
const KNOWN: [(&str, &[(&str, Place)]); 3] = [
    ("APIO_OBJECT_CREATION", &[("GROUP_DATA", |s| &mut s.group_data), ("RESELLER", |s| &mut s.reseller)]),
    ("AUTO_CREATE", &[("GROUP_DEFAULT_DOMAIN", |s| &mut s.group_default_domain)]),
    (
        "CHECK_GROUP",
        &[
            ("CHECK_USERS", |s| &mut s.checks.users),
            ("CHECK_TRUNK_USERS", |s| &mut s.checks.trunk_users),
            ("CHECK_SERVICE_USERS", |s| &mut s.checks.service_users),
            ("CHECK_TRUNK_GROUPS", |s| &mut s.checks.trunk_groups),
        ],
    ),
];

/// Keys that the platform knows and the operator does not need: they only warn, so that a pasted platform file works.
const ELSEWHERE: [&str; 4] = ["RESELLER_GROUP", "RESELLER_TENANT", "TENANT_DATA", "AUTOMATIC_ID_RULES"];

impl Settings {
    /// Every section, key and value.
    pub fn entries(mut self) -> Vec<(&'static str, &'static str, bool)> {
        let entries =
            KNOWN.into_iter().flat_map(|(section, keys)| keys.iter().map(move |(key, place)| (section, *key, place)));
        entries.map(|(section, key, place)| (section, key, *place(&mut self))).collect()
    }
}

/// Key of the ConfigMap that holds the settings.
pub const KEY: &str = "settings.yaml";

/// [`parse`] for the data of a ConfigMap.
///
/// # Errors
/// As [`parse`], or that the key is missing.
pub fn parse_data(text: Option<&str>) -> Result<(Settings, Vec<Remark>), Vec<Remark>> {
    text.map_or_else(
        || Err(vec![Remark { line: None, message: format!("the ConfigMap lacks the key {KEY} under data") }]),
        parse,
    )
}

/// [`parse`] for a file: settings as they are, or the manifest of a ConfigMap that holds them under [`KEY`]. Lines are those
/// of the file.
///
/// # Errors
/// As [`parse_data`].
pub fn parse_file(text: &str) -> Result<(Settings, Vec<Remark>), Vec<Remark>> {
    let manifest: Option<Value> = serde_yaml::from_str(text).ok();
    let Some(manifest) = manifest.filter(|manifest| manifest.get("kind").is_some_and(|kind| kind == "ConfigMap"))
    else {
        return parse(text);
    };
    let inner = manifest.get("data").and_then(|data| data.get(KEY)).and_then(Value::as_str);
    let Some((at, value)) = text.lines().enumerate().find_map(|(at, line)| Some((at + 1, value_of(line, KEY)?))) else {
        return parse_data(inner);
    };
    if value.starts_with(['|', '>']) {
        // The text is a block below the line of its key: with as many lines above it, each line has its number in the file.
        return parse_data(inner.map(|inner| "\n".repeat(at) + inner).as_deref());
    }
    let here = |remarks: Vec<Remark>| remarks.into_iter().map(|r| Remark { line: r.line.map(|_| at), ..r }).collect();
    parse_data(inner).map(|(settings, warnings)| (settings, here(warnings))).map_err(here)
}

/// What a line of YAML gives to a key, if it holds it outside of a comment.
fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let comment = line.match_indices('#').find(|(at, _)| line[..*at].chars().last().is_none_or(char::is_whitespace));
    let line = comment.map_or(line, |(at, _)| &line[..at]);
    line.match_indices(key).find_map(|(at, _)| {
        let before = line[..at].trim_end_matches(['"', '\'']).chars().last();
        let after = line[at + key.len()..].trim_start_matches(['"', '\'']).trim_start();
        let value = after.strip_prefix(':').filter(|_| before.is_none_or(|c| !c.is_alphanumeric() && c != '_'))?;
        Some(value.trim_start())
    })
}

/// Reads settings; what is absent has its default.
///
/// # Errors
/// Unknown keys, wrong types or a syntax error, each with its line and remedy: every one, up to a number that nobody reads at
/// once.
pub fn parse(text: &str) -> Result<(Settings, Vec<Remark>), Vec<Remark>> {
    let document: Value = serde_yaml::from_str(text).map_err(|error| {
        vec![Remark {
            line: error.location().map(|at| at.line()),
            message: format!("not valid YAML: {}", text::shortened(&error.to_string(), 3 * SHOWN)),
        }]
    })?;
    let mut reader = Reader { text, settings: Settings::default(), warnings: Vec::new(), errors: Vec::new() };
    reader.document(&document);
    if reader.errors.is_empty() { Ok((reader.settings, reader.warnings)) } else { Err(reader.errors) }
}

struct Reader<'a> {
    text: &'a str,
    settings: Settings,
    warnings: Vec<Remark>,
    errors: Vec<Remark>,
}

impl Reader<'_> {
    fn document(&mut self, document: &Value) {
        let sections = KNOWN.map(|(name, _)| name);
        for (name, content) in self.entries(document, None) {
            match KNOWN.iter().find(|(section, _)| *section == name) {
                Some((section, keys)) => self.section(section, keys, &content),
                None => self.unknown(&name, None, &sections),
            }
        }
    }

    fn section(&mut self, section: &str, keys: &[(&str, Place)], content: &Value) {
        let names: Vec<_> = keys.iter().map(|(name, _)| *name).collect();
        for (name, value) in self.entries(content, Some(section)) {
            match (keys.iter().find(|(key, _)| *key == name), &value) {
                (Some((_, place)), Value::Bool(flag)) => *place(&mut self.settings) = *flag,
                (Some(_), other) => {
                    let message = format!("{section}.{name} must be true or false, not {}", shown(other));
                    self.error(Some(section), Some(&name), message);
                }
                (None, _) => self.unknown(&name, Some(section), &names),
            }
        }
    }

    /// The entries of a mapping whose keys are texts; an empty one is fine.
    fn entries(&mut self, value: &Value, section: Option<&str>) -> Vec<(String, Value)> {
        let place = section.unwrap_or("the settings");
        match value {
            Value::Null => Vec::new(),
            Value::Mapping(mapping) => mapping
                .iter()
                .filter_map(|(key, value)| match key {
                    Value::String(key) => Some((key.clone(), value.clone())),
                    other => {
                        self.error(section, None, format!("the key {} of {place} is no text", shown(other)));
                        None
                    }
                })
                .collect(),
            other => {
                self.error(section, None, format!("{place} must be a mapping of keys to values, not {}", shown(other)));
                Vec::new()
            }
        }
    }

    fn unknown(&mut self, name: &str, section: Option<&str>, known: &[&str]) {
        let shown = text::shortened(name, SHOWN);
        let path = section.map_or_else(|| shown.clone(), |section| format!("{section}.{shown}"));
        if ELSEWHERE.contains(&name) {
            let message = format!("{path} is a setting of the platform that the operator does not use");
            self.warnings.push(Remark { line: self.line(section, Some(name)), message });
            return;
        }
        let home = KNOWN.iter().find(|(_, keys)| keys.iter().any(|(key, _)| *key == name));
        let remedy = home.map_or_else(|| spelling::remedy(name, known), |(home, _)| format!("it belongs under {home}"));
        self.error(section, Some(name), format!("unknown key {path}; {remedy}"));
    }

    fn error(&mut self, section: Option<&str>, key: Option<&str>, message: String) {
        if self.errors.len() < MOST {
            self.errors.push(Remark { line: self.line(section, key), message });
        }
    }

    /// The line of a section, or of a key in it: the first one from the section's on that names it.
    fn line(&self, section: Option<&str>, key: Option<&str>) -> Option<usize> {
        let lines: Vec<_> = self.text.lines().collect();
        // Keys of sections may have the name of one at the top, which is indented least.
        let at_the_top = |name: &str| {
            let named = lines.iter().enumerate().filter(|(_, line)| value_of(line, name).is_some());
            named.min_by_key(|(_, line)| line.len() - line.trim_start().len()).map(|(at, _)| at)
        };
        let at = match (section, key) {
            (None, None) => lines.iter().position(|line| !line.trim().is_empty())?,
            (None, Some(name)) | (Some(name), None) => at_the_top(name)?,
            (Some(section), Some(key)) => {
                let start = at_the_top(section)?;
                start + lines[start..].iter().position(|line| value_of(line, key).is_some())?
            }
        };
        Some(at + 1)
    }
}

fn shown(value: &Value) -> String {
    serde_json::to_string(value).map_or_else(|_| "this value".to_owned(), |value| text::shortened(&value, SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        parse(text).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn absent_checks_are_on_and_everything_else_is_off() {
        for text in ["", "{}", "CHECK_GROUP:", "CHECK_GROUP: {CHECK_USERS: true}"] {
            assert_eq!(parse(text).unwrap(), (Settings::default(), vec![]), "{text}");
        }
    }

    #[test]
    fn each_key_is_read_and_listed() {
        for (section, keys) in KNOWN {
            for (key, place) in keys {
                let mut expected = Settings::default();
                let flipped = !*place(&mut expected);
                *place(&mut expected) = flipped;
                assert_eq!(parse(&format!("{section}: {{{key}: {flipped}}}")).unwrap().0, expected, "{section}.{key}");
                assert!(expected.entries().contains(&(section, key, flipped)), "{section}.{key}");
            }
        }
    }

    #[test]
    fn json_is_yaml() {
        let (settings, _) = parse(r#"{"AUTO_CREATE": {"GROUP_DEFAULT_DOMAIN": true}}"#).unwrap();
        assert!(settings.group_default_domain);
    }

    #[test]
    fn a_typo_is_an_error_that_names_the_key_its_line_and_the_right_spelling() {
        assert_eq!(
            problem("AUTO_CREATE: {}\nCHECK_GROUP:\n  CHECK_USER: false\n"),
            "line 3: unknown key CHECK_GROUP.CHECK_USER; did you mean CHECK_USERS?"
        );
        assert_eq!(problem("CHEK_GROUP: {}"), "line 1: unknown key CHEK_GROUP; did you mean CHECK_GROUP?");
        assert_eq!(
            problem("\"ZZ\": {}"),
            "line 1: unknown key ZZ; known are APIO_OBJECT_CREATION, AUTO_CREATE, CHECK_GROUP"
        );
    }

    #[test]
    fn a_wrong_type_is_an_error() {
        assert_eq!(
            problem("CHECK_GROUP:\n  CHECK_USERS: \"no\""),
            "line 2: CHECK_GROUP.CHECK_USERS must be true or false, not \"no\""
        );
        assert_eq!(
            problem("- a"),
            "the settings must be a mapping of keys to values, not [\"a\"]".replace("the", "line 1: the")
        );
    }

    #[test]
    fn a_file_may_be_the_manifest_of_the_configmap_and_its_own_lines_are_told() {
        for (data, line) in [
            ("  settings.yaml: |\n    CHECK_GROUP:\n      CHECK_USER: false\n", 5),
            ("  # settings.yaml: here\n  \"settings.yaml\": |-\n    CHECK_GRUP: {}\n", 5),
            ("  settings.yaml: 'CHECK_GRUP: {}'\n", 3),
            ("  settings.yaml: |\n    CHECK_GROUP: [\n", 5),
        ] {
            let found = parse_file(&format!("kind: ConfigMap\ndata:\n{data}")).unwrap_err();
            assert_eq!(found[0].line, Some(line), "{data}");
            assert_eq!(
                found[0].to_string().matches(&format!("line {line}")).count(),
                found[0].to_string().matches("line ").count()
            );
        }
        assert_eq!(parse_file("CHECK_USER: 1").unwrap_err()[0].line, Some(1));
        for lacks in ["kind: ConfigMap\ndata: {}", "kind: ConfigMap"] {
            assert_eq!(parse_file(lacks), parse_data(None));
        }
        assert_eq!(parse_file("").unwrap().0, Settings::default());
    }

    #[test]
    fn comments_and_keys_of_the_same_name_elsewhere_do_not_mislead() {
        for (text, line) in [
            ("# CHECK_GROUP: what protects\nCHECK_GROUP:\n  # CHECK_USER: x\n  CHECK_USER: false", 4),
            ("CHECK_GROUP:\n  CHECK_USERS: true # CHECK_USER: x\n  CHECK_USER: false", 3),
            ("APIO_OBJECT_CREATION:\n  RESELLER: true\nRESELLER: some text", 3),
            ("CHECK_GROUP:\n  NO_CHECK_USERS: 1\n  CHECK_USERS: 1", 3),
            ("{\n  \"APIO_OBJECT_CREATION\": {\n    \"RESELLER\": true\n  },\n  \"RESELLER\": 1\n}", 5),
            ("\n- a", 2),
        ] {
            assert_eq!(parse(text).unwrap_err().last().unwrap().line, Some(line), "{text}");
        }
    }

    #[test]
    fn a_key_in_the_wrong_place_is_told_where_it_belongs() {
        assert_eq!(problem("CHECK_USERS: true"), "line 1: unknown key CHECK_USERS; it belongs under CHECK_GROUP");
        let elsewhere = problem("AUTO_CREATE:\n  RESELLER: true");
        assert_eq!(elsewhere, "line 2: unknown key AUTO_CREATE.RESELLER; it belongs under APIO_OBJECT_CREATION");
    }

    #[test]
    fn every_error_is_told_at_once() {
        assert_eq!(parse("A: 1\nB: 2").unwrap_err().len(), 2);
    }

    #[test]
    fn a_text_of_nothing_but_errors_is_told_of_in_a_moment_and_in_short() {
        // A fifth of what a ConfigMap may be, of nothing else.
        let text: String = (0..20_000).map(|at| format!("\"K\\e{at}\": 1\n")).collect();
        let errors = parse(&text).unwrap_err();
        assert_eq!(errors.len(), MOST);
        assert!(errors[0].to_string().starts_with("unknown key K\\u001b0; known are"), "{}", errors[0]);
        let long = "x".repeat(100_000);
        for text in
            [format!("{long}: 1"), format!("CHECK_GROUP: {{CHECK_USERS: {long}}}"), format!("{long}: 1\n{long}: 2")]
        {
            assert!(problem(&text).chars().count() < 500, "{:.600}", problem(&text));
        }
    }

    #[test]
    fn what_is_no_yaml_is_an_error_with_its_line() {
        assert!(problem("CHECK_GROUP: {\n  a: [").starts_with("line "));
    }

    #[test]
    fn a_setting_of_the_platform_only_warns() {
        let (settings, warnings) = parse("RESELLER_GROUP: true\nAPIO_OBJECT_CREATION:\n  TENANT_DATA: true").unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(warnings.iter().map(|w| w.line).collect::<Vec<_>>(), [Some(1), Some(3)]);
    }
}
