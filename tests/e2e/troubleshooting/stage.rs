//! Where the scenarios of the page are played.

use std::{collections::BTreeMap, sync::Arc, sync::Mutex};

use apio_operator::engine::reason::Reason;
use testkit::cluster::ControlPlane;

use super::page::Page;
use crate::{
    shell::Shell,
    world::{HasStatus, Watchable, World},
};

/// The output of each scenario.
pub type Shown = BTreeMap<String, String>;

/// A user who reads the page.
pub struct Stage {
    page: Arc<Page>,
    shell: Shell,
    shown: Mutex<Shown>,
}

impl Stage {
    pub fn new(page: Arc<Page>, plane: &'static ControlPlane, namespace: &str, platform: &str) -> Self {
        Self { page, shell: Shell::new(plane, namespace, platform), shown: Mutex::default() }
    }

    pub fn of(page: Arc<Page>, world: &World) -> Self {
        Self::new(page, world.plane, &world.namespace, &world.platform.url())
    }

    /// Gives something that has another name in each run its name on the page.
    pub fn calls(&self, there: &str, here: &str) {
        self.shell.calls(there, here);
    }

    /// Shows what the page shows of a scenario, then does what it advises.
    pub fn play(&self, scenario: &str) {
        let block = self.page.block(scenario);
        let output: String = block.commands().map(|command| self.shell.shown(command).unwrap()).collect();
        self.shown.lock().unwrap().insert(scenario.to_owned(), output);
        for script in &block.advice {
            self.shell.run(script).unwrap();
        }
    }

    /// What was shown.
    pub fn end(self) -> Shown {
        self.shown.into_inner().unwrap()
    }
}

/// Waits until a condition has a reason and its event was told.
pub async fn meets<K: Watchable + HasStatus>(world: &World, name: &str, kind: &str, reason: Reason) {
    world.reason::<K>(name, kind, reason.name()).await;
    world.told(name, reason.name()).await;
}
