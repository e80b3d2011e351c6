//! The HTTP client of the provisioning platform (platform contract). It answers queries and takes steps; it names no
//! attribute of an object and decides nothing.

mod beside;
mod claim;
mod contents;
mod domains;
mod errors;
mod http;
mod listing;
mod login;
mod objects;
mod paths;
mod secrets;
mod session;
mod turn;
mod wire;
mod written;

pub use claim::Claim;
pub use http::{Address, Mode, Transport, authorities};
pub use login::Credentials;
pub use session::News;
pub use turn::{Turn, Turns};
pub use wire::{Body, Http, Lost, Network, Request, Response, Wire};

use std::time::Duration;

use tokio::sync::watch;

use crate::engine::{
    facts::{Answer, Query},
    failure::{Cause, Failure},
    ids::Key,
    plan::Step,
};
use session::{Open, Session};

/// The platform, through one shared session.
pub struct Platform {
    session: Session,
    name: String,
}

impl Platform {
    /// A client that logs in when it is first used, with the credentials of that moment.
    pub fn new(address: Address, transport: Transport, credentials: watch::Receiver<Option<Credentials>>) -> Self {
        Self { name: address.name(), session: Session::new(address, transport, credentials) }
    }

    /// What ownership records call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Longest single call.
    pub fn longest_call(&self) -> Duration {
        self.session.longest_call()
    }

    /// Logs in with the credentials of this moment, so that bad ones are told before they are needed.
    ///
    /// # Errors
    /// Why they cannot be used.
    pub async fn log_in(&self) -> Result<(), Failure> {
        self.session.log_in().await
    }

    /// Lets refused credentials be tried again now.
    pub fn try_again(&self) {
        self.session.try_again();
    }

    /// Resolves each time that there is news of the credentials.
    pub async fn news(&self) -> News {
        self.session.news().await
    }

    /// Why the platform refuses the credentials of this moment, if it does.
    pub fn refusal(&self) -> Option<String> {
        self.session.refusal()
    }

    /// Whether there are credentials that the platform did not refuse.
    pub fn has_credentials(&self) -> bool {
        self.session.has_credentials()
    }

    /// Resolves each time that the platform lets the operator in again after it had not for a while.
    pub async fn lets_in_again(&self) {
        self.session.lets_in_again().await;
    }

    /// Asks one question. Every call needs a turn, in which it has taken its place, and keeps to the pace.
    ///
    /// # Errors
    /// Whatever keeps the answer from being certain.
    pub async fn ask(&self, turn: &Turn, query: &Query) -> Result<Answer, Failure> {
        turn.call(self.read(query)).await
    }

    async fn read(&self, query: &Query) -> Result<Answer, Failure> {
        match query {
            Query::Object(key) => objects::get(&self.session, key).await.map(Answer::Object),
            Query::Domains(level) => domains::list(&self.session, level).await.map(Answer::Domains),
            Query::Groups(tenant) => contents::groups(&self.session, tenant).await.map(Answer::Groups),
            Query::Count(tenant, group, part) => contents::count(&self.session, tenant, group, *part).await,
        }
    }

    /// Takes one step. Every write needs a turn and the claim, and its decision has to hold at the moment at which it is sent.
    ///
    /// # Errors
    /// What the platform answered; [`Cause::Ambiguous`] when it is not known whether it did it.
    pub async fn act(
        &self,
        turn: &Turn,
        claim: &Claim,
        step: &Step,
        holds: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        // Between the count and the DELETE nobody waits, nor between the look at what a PUT sends along and the PUT: who comes
        // next does.
        match step {
            Step::Delete(..) | Step::Update(..) => _ = turn.place(),
            _ => turn.places(1).await,
        }
        let write = async {
            // A login takes time, in which the decision may be overtaken: behind it nothing is waited for.
            let open = self.session.opened().await?;
            holds.await?;
            write(&open, step).await
        };
        turn.call(claim.guard(write)).await
    }
}

async fn write(open: &Open<'_>, step: &Step) -> Result<(), Failure> {
    match step {
        Step::CreateDomain(domain) => domains::create(open, domain).await,
        Step::AssignDomain(level, domain) => domains::assign(open, level, domain).await,
        Step::CreateReseller(name) => {
            let key = Key::Reseller(name.clone());
            objects::create(open, &key, &objects::named(name)).await
        }
        Step::Create(key, body) => objects::create(open, key, body).await,
        Step::Update(key, body) => objects::update(open, key, body).await,
        Step::Delete(key, body, _) => objects::delete(open, key, body).await,
        Step::Hold(..) | Step::Release(_) => Err(Failure::new(Cause::Bug, "not a step for the platform")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;
    use tokio::time::Instant;

    use super::*;
    use crate::engine::{
        budget::{Class, pace::Limits},
        check_group,
        facts::Facts,
    };

    #[tokio::test]
    async fn a_change_or_deletion_follows_its_look_at_once_and_a_creation_keeps_to_the_rate() {
        let address = Address::new("http://platform.invalid", None, Mode::Gateway).unwrap();
        let long = Duration::from_secs(1);
        let transport = Transport::http(Http { connect: long, read: long, total: long, authorities: Vec::new() }, long);
        // Without credentials every call ends before anything is sent.
        let platform = Platform::new(address, transport, watch::channel(None).1);
        let claim = Claim::default();
        claim.extend(Instant::now() + Duration::from_secs(60));
        let turns = Turns::new(Limits { concurrency: 1, rate: Some(0.001) });
        let turn = turns.take("", Class::Deletion, "", || {}).unwrap();
        let key = Key::Reseller("R".into());
        let ended = |step: &Step| {
            let acted = platform.act(&turn, &claim, step, std::future::ready(Ok(())));
            acted.now_or_never().map(|result| result.map_err(|failure| failure.cause))
        };
        turn.places(1).await;
        assert_eq!(platform.ask(&turn, &Query::Object(key.clone())).await.unwrap_err().cause, Cause::NoCredentials);
        assert_eq!(ended(&Step::Create(key.clone(), Default::default())), None, "its place is minutes away");
        assert_eq!(ended(&Step::Update(key.clone(), Default::default())), Some(Err(Cause::NoCredentials)));
        let cleared = check_group::reseller(&key, &Facts::default()).unwrap();
        let delete = Step::Delete(key, Default::default(), cleared);
        assert_eq!(ended(&delete), Some(Err(Cause::NoCredentials)));
    }
}
