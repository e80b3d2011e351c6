//! `docs/troubleshooting.md`: every reason has its section, every output in it comes from the live server, and every command
//! under it is run and helps. `APIO_UPDATE=1 cargo test --test e2e troubleshooting` writes the outputs into the page.

mod accounts;
mod deletion;
mod page;
mod resources;
mod stage;
mod surroundings;
mod unproducible;

use std::{collections::BTreeSet, sync::Arc};

use apio_operator::engine::reason::{Reason, State};
use tokio::task::JoinSet;

use page::{Page, condition, known};
use stage::Shown;

const UPDATE: &str = "APIO_UPDATE=1 cargo test --test e2e troubleshooting";

#[test]
fn every_reason_has_a_section_that_shows_it_and_every_section_is_of_a_reason() {
    let page = Page::read();
    let names: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    assert_eq!(page.sections().collect::<BTreeSet<_>>(), names);
    for reason in Reason::ALL {
        let shown: String = page.blocks_of(reason.name()).map(|block| block.content.as_str()).collect();
        let words: Vec<_> = shown.split_whitespace().collect();
        assert!(words.contains(&reason.name()), "the section {reason} shows no output with its reason");
        let expected = match reason.state() {
            State::Waiting | State::MayCome => Some("Reconciling"),
            State::Stalled => Some("Stalled"),
            State::Blocked => Some("DeletionBlocked"),
            State::Settled | State::Event => None,
        };
        let there: Vec<_> = ["Reconciling", "Stalled"].into_iter().filter(|kind| words.contains(kind)).collect();
        assert!(expected.map_or(there.is_empty(), |kind| words.contains(&kind)), "{reason}: {there:?}");
    }
}

#[test]
fn every_message_is_one_sentence_with_what_to_do() {
    for block in Page::read().blocks {
        for (reason, message) in block.messages() {
            let one = !message.ends_with('.')
                && message.starts_with(|c: char| !c.is_uppercase() || message.starts_with("GET"));
            assert!(one, "not one sentence: {message}");
            let told = known(reason).unwrap_or_else(|| panic!("{reason} is not in the list of reasons"));
            let asks = condition(told).is_some() && told != Reason::Creating;
            assert!(!asks || message.contains("; "), "{reason} does not say what to do: {message}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 5)]
async fn what_the_page_shows_is_what_a_user_reads_and_what_it_advises_helps() {
    let page = Arc::new(Page::read());
    let mut scenarios = JoinSet::new();
    scenarios.spawn(resources::scenarios(page.clone()));
    scenarios.spawn(deletion::scenarios(page.clone()));
    scenarios.spawn(surroundings::scenarios(page.clone()));
    scenarios.spawn(accounts::scenarios(page.clone()));
    scenarios.spawn(unproducible::scenarios(page.clone()));
    let shown: Shown = scenarios.join_all().await.into_iter().flatten().collect();
    let current = page.with(&shown);
    if std::env::var_os("APIO_UPDATE").is_some() {
        page::write(&current);
        return;
    }
    let differing = page.differing(&current);
    assert!(differing.is_empty(), "docs/troubleshooting.md is not current; run: {UPDATE}\n{differing}");
}
