//! What people do on the platform itself.

use serde_json::json;
use testkit::simulator::Simulator;

use super::{
    actions::Action,
    contents::Content,
    journal::Edit,
    round::Round,
    targets::{Id, Target},
};

impl<G> Round<G> {
    /// An edit in the portal, of a group that is there. The journal is read before and after: what arrives in between may
    /// have been carried out on either side.
    pub(super) fn portal(&mut self, action: &Action) {
        let (Action::Portal(target, _) | Action::Fill(target, _) | Action::Empty(target) | Action::Remove(target)) =
            action
        else {
            return;
        };
        let Id::Group(tenant, group) = target.id() else { return };
        let last = |platform: &Simulator| platform.look(|calls| calls.last().map_or(0, |call| call.seq));
        let before = last(&self.platform);
        let users_stay = target.is_old();
        let edit = self.platform.edit(|state| {
            let there = state.group_mut(&tenant, &group)?;
            match action {
                Action::Portal(_, text) => {
                    there.attributes.insert("groupName".to_owned(), json!(format!("Portal {text}")));
                    there.attributes.insert("locationDialingCode".to_owned(), json!(text));
                    None
                }
                Action::Fill(_, content) => {
                    content.add(state, &tenant, &group);
                    // Every other check may be off by the time of a deletion.
                    (*content == Content::User).then_some(Edit::Occupied)
                }
                Action::Empty(_) if !users_stay => {
                    there.clear_contents();
                    Some(Edit::Emptied)
                }
                Action::Remove(_) if !users_stay => {
                    state.tenants.get_mut(&tenant)?.groups.remove(&group);
                    Some(Edit::Removed)
                }
                _ => None,
            }
        });
        if let Some(edit) = edit {
            self.edits.push((before, last(&self.platform)), Id::Group(tenant, group), edit);
        }
    }

    /// A tenant is lost, with its groups.
    pub(super) fn lose(&mut self, tenant: &Target) {
        let Id::Tenant(id) = tenant.id() else { return };
        let last = |platform: &Simulator| platform.look(|calls| calls.last().map_or(0, |call| call.seq));
        let before = last(&self.platform);
        let lost = self.platform.edit(|state| state.tenants.remove(&id));
        let between = (before, last(&self.platform));
        for group in lost.into_iter().flat_map(|tenant| tenant.groups.into_keys()) {
            self.edits.push(between, Id::Group(id.clone(), group), Edit::Removed);
        }
    }
}
