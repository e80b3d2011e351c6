//! The annotations of ours, read once. A misspelt one never falls to the side that writes or deletes:
//!
//! | annotation | value | what it does |
//! | --- | --- | --- |
//! | `paused` | `true` | pauses |
//! | `paused` | `false` | nothing |
//! | `paused` | another one | pauses, and is reported |
//! | `deletion` | `Orphan` | a deletion leaves the platform as it is |
//! | `deletion` | another one | blocks a deletion, and is reported |
//! | `requested-at` | any | asks for a look when it changes |
//! | an unknown one | any | blocks a deletion, and is reported; pauses if it is like `paused` and not `false` |
//!
//! Blanks around a value and its case do not count.

use std::{collections::BTreeMap, fmt};

use super::{check_group::LEAVE_IT, spelling::nearest};
use crate::api::{DELETION, PAUSED, PREFIX, REQUESTED_AT, text};

/// All that are known.
const KNOWN: [&str; 3] = [PAUSED, DELETION, REQUESTED_AT];
/// Most characters of a value or a name in a message.
const SHOWN: usize = 64;
/// Most annotations in a message.
const MOST: usize = 3;

/// What the annotations of a resource ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// Whether nothing is written to the platform, but by a deletion.
    pub paused: bool,
    /// What a deletion does, when it is said.
    pub deletion: Option<Deletion>,
    /// Asks for a look now when it is another one than before.
    pub requested_at: Option<String>,
    /// What cannot be read.
    pub unreadable: Vec<Unreadable>,
}

/// What a deletion does on the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The object stays there.
    Orphan,
}

/// An annotation of ours that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its name, with the prefix.
    pub name: String,
    /// Its value; `None` when it is the name that is not known.
    pub value: Option<String>,
    /// What was probably meant, in place of the value or of the name.
    pub did_you_mean: Option<&'static str>,
    /// Whether it pauses, because it may have been meant to.
    pub pauses: bool,
}

impl Annotations {
    /// Reads the annotations of a resource; those of others do not count.
    pub fn read(all: &BTreeMap<String, String>) -> Self {
        let mut read = Self::default();
        for (name, value) in all.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            read.one(name, value);
        }
        read
    }

    fn one(&mut self, name: &str, value: &str) {
        match name {
            PAUSED => match flag(value) {
                Some(paused) => self.paused |= paused,
                None => {
                    self.misread(name, value, &["true", "false"], true);
                }
            },
            DELETION if is(value, "Orphan") => self.deletion = Some(Deletion::Orphan),
            DELETION => self.misread(name, value, &["Orphan"], false),
            REQUESTED_AT => self.requested_at = Some(value.to_owned()),
            unknown => {
                let near = nearest(own_part(unknown), &KNOWN.map(own_part));
                let did_you_mean = KNOWN.into_iter().find(|name| Some(own_part(name)) == near);
                let pauses = did_you_mean == Some(PAUSED) && flag(value) != Some(false);
                self.report(Unreadable { name: unknown.to_owned(), value: None, did_you_mean, pauses });
            }
        }
    }

    fn misread(&mut self, name: &str, value: &str, known: &[&'static str], pauses: bool) {
        let did_you_mean = nearest(value.trim(), known);
        self.report(Unreadable { name: name.to_owned(), value: Some(value.to_owned()), did_you_mean, pauses });
    }

    fn report(&mut self, unreadable: Unreadable) {
        self.paused |= unreadable.pauses;
        self.unreadable.push(unreadable);
    }
}

impl Unreadable {
    /// Whether it may have been meant to keep the platform's object. A pause does not: a deletion runs in spite of one.
    pub fn blocks_deletion(&self) -> bool {
        self.name != PAUSED
    }
}

/// Shows what cannot be read, and what to do about it.
pub fn sentence(unreadable: &[Unreadable]) -> String {
    let shown: Vec<_> = unreadable.iter().take(MOST).map(ToString::to_string).collect();
    let more = unreadable.len().saturating_sub(MOST);
    let more = if more == 0 { String::new() } else { format!(", and {more} more") };
    format!("{}{more}; correct or remove what is meant otherwise", shown.join(", and "))
}

/// Why nothing is written.
pub fn paused(unreadable: &[Unreadable]) -> String {
    match unreadable.iter().find(|one| one.pauses) {
        Some(one) => format!("paused, because {one}; correct it, or remove it to go on"),
        None => format!("paused by the annotation {PAUSED}; remove it to go on"),
    }
}

/// Why a deletion waits for an annotation.
pub fn blocked(by: &Unreadable) -> String {
    format!("{by}, so nothing is deleted; remove it, or {LEAVE_IT}")
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = text::shortened(&self.name, SHOWN);
        match &self.value {
            Some(value) => write!(f, "the annotation {name} has the value {:?}, which is not known", shown(value))?,
            None => write!(f, "the annotation {name} is not known")?,
        }
        match self.did_you_mean {
            Some(meant) => write!(f, " (did you mean {meant}?)"),
            None => Ok(()),
        }
    }
}

fn own_part(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

fn is(value: &str, word: &str) -> bool {
    value.trim().eq_ignore_ascii_case(word)
}

fn flag(value: &str) -> Option<bool> {
    [("true", true), ("false", false)].into_iter().find_map(|(word, flag)| is(value, word).then_some(flag))
}

fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Annotations {
        Annotations::read(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn an_orphan_is_one_in_any_case_and_with_blanks_around_it() {
        for value in ["Orphan", "orphan", "ORPHAN", "Orphan ", "\torphan\n"] {
            let expected = Annotations { deletion: Some(Deletion::Orphan), ..Annotations::default() };
            assert_eq!(read(DELETION, value), expected, "{value:?}");
        }
    }

    #[test]
    fn any_other_word_about_a_deletion_blocks_it_with_what_was_probably_meant() {
        for (value, meant) in
            [("Orfan", Some("Orphan")), ("Orphaned", Some("Orphan")), ("Keep", None), ("true", None), ("", None)]
        {
            let read = read(DELETION, value);
            assert_eq!((read.deletion, read.unreadable.len()), (None, 1), "{value:?}");
            assert!(read.unreadable[0].blocks_deletion());
            assert_eq!(read.unreadable[0].did_you_mean, meant, "{value:?}");
        }
    }

    #[test]
    fn only_a_false_does_not_pause_and_what_is_neither_true_nor_false_is_reported() {
        for (value, paused, reported) in [
            ("true", true, false),
            (" True", true, false),
            ("false", false, false),
            ("False ", false, false),
            ("ture", true, true),
            ("no", true, true),
            ("", true, true),
        ] {
            let read = read(PAUSED, value);
            assert_eq!((read.paused, !read.unreadable.is_empty()), (paused, reported), "{value:?}");
            assert!(!read.unreadable.iter().any(Unreadable::blocks_deletion));
        }
    }

    #[test]
    fn a_misspelt_name_pauses_if_it_may_be_a_pause_and_blocks_a_deletion_whatever_it_is() {
        for (own, value, paused, meant) in [
            ("pause", "true", true, Some(PAUSED)),
            ("Paused", "yes", true, Some(PAUSED)),
            ("pause", "false", false, Some(PAUSED)),
            ("deletionpolicy", "Orphan", false, Some(DELETION)),
            ("delete", "Orphan", false, Some(DELETION)),
            ("requested", "now", false, Some(REQUESTED_AT)),
            ("keep", "true", false, None),
            ("", "", false, None),
        ] {
            let read = read(&format!("{PREFIX}{own}"), value);
            assert_eq!((read.paused, read.deletion, read.unreadable.len()), (paused, None, 1), "{own}={value}");
            assert!(read.unreadable[0].blocks_deletion());
            assert_eq!(read.unreadable[0].did_you_mean, meant, "{own}");
        }
    }

    #[test]
    fn annotations_of_others_do_not_count() {
        for name in ["paused", "example.com/paused", "apio.netaxis.be.example/deletion", "x.apio.netaxis.be/deletion"] {
            assert_eq!(read(name, "true"), Annotations::default(), "{name}");
        }
        assert_eq!(read(REQUESTED_AT, "").requested_at.as_deref(), Some(""));
    }

    #[test]
    fn a_message_names_the_annotation_its_value_and_the_remedy_and_stays_short() {
        let orfan = &read(DELETION, "orfan").unreadable[0];
        assert_eq!(
            blocked(orfan),
            "the annotation apio.netaxis.be/deletion has the value \"orfan\", which is not known (did you mean Orphan?), so nothing is deleted; remove it, or set the annotation apio.netaxis.be/deletion=Orphan to leave it there"
        );
        let many: Vec<_> = (0..9).flat_map(|at| read(&format!("{PREFIX}x{at}"), "").unreadable).collect();
        assert_eq!(
            sentence(&many),
            "the annotation apio.netaxis.be/x0 is not known, and the annotation apio.netaxis.be/x1 is not known, and the annotation apio.netaxis.be/x2 is not known, and 6 more; correct or remove what is meant otherwise"
        );
        let long = sentence(&read(DELETION, &"\n".repeat(100_000)).unreadable);
        assert!(long.len() < 300 && long.contains("\\n...\""), "{long}");
        let odd = sentence(&read(&format!("{PREFIX}\u{1b}[2J"), "").unreadable);
        assert!(odd.starts_with("the annotation apio.netaxis.be/\\u001b[2J is"), "{odd}");
    }
}
