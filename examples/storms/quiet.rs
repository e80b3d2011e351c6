//! What may not happen any more when everything has come to rest.

use std::{collections::BTreeMap, time::Duration};

use kube::api::DynamicObject;
use testkit::simulator::Call;
use tokio::time::{Instant, sleep};

use super::{
    ground::Ground,
    resources,
    round::{LOOK, Round, WHEN_ASKED},
    targets::{Id, Target},
};

/// A deletion that is refused while all is at rest waits for so long at least until it is tried again.
const REFUSED: Duration = Duration::from_secs(12);

impl<G: Ground> Round<G> {
    /// Waits until everything that is Ready was looked at twice more: nothing is written meanwhile, anywhere.
    pub(super) async fn is_quiet(&self) -> Result<(), Vec<String>> {
        sleep(self.extent.pause).await;
        let before = self.resources().await;
        let (seen, told) = (self.platform.look(<[_]>::len), self.ground.written().len());
        let ready: Vec<_> =
            before.iter().filter(|(_, object)| resources::is_ready(object)).map(|(t, _)| t.id()).collect();
        let began = Instant::now();
        let until = began + WHEN_ASKED.max(self.extent.drift * 4);
        let looks = |call: &Call, id: &Id| call.method == "GET" && call.path == id.path();
        let twice = |calls: &[Call], id: &Id| calls[seen..].iter().filter(|call| looks(call, id)).nth(1).is_some();
        while !self.platform.look(|calls| ready.iter().all(|id| twice(calls, id))) {
            if Instant::now() > until {
                return Err(vec!["not everything that is Ready is looked at".to_owned()]);
            }
            sleep(LOOK.max(self.extent.drift / 50)).await;
        }
        let elapsed = Instant::now() - began;
        // What waits has a time of its own, and so has another resource that stands for it.
        let is_polled = |(target, object): &(&Target, &DynamicObject)| {
            let standing = before.keys().filter(|other| other.id() == target.id()).count();
            target.kind == "Group" && standing == 1 && resources::is_ready(object)
        };
        let most = 2 + elapsed.div_duration_f32(self.extent.drift.mul_f64(0.8)) as usize;
        let too_often: Vec<_> = self.platform.look(|calls| {
            let times = |id: &Id| calls[seen..].iter().filter(|call| looks(call, id)).count();
            let often = before.iter().filter(is_polled).filter(|(target, _)| times(&target.id()) > most);
            often.map(|(target, _)| format!("{target} is looked at again and again")).collect()
        });
        let may_be_refused = 1 + elapsed.div_duration_f32(REFUSED) as usize;
        // A deletion that the platform refuses is tried again, at a time of its own.
        let mut refused = BTreeMap::<String, usize>::new();
        let mut is_told = |call: &Call| {
            let is_refused = call.method == "DELETE" && call.status == Some(400);
            let times = refused.entry(call.path.clone()).or_default();
            *times += usize::from(is_refused);
            call.is_write() && !(is_refused && *times <= may_be_refused)
        };
        let writes = self.platform.journal()[seen..]
            .iter()
            .filter(|call| is_told(call))
            .map(|call| format!("written while all was at rest: {call}"))
            .collect::<Vec<_>>();
        let after = self.resources().await;
        let version = |object: &DynamicObject| object.metadata.resource_version.clone();
        let changed = before.iter().filter(|(target, object)| after.get(target).map(version) != Some(version(object)));
        let status = |object: Option<&DynamicObject>| object.map(|object| object.data["status"].clone());
        let told = self.ground.written().split_off(told);
        let wrong: Vec<_> = writes
            .into_iter()
            .chain(too_often)
            .chain(told.into_iter().map(|call| format!("written while all was at rest: {call}")))
            .chain(changed.map(|(target, object)| {
                let [was, is] = [Some(object), after.get(target)].map(status);
                format!("{target} changed while all was at rest; status {was:?}, and then {is:?}")
            }))
            .collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}
