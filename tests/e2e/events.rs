//! Events of resources whose names are as long as names may be.

use apio_operator::api::Group;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use serde_json::json;

use crate::{fixtures::manifest, world::World};

#[tokio::test]
async fn a_resource_with_the_longest_name_has_its_events_and_what_repeats_counts_up() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    for length in [236, 237, 253] {
        let (name, id) = ("n".repeat(length), format!("G{length}"));
        world.apply(&manifest("Group", &name, &format!("tenantId: Acme, groupId: {id}, groupName: G, userLimit: 25")));
        world.group(&name).await;
        world.told(&name, "Created").await;
        world.told(&name, "Synced").await;
        // The same correction twice.
        for _ in 0..2 {
            let limit = ("userLimit".to_owned(), json!(5));
            world.platform.edit(|state| state.group_mut("Acme", &id).unwrap().attributes.extend([limit]));
            world.looked::<Group>(&name).await;
        }
        let times = || async {
            let all = world.api::<Event>().list(&ListParams::default()).await.unwrap();
            let about = |event: &Event| event.regarding.as_ref().is_some_and(|it| it.name.as_ref() == Some(&name));
            let updated = all.items.into_iter().filter(|one| about(one) && one.reason.as_deref() == Some("Updated"));
            updated.map(|event| event.series.map_or(1, |series| series.count)).collect::<Vec<_>>()
        };
        world.poll("one event, counted up", || async { times().await == [2] }).await;
    }
    assert_eq!(world.metric("apio_operator_event_failures_total").await, 0);
}
