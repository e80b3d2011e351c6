//! Breadth-first search over a world, level by level: every state that can be reached from the beginnings, each once, and so the
//! shortest way to each. (A search of our own and not `stateright`: it is these lines, it keeps of a state that was expanded no more
//! than its hash and the way there, and at the end of each way it asks more than that crate's `eventually`, which misses what a
//! cycle hides: what comes of every state when nothing disturbs any more.)

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    time::{Duration, Instant},
};

use crate::world::{Action, Fingerprint, World, ends, rules};

/// How many states are expanded at once.
const BLOCK: usize = 2048;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    pub states: usize,
    pub depth: usize,
    /// Whether nothing is left to expand.
    pub is_whole: bool,
    pub transitions: usize,
    /// Different ends that were looked at.
    pub ends: usize,
    pub actions: BTreeMap<String, usize>,
    pub took: Duration,
    /// The shortest one of each kind.
    pub counterexamples: Vec<Counterexample>,
}

/// What is broken, and the shortest way there.
#[derive(Debug)]
pub struct Counterexample {
    pub beginning: String,
    pub actions: Vec<Action>,
    pub why: String,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.why)?;
        writeln!(f, "shortest way there, from \"{}\":", self.beginning)?;
        self.actions.iter().enumerate().try_for_each(|(at, action)| writeln!(f, "{:3}. {action}", at + 1))
    }
}

/// How a state was reached.
enum From {
    Beginning(String),
    State(u128, Action),
}

/// When a search ends before everything was seen.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    pub states: usize,
    pub counterexamples: usize,
}

/// What comes of one state.
struct Expanded {
    next: Vec<(u128, Action, World)>,
    taken: Vec<Action>,
    broken: Vec<(Option<Action>, String)>,
    ends: Vec<u128>,
}

/// Searches until everything was seen, or this much. `each_level` hears how it goes.
pub fn search(beginnings: Vec<(&str, World)>, most: Most, each_level: impl Fn(&Found)) -> Found {
    let began = Instant::now();
    let mut found = Found::default();
    let (mut reached, mut ended) = (HashMap::new(), HashSet::new());
    let mut frontier = Vec::new();
    for (name, world) in beginnings {
        let hash = Fingerprint::of(&world);
        if reached.insert(hash, From::Beginning(name.to_owned())).is_none() {
            frontier.push((hash, world));
        }
    }
    while !frontier.is_empty() && reached.len() < most.states {
        let mut next = Vec::new();
        for block in frontier.chunks(BLOCK) {
            for ((from, _), expanded) in block.iter().zip(in_parallel(block, &ended)) {
                found.transitions += expanded.taken.len();
                for action in &expanded.taken {
                    *found.actions.entry(action.label()).or_default() += 1;
                }
                for (action, why) in expanded.broken {
                    if found.counterexamples.iter().all(|known| known.why != why) {
                        found.counterexamples.push(way(&reached, *from, action, why));
                    }
                }
                if found.counterexamples.len() >= most.counterexamples {
                    (found.states, found.ends, found.took) = (reached.len(), ended.len(), began.elapsed());
                    return found;
                }
                ended.extend(expanded.ends);
                for (hash, action, world) in expanded.next {
                    reached.entry(hash).or_insert_with(|| {
                        next.push((hash, world));
                        From::State(*from, action)
                    });
                }
            }
            if reached.len() >= most.states {
                break;
            }
        }
        found.depth += usize::from(!next.is_empty());
        frontier = next;
        (found.states, found.ends, found.took) = (reached.len(), ended.len(), began.elapsed());
        each_level(&found);
    }
    found.is_whole = frontier.is_empty();
    found
}

fn in_parallel(block: &[(u128, World)], ended: &HashSet<u128>) -> Vec<Expanded> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let part = block.len().div_ceil(cores).max(1);
    std::thread::scope(|threads| {
        let expand_all =
            |part: &[(u128, World)]| part.iter().map(|(_, world)| expand(world, ended)).collect::<Vec<_>>();
        let parts: Vec<_> = block.chunks(part).map(|part| threads.spawn(move || expand_all(part))).collect();
        // A panic goes on here.
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn expand(world: &World, ended: &HashSet<u128>) -> Expanded {
    let mut expanded = Expanded { next: Vec::new(), taken: Vec::new(), broken: Vec::new(), ends: Vec::new() };
    let core = ends::core(world);
    if !ended.contains(&core) {
        expanded.broken.extend(ends::broken(world).map(|why| (None, why)));
        expanded.ends.push(core);
    }
    for action in world.actions() {
        let after = world.after(action);
        expanded.taken.push(action);
        expanded.broken.extend(rules::broken(world, action, &after).map(|why| (Some(action), why)));
        expanded.next.push((Fingerprint::of(&after), action, after));
    }
    expanded
}

fn way(reached: &HashMap<u128, From>, mut at: u128, last: Option<Action>, why: String) -> Counterexample {
    let mut actions: Vec<Action> = last.into_iter().collect();
    let mut beginning = String::new();
    while let Some(from) = reached.get(&at) {
        match from {
            From::State(before, action) => {
                actions.push(*action);
                at = *before;
            }
            From::Beginning(name) => {
                beginning.clone_from(name);
                break;
            }
        }
    }
    actions.reverse();
    Counterexample { beginning, actions, why }
}
