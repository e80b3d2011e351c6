//! Taking a step.

use tracing::info;

use super::{Operator, index::Watched};
use crate::{
    engine::{failure::Failure, kind::Subject, plan::Step, report},
    platform::Turn,
};

impl Operator {
    /// Takes one step; one that writes to the platform if, at the moment of the write, its decision still `holds`.
    ///
    /// # Errors
    /// Why it was not taken, or that it is not known whether it was.
    pub(super) async fn act<K: Watched>(
        &self,
        turn: &Turn,
        subject: &Subject,
        step: &Step,
        holds: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        match step {
            Step::Hold(record, begun) => {
                self.succeed::<K>(subject).await?;
                // The finalizer first: a record without it would not survive a deletion.
                self.finalize::<K>(subject, true).await?;
                let status = report::holding(subject, record.clone(), begun, self.surroundings.now());
                self.hold::<K>(subject, &status).await
            }
            Step::Release(_) => self.finalize::<K>(subject, false).await,
            step => {
                self.succeed::<K>(subject).await?;
                // A resource that came with its record from a backup may not be ours yet.
                if !self.base(subject).is_ours {
                    self.hold::<K>(subject, &subject.status).await?;
                }
                let result = self.platform.act(turn, &self.claim, step, holds).await;
                self.metrics.platform_call(step.label(), result.as_ref().err());
                if result.is_ok() {
                    info!(namespace = %subject.namespace, name = %subject.name, generation = subject.generation, "{step}");
                }
                result
            }
        }
    }
}
