//! The text of the settings, held against a reading of its own: nothing that is misspelt falls to the side that deletes or
//! creates.

use apio_operator::engine::settings::{KEY, Remark, Settings, parse, parse_data, parse_file};
use serde_yaml::Value;

use super::{draw::Draw, told::told};

const SECTIONS: [&str; 5] =
    ["CHECK_GROUP", "AUTO_CREATE", "APIO_OBJECT_CREATION", "RESELLER_GROUP", "AUTOMATIC_ID_RULES"];
const KEYS: [&str; 10] = [
    "CHECK_USERS",
    "CHECK_TRUNK_USERS",
    "CHECK_SERVICE_USERS",
    "CHECK_TRUNK_GROUPS",
    "GROUP_DEFAULT_DOMAIN",
    "GROUP_DATA",
    "RESELLER",
    "TENANT_DATA",
    "<<",
    "? [a]",
];
const VALUES: [&str; 24] = [
    "true",
    "false",
    "True",
    "FALSE",
    "yes",
    "off",
    "\"true\"",
    "'false'",
    "null",
    "~",
    "",
    "1",
    "0",
    ".nan",
    "!!bool false",
    "!!str true",
    "&a true",
    "*a",
    "[]",
    "{}",
    "[false]",
    "| false",
    "# x",
    "!x false",
];
/// Most problems that are told at once.
const MOST: usize = 20;

/// A text, as settings and as a file.
pub fn target(draw: &mut Draw<'_>) {
    let text = text(draw);
    let read = parse(&text);
    checked(&text, &read);
    assert_eq!(read, parse(&text));
    if let Ok((settings, _)) = read {
        assert_eq!(parse(&written(settings)), Ok((settings, vec![])), "{text:?}");
        assert_eq!(Some(settings), plainly(&text), "{text:?}");
        assert_eq!(parse_data(Some(&text)).map(|read| read.0), Ok(settings));
    }
    let file = manifest(draw, &text);
    let of_file = parse_file(&file);
    checked(&file, &of_file);
    let whole: Option<Value> = serde_yaml::from_str(&file).ok();
    let inner = whole.as_ref().and_then(|whole| whole.get("data")?.get(KEY)?.as_str());
    if let (Some(inner), Ok((settings, _))) = (inner, of_file) {
        assert_eq!(Some(settings), plainly(inner), "{file:?}");
    }
}

fn checked(text: &str, read: &Result<(Settings, Vec<Remark>), Vec<Remark>>) {
    let remarks = match read {
        Ok((_, warnings)) => warnings,
        Err(errors) => errors,
    };
    assert!(read.is_ok() || !remarks.is_empty(), "{text:?}");
    assert!(remarks.len() <= MOST, "{} remarks on {text:?}", remarks.len());
    for remark in remarks {
        told(&remark.to_string());
        let lines = text.chars().filter(|c| "\r\n\u{85}\u{2028}\u{2029}".contains(*c)).count() + 1;
        assert!(remark.line.is_none_or(|line| (1..=lines + 1).contains(&line)), "{remark} of {lines}: {text:?}");
    }
}

/// What a text says in which every name is known, by a reading that knows no more than the names.
fn plainly(text: &str) -> Option<Settings> {
    let whole: Value = serde_yaml::from_str(text).ok()?;
    let names: Vec<_> = Settings::default().entries().into_iter().map(|(section, key, _)| (section, key)).collect();
    let is_elsewhere =
        |name: &str| ["RESELLER_GROUP", "RESELLER_TENANT", "TENANT_DATA", "AUTOMATIC_ID_RULES"].contains(&name);
    let mut settings = Settings::default();
    let nothing = serde_yaml::Mapping::new();
    for (section, below) in whole.as_mapping().or(whole.is_null().then_some(&nothing))? {
        let section = section.as_str()?;
        if is_elsewhere(section) {
            continue;
        }
        assert!(names.iter().any(|(known, _)| *known == section), "{section:?} is taken: {text:?}");
        for (key, value) in below.as_mapping().or(below.is_null().then_some(&nothing))? {
            let key = key.as_str()?;
            if is_elsewhere(key) {
                continue;
            }
            assert!(names.contains(&(section, key)), "{section}.{key} is taken: {text:?}");
            *place(&mut settings, key) = value.as_bool()?;
        }
    }
    Some(settings)
}

fn place<'a>(settings: &'a mut Settings, key: &str) -> &'a mut bool {
    match key {
        "GROUP_DATA" => &mut settings.group_data,
        "RESELLER" => &mut settings.reseller,
        "GROUP_DEFAULT_DOMAIN" => &mut settings.group_default_domain,
        "CHECK_USERS" => &mut settings.checks.users,
        "CHECK_TRUNK_USERS" => &mut settings.checks.trunk_users,
        "CHECK_SERVICE_USERS" => &mut settings.checks.service_users,
        "CHECK_TRUNK_GROUPS" => &mut settings.checks.trunk_groups,
        other => panic!("{other}"),
    }
}

/// Settings as a text.
fn written(settings: Settings) -> String {
    let sections = ["APIO_OBJECT_CREATION", "AUTO_CREATE", "CHECK_GROUP"].map(|section| {
        let entries = settings.entries().into_iter().filter(|(of, ..)| *of == section);
        format!("{section}:\n{}", entries.map(|(_, key, value)| format!("  {key}: {value}\n")).collect::<String>())
    });
    sections.concat()
}

fn text(draw: &mut Draw<'_>) -> String {
    let text = match draw.below(8) {
        0..=4 => in_lines(draw),
        5 | 6 => in_braces(draw),
        _ => draw.text(),
    };
    if draw.one_in(4) { String::from_utf8_lossy(&draw.changed(text.into_bytes())).into_owned() } else { text }
}

fn in_lines(draw: &mut Draw<'_>) -> String {
    let end = draw.of(&["\n", "\n", "\n", "\r\n", "\r"]);
    let before = draw.of(&["", "", "", "# CHECK_GROUP: x", "---", "\u{feff}", "%YAML 1.2", "...", "&a"]);
    let sections = draw.some(3, |draw| {
        let entries = draw.some(3, |draw| {
            let after = draw.of(&["", "", "", " # CHECK_USER: x", "\t", " |"]);
            format!(
                "{}{}: {}{after}{end}",
                draw.of(&["  ", "  ", "    ", "\t", "- "]),
                draw.word(&KEYS),
                draw.word(&VALUES)
            )
        });
        format!(
            "{}:{}{end}{}",
            draw.word(&SECTIONS),
            draw.of(&["", "", "", " &a", " !!map", " true"]),
            entries.concat()
        )
    });
    format!("{before}{}{}", if before.is_empty() { "" } else { end }, sections.concat())
}

fn in_braces(draw: &mut Draw<'_>) -> String {
    let sections = draw.some(3, |draw| {
        let entries = draw.some(3, |draw| format!("\"{}\": {}", draw.word(&KEYS), draw.word(&VALUES)));
        format!("\"{}\": {{{}}}", draw.word(&SECTIONS), entries.join(", "))
    });
    format!("{{{}}}", sections.join(draw.of(&[", ", ",\n", "\n"])))
}

/// The manifest of a ConfigMap that holds a text in one of the ways in which YAML does.
fn manifest(draw: &mut Draw<'_>, text: &str) -> String {
    let indented = |by: &str| text.lines().map(|line| format!("{by}{line}\n")).collect::<String>();
    let value = match draw.below(5) {
        0 => format!("|\n{}", indented("    ")),
        1 => format!(">-\n{}", indented("    ")),
        2 => serde_json::Value::from(text).to_string(),
        3 => format!("'{}'", text.replace('\'', "''")),
        _ => format!("|{}\n{}", draw.of(&["+", "2", "-", " # x"]), indented("      ")),
    };
    let key = draw.of(&["settings.yaml", "\"settings.yaml\"", "'settings.yaml'", "settings.yml"]);
    let kind = draw.of(&["kind: ConfigMap\n", "kind: ConfigMap\n", "kind: Secret\n", ""]);
    let comment = draw.of(&["", "  # settings.yaml: here\n"]);
    format!("{kind}data:\n{comment}  {key}: {value}\n{}", draw.of(&["", "metadata: {name: settings.yaml}\n"]))
}
