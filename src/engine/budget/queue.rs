//! Turns: the most urgent class first, and within a class one tenant after the other.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::Class;

/// A pass that waits for its turn or has it.
pub type Ticket = u64;

/// The passes that wait and those that have their turn.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: BTreeMap<Class, Lanes>,
    running: HashMap<Ticket, Class>,
    next: Ticket,
}

/// The passes of one class, by tenant; the tenant in front is served next.
#[derive(Debug, Default)]
struct Lanes {
    lanes: HashMap<String, VecDeque<Ticket>>,
    order: VecDeque<String>,
}

impl Lanes {
    fn push(&mut self, lane: &str, ticket: Ticket) {
        let tickets = self.lanes.entry(lane.to_owned()).or_default();
        if tickets.is_empty() {
            self.order.push_back(lane.to_owned());
        }
        tickets.push_back(ticket);
    }

    fn pop(&mut self) -> Option<Ticket> {
        let lane = self.order.pop_front()?;
        let tickets = self.lanes.get_mut(&lane)?;
        let ticket = tickets.pop_front();
        if tickets.is_empty() {
            self.lanes.remove(&lane);
        } else {
            self.order.push_back(lane);
        }
        ticket
    }

    fn remove(&mut self, ticket: Ticket) {
        for tickets in self.lanes.values_mut() {
            tickets.retain(|waiting| *waiting != ticket);
        }
        self.lanes.retain(|_, tickets| !tickets.is_empty());
        self.order.retain(|lane| self.lanes.contains_key(lane));
    }
}

impl Queue {
    /// A pass asks for a turn. The lane is its tenant: one with many passes does not keep the others waiting.
    pub fn ask(&mut self, class: Class, lane: &str) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        self.waiting.entry(class).or_default().push(lane, ticket);
        ticket
    }

    /// The next pass that gets its turn when this many may have one at once.
    pub fn grant(&mut self, most: usize) -> Option<Ticket> {
        if self.running.len() >= most {
            return None;
        }
        let background = self.running.values().filter(|class| class.is_background()).count();
        let full = background >= (most / 2).max(1);
        let mut open = self.waiting.iter_mut().filter(|(class, _)| !(full && class.is_background()));
        let (class, ticket) = open.find_map(|(class, lanes)| Some((*class, lanes.pop()?)))?;
        self.running.insert(ticket, class);
        Some(ticket)
    }

    /// A pass ended, or waits no more.
    pub fn leave(&mut self, ticket: Ticket) {
        if self.running.remove(&ticket).is_none() {
            self.waiting.values_mut().for_each(|lanes| lanes.remove(ticket));
        }
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

    fn granted(queue: &mut Queue, most: usize) -> Vec<Ticket> {
        std::iter::from_fn(|| queue.grant(most)).collect()
    }

    #[test]
    fn a_change_never_waits_behind_polls() {
        let mut queue = Queue::default();
        let polls: Vec<_> = (0..4).map(|_| queue.ask(Class::Poll, "a")).collect();
        assert_eq!(granted(&mut queue, 4), polls[..2]);
        let change = queue.ask(Class::Change, "a");
        assert_eq!(granted(&mut queue, 4), [change]);
        queue.leave(polls[0]);
        assert_eq!(granted(&mut queue, 4), [polls[2]]);
    }

    #[test]
    fn one_tenant_with_many_changes_does_not_keep_another_waiting() {
        let mut queue = Queue::default();
        let many: Vec<_> = (0..3).map(|_| queue.ask(Class::Change, "many")).collect();
        let one = queue.ask(Class::Change, "one");
        assert_eq!(granted(&mut queue, 10), [many[0], one, many[1], many[2]]);
    }

    #[test]
    fn with_a_single_turn_polls_get_it_too_and_who_gives_up_is_passed_over() {
        let mut queue = Queue::default();
        let (gone, poll) = (queue.ask(Class::Poll, "a"), queue.ask(Class::Poll, "b"));
        queue.leave(gone);
        assert_eq!(granted(&mut queue, 1), [poll]);
        assert_eq!(queue.running(), 1);
        queue.leave(poll);
        assert_eq!((queue.running(), queue.grant(1)), (0, None));
    }
}
