//! The annotations of a resource: one of ours that is not exactly understood never means a deletion, nor goes unsaid.

use std::collections::BTreeMap;

use apio_operator::{
    api::{DELETION, PAUSED, PREFIX, REQUESTED_AT},
    engine::annotations::{Annotations, Deletion, Unreadable, blocked, paused, sentence},
};

use super::{draw::Draw, told::told};

const VALUES: [&str; 8] = ["true", "false", "Orphan", "Delete", "yes", "", "2026-01-01", "orphan "];

/// Some annotations, ours and others, right and misspelt.
pub fn drawn(draw: &mut Draw<'_>) -> BTreeMap<String, String> {
    let others = ["paused", "example.com/deletion", "apio.netaxis.be.example/paused", "apio.netaxis.be/delete"];
    let known = [&[PAUSED, DELETION, REQUESTED_AT][..], &others].concat();
    draw.some(4, |draw| {
        let name = if draw.one_in(3) { format!("{PREFIX}{}", draw.text()) } else { draw.word(&known) };
        (name, draw.word(&VALUES))
    })
    .into_iter()
    .collect()
}

/// Whether every annotation of ours is one that is known, with a value that is.
pub fn are_understood(all: &BTreeMap<String, String>) -> bool {
    let is = |value: &str, words: &[&str]| words.iter().any(|word| value.trim().to_lowercase() == *word);
    all.iter().filter(|(name, _)| name.starts_with(PREFIX)).all(|(name, value)| match name.as_str() {
        PAUSED => is(value, &["true", "false"]),
        DELETION => is(value, &["orphan"]),
        name => name == REQUESTED_AT,
    })
}

/// Annotations, read and told.
pub fn target(draw: &mut Draw<'_>) {
    let all = drawn(draw);
    let read = Annotations::read(&all);
    assert_eq!(read.unreadable.is_empty(), are_understood(&all), "{all:?}: {read:?}");
    let deletion = all.get(DELETION).map(|value| value.trim().to_lowercase());
    assert_eq!(read.deletion == Some(Deletion::Orphan), deletion.as_deref() == Some("orphan"), "{all:?}");
    let blocks = read.unreadable.iter().any(Unreadable::blocks_deletion);
    let odd = all.iter().filter(|(name, _)| name.starts_with(PREFIX) && *name != PAUSED);
    let odd: BTreeMap<_, _> = odd.map(|(name, value)| (name.clone(), value.clone())).collect();
    assert_eq!(blocks, !are_understood(&odd), "{all:?}");
    if let Some(value) = all.get(PAUSED) {
        assert!(read.paused || value.trim().to_lowercase() == "false", "{all:?}");
    }
    assert_eq!(read.requested_at.as_ref(), all.get(REQUESTED_AT));
    assert_eq!(read, Annotations::read(&all));
    if !read.unreadable.is_empty() {
        told(&sentence(&read.unreadable));
        read.unreadable.iter().for_each(|one| told(&blocked(one)));
    }
    told(&paused(&read.unreadable));
}
