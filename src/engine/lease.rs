//! Leader election: whose turn it is to hold the lease. Clocks of two machines are never compared: what counts is how long
//! *this* process has seen a record unchanged.

use std::time::Duration;

/// What a lease object says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; `None` when it was given back.
    pub holder: Option<String>,
    /// How long it is his without a renewal.
    pub duration: Duration,
}

/// What to do about the lease now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// It is free or ours, or its holder was silent for its duration: write our name and the time.
    Hold,
    /// It is another's.
    Wait,
}

/// Decides, by the record and by how long this process has seen it unchanged.
pub fn evaluate(me: &str, record: Option<&Record>, unchanged_for: Duration) -> Move {
    match record.and_then(|record| Some((record.holder.as_deref()?, record.duration))) {
        Some((holder, duration)) if holder != me && !holder.is_empty() && unchanged_for < duration => Move::Wait,
        _ => Move::Hold,
    }
}

/// How long a holder may write after the moment at which it *sent* its last successful renewal: two thirds of the duration,
/// so that it has stopped well before another one may take over.
pub fn claim_of(duration: Duration) -> Duration {
    duration * 2 / 3
}

/// How often to renew or to look.
pub fn retry_of(duration: Duration) -> Duration {
    duration / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATION: Duration = Duration::from_secs(15);

    fn held_by(holder: Option<&str>) -> Record {
        Record { holder: holder.map(str::to_owned), duration: DURATION }
    }

    #[test]
    fn a_free_lease_is_taken_and_our_own_is_renewed() {
        assert_eq!(evaluate("me", None, Duration::ZERO), Move::Hold);
        for holder in [None, Some(""), Some("me")] {
            assert_eq!(evaluate("me", Some(&held_by(holder)), Duration::ZERO), Move::Hold);
        }
    }

    #[test]
    fn anothers_lease_is_taken_only_after_its_whole_duration_of_silence() {
        let record = held_by(Some("other"));
        assert_eq!(evaluate("me", Some(&record), DURATION - Duration::from_millis(1)), Move::Wait);
        assert_eq!(evaluate("me", Some(&record), DURATION), Move::Hold);
    }

    #[test]
    fn a_holder_stops_before_another_may_begin_and_has_several_tries_to_renew() {
        assert!(claim_of(DURATION) + retry_of(DURATION) < DURATION);
        assert!(retry_of(DURATION) * 4 < claim_of(DURATION) && retry_of(DURATION) > Duration::from_secs(1));
    }
}
