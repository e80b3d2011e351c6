//! Turns: the most urgent class first, and within a class one tenant after the other.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::Class;

/// One of so many turns of the background goes to the least urgent class that waits.
pub(super) const LEAST: usize = 4;

/// Who waits for a turn or has it, by name.
#[derive(Debug, Default)]
pub struct Queue {
    /// In which class and lane each waits.
    waiting: HashMap<String, (Class, String)>,
    classes: BTreeMap<Class, Lanes>,
    running: HashMap<String, Class>,
    /// How many turns of the background were given.
    background: usize,
}

/// Who waits in one class, by tenant; the tenant in front is served next.
#[derive(Debug, Default)]
struct Lanes {
    lanes: HashMap<String, VecDeque<String>>,
    order: VecDeque<String>,
}

impl Lanes {
    fn push(&mut self, lane: &str, who: &str) {
        let waiting = self.lanes.entry(lane.to_owned()).or_default();
        if waiting.is_empty() {
            self.order.push_back(lane.to_owned());
        }
        waiting.push_back(who.to_owned());
    }

    fn pop(&mut self) -> Option<String> {
        let lane = self.order.pop_front()?;
        let waiting = self.lanes.get_mut(&lane)?;
        let who = waiting.pop_front();
        if waiting.is_empty() {
            self.lanes.remove(&lane);
        } else {
            self.order.push_back(lane);
        }
        who
    }

    fn remove(&mut self, lane: &str, who: &str) {
        let Some(waiting) = self.lanes.get_mut(lane) else { return };
        waiting.retain(|one| one != who);
        if waiting.is_empty() {
            self.lanes.remove(lane);
            self.order.retain(|one| one != lane);
        }
    }
}

impl Queue {
    /// Somebody asks for a turn, or again for a more urgent one. The lane is a tenant: one with many passes does not keep the
    /// others waiting.
    pub fn ask(&mut self, who: &str, class: Class, lane: &str) {
        if self.has_turn(who) || self.waiting.get(who).is_some_and(|(before, _)| *before <= class) {
            return;
        }
        self.leave(who);
        self.waiting.insert(who.to_owned(), (class, lane.to_owned()));
        self.classes.entry(class).or_default().push(lane, who);
    }

    /// The next one that gets its turn when this many may have one at once.
    pub fn grant(&mut self, most: usize) -> Option<String> {
        if self.running.len() >= most {
            return None;
        }
        let background = self.running.values().filter(|class| class.is_background()).count();
        let full = background >= (most / 2).max(1);
        let waits = |(class, lanes): &(&Class, &Lanes)| !(lanes.order.is_empty() || full && class.is_background());
        let mut open = self.classes.iter().filter(waits).map(|(class, _)| *class);
        let first = open.next()?;
        self.background += usize::from(first.is_background());
        // Many that wait for something would keep the others from ever being looked at.
        let is_of_the_last = first.is_background() && self.background.is_multiple_of(LEAST);
        let class = if is_of_the_last { open.next_back().unwrap_or(first) } else { first };
        let who = self.classes.get_mut(&class)?.pop()?;
        self.waiting.remove(&who);
        self.running.insert(who.clone(), class);
        Some(who)
    }

    /// Somebody has had its turn, or waits no more.
    pub fn leave(&mut self, who: &str) {
        self.running.remove(who);
        if let Some((class, lane)) = self.waiting.remove(who)
            && let Some(lanes) = self.classes.get_mut(&class)
        {
            lanes.remove(&lane, who);
        }
    }

    /// Whether it has its turn.
    pub fn has_turn(&self, who: &str) -> bool {
        self.running.contains_key(who)
    }

    /// How many have their turn.
    #[cfg(test)]
    pub fn running(&self) -> usize {
        self.running.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(queue: &mut Queue, most: usize) -> Vec<String> {
        std::iter::from_fn(|| queue.grant(most)).take(100).collect()
    }

    #[test]
    fn a_change_never_waits_behind_polls() {
        let mut queue = Queue::default();
        for poll in ["1", "2", "3", "4"] {
            queue.ask(poll, Class::Poll, "a");
        }
        assert_eq!(granted(&mut queue, 4), ["1", "2"]);
        queue.ask("change", Class::Change, "a");
        assert_eq!(granted(&mut queue, 4), ["change"]);
        queue.leave("1");
        assert_eq!(granted(&mut queue, 4), ["3"]);
    }

    #[test]
    fn who_waits_and_asks_again_moves_to_the_more_urgent_class_and_never_back() {
        let mut queue = Queue::default();
        for (who, class) in [
            ("1", Class::Poll),
            ("2", Class::Poll),
            ("3", Class::Change),
            ("2", Class::Change),
            ("3", Class::Poll),
            ("1", Class::Poll),
        ] {
            queue.ask(who, class, "a");
        }
        assert_eq!(granted(&mut queue, 10), ["3", "2", "1"]);
        queue.ask("1", Class::Change, "a");
        assert_eq!(granted(&mut queue, 10), [""; 0], "it has its turn");
    }

    #[test]
    fn polls_get_every_fourth_turn_of_the_background() {
        let mut queue = Queue::default();
        for recheck in ["r1", "r2", "r3", "r4"] {
            queue.ask(recheck, Class::Recheck, "a");
        }
        queue.ask("poll", Class::Poll, "a");
        assert_eq!(granted(&mut queue, 10), ["r1", "r2", "r3", "poll", "r4"]);
    }

    #[test]
    fn one_tenant_with_many_changes_does_not_keep_another_waiting() {
        let mut queue = Queue::default();
        for (who, lane) in [("1", "many"), ("2", "many"), ("3", "many"), ("4", "one")] {
            queue.ask(who, Class::Change, lane);
        }
        assert_eq!(granted(&mut queue, 10), ["1", "4", "2", "3"]);
    }

    #[test]
    fn with_a_single_turn_polls_get_it_too_and_who_gives_up_is_passed_over() {
        let mut queue = Queue::default();
        queue.ask("gone", Class::Poll, "a");
        queue.ask("poll", Class::Poll, "b");
        queue.leave("gone");
        assert_eq!(granted(&mut queue, 1), ["poll"]);
        assert_eq!(queue.running(), 1);
        queue.leave("poll");
        assert_eq!((queue.running(), queue.grant(1)), (0, None));
    }
}
