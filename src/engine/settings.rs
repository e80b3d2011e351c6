//! The settings ConfigMap: typed and strict. The keys are the platform's own names, so that a platform administrator
//! pastes what he knows (JSON is YAML).

use std::fmt;

use serde_yaml::Value;

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

/// [`parse`] for a file: settings as they are, or the manifest of a ConfigMap that holds them under [`KEY`]. Lines are those
/// of the file.
///
/// # Errors
/// As [`parse`], or that the manifest lacks the key.
pub fn parse_file(text: &str) -> Result<(Settings, Vec<Remark>), Vec<Remark>> {
    let manifest: Option<Value> = serde_yaml::from_str(text).ok();
    let Some(manifest) = manifest.filter(|manifest| manifest.get("kind").is_some_and(|kind| kind == "ConfigMap"))
    else {
        return parse(text);
    };
    let Some(inner) = manifest.get("data").and_then(|data| data.get(KEY)).and_then(Value::as_str) else {
        return Err(vec![Remark { line: None, message: format!("the ConfigMap lacks the key {KEY} under data") }]);
    };
    // The text is a block below the line of its key.
    let above = text.lines().position(|line| line.trim_start().starts_with(KEY)).map_or(0, |at| at + 1);
    let moved = |remarks: Vec<Remark>| {
        remarks.into_iter().map(|remark| Remark { line: remark.line.map(|line| line + above), ..remark }).collect()
    };
    parse(inner).map(|(settings, warnings)| (settings, moved(warnings))).map_err(moved)
}

/// Reads settings; what is absent has its default.
///
/// # Errors
/// Every unknown key, wrong type or syntax error, each with its line and remedy.
pub fn parse(text: &str) -> Result<(Settings, Vec<Remark>), Vec<Remark>> {
    let document: Value = serde_yaml::from_str(text).map_err(|error| {
        vec![Remark { line: error.location().map(|at| at.line()), message: format!("not valid YAML: {error}") }]
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
                        self.error(section, None, format!("{place} has the key {}, which is no text", shown(other)));
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
        let path = section.map_or_else(|| name.to_owned(), |section| format!("{section}.{name}"));
        if ELSEWHERE.contains(&name) {
            let message = format!("{path} is a setting of the platform that the operator does not use");
            self.warnings.push(Remark { line: self.line(section, Some(name)), message });
            return;
        }
        let near = known.iter().max_by(|a, b| {
            strsim::jaro_winkler(a, &name.to_uppercase()).total_cmp(&strsim::jaro_winkler(b, &name.to_uppercase()))
        });
        let remedy = match near.filter(|near| strsim::jaro_winkler(near, &name.to_uppercase()) > 0.8) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("known are {}", known.join(", ")),
        };
        self.error(section, Some(name), format!("unknown key {path}; {remedy}"));
    }

    fn error(&mut self, section: Option<&str>, key: Option<&str>, message: String) {
        self.errors.push(Remark { line: self.line(section, key), message });
    }

    /// The line of a key: the first one after its section's that names it.
    fn line(&self, section: Option<&str>, key: Option<&str>) -> Option<usize> {
        let names = |line: &str, name: &str| {
            line.match_indices(name).any(|(at, _)| {
                let before = line[..at].trim_end_matches(['"', '\'']).chars().last();
                let after = line[at + name.len()..].trim_start_matches(['"', '\'']).trim_start();
                before.is_none_or(|c| !c.is_alphanumeric() && c != '_') && after.starts_with(':')
            })
        };
        let lines: Vec<_> = self.text.lines().collect();
        let start = section.map_or(Some(0), |section| lines.iter().position(|line| names(line, section)))?;
        let at = key.map_or(Some(0), |key| lines[start..].iter().position(|line| names(line, key)))?;
        Some(start + at + 1)
    }
}

fn shown(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "this value".to_owned())
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
    fn each_key_is_read() {
        for (section, keys) in KNOWN {
            for (key, place) in keys {
                let mut expected = Settings::default();
                let flipped = !*place(&mut expected);
                *place(&mut expected) = flipped;
                assert_eq!(parse(&format!("{section}: {{{key}: {flipped}}}")).unwrap().0, expected, "{section}.{key}");
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
        let manifest = "kind: ConfigMap\ndata:\n  settings.yaml: |\n    CHECK_GROUP:\n      CHECK_USER: false\n";
        assert_eq!(parse_file(manifest).unwrap_err()[0].line, Some(5));
        assert_eq!(parse_file("CHECK_USER: 1").unwrap_err()[0].line, Some(1));
        assert!(parse_file("kind: ConfigMap\ndata: {}").unwrap_err()[0].message.contains(KEY));
        assert_eq!(parse_file("").unwrap().0, Settings::default());
    }

    #[test]
    fn every_error_is_told_at_once() {
        assert_eq!(parse("A: 1\nB: 2").unwrap_err().len(), 2);
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
