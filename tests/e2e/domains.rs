//! `AUTO_CREATE.GROUP_DEFAULT_DOMAIN` and `spec.autoCreateDomain`.

use apio_operator::api::{Group, Tenant};
use serde_json::{Value, json};
use testkit::simulator::{Account, Fault};

use crate::{
    fixtures::{acme, credentials, hq, manifest, resource},
    world::{HasStatus, Wish, World, has, is_held, message},
};

const GROUPS: &str = "/tenants/Acme/groups/";
const ON: &str = "AUTO_CREATE: {GROUP_DEFAULT_DOMAIN: true}";

/// `spec.autoCreateDomain`, `AUTO_CREATE.GROUP_DEFAULT_DOMAIN`, and what is in force.
const RULES: [(Option<bool>, bool, bool); 6] = [
    (Some(true), true, true),
    (Some(true), false, true),
    (Some(false), true, false),
    (Some(false), false, false),
    (None, true, true),
    (None, false, false),
];

/// How far down a domain is known, the writes that make it the group's (`G` is the group's path), and what is told when
/// none but the last may be done.
type Known = (&'static str, &'static [&'static str], Option<&'static str>);

const CREATE: [Known; 3] = [
    (
        "nowhere",
        &["POST /system/domains/", "PUT /tenants/Acme/domains/", "POST /tenants/Acme/groups/"],
        Some("is unknown to the platform"),
    ),
    ("system", &["PUT /tenants/Acme/domains/", "POST /tenants/Acme/groups/"], Some("is not assigned to tenant Acme")),
    ("tenant", &["POST /tenants/Acme/groups/"], None),
];
const UPDATE: [Known; 4] = [
    (
        "nowhere",
        &["POST /system/domains/", "PUT /tenants/Acme/domains/", "PUT Gdomains/", "PUT G"],
        Some("is unknown to the platform"),
    ),
    ("system", &["PUT /tenants/Acme/domains/", "PUT Gdomains/", "PUT G"], Some("is not assigned to tenant Acme")),
    ("tenant", &["PUT Gdomains/", "PUT G"], Some("is not assigned to group")),
    ("group", &["PUT G"], None),
];

async fn with_acme(settings: &str) -> World {
    let world = World::with_settings(settings).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world
}

/// One group: what is in force for it, and where its domain is known.
struct Case {
    name: String,
    effective: bool,
    spec: Value,
    known: Known,
}

impl Case {
    fn new(own: Option<bool>, effective: bool, known: Known) -> Self {
        let mut spec = json!({"tenantId": "Acme", "groupName": "G"});
        if let Some(own) = own {
            spec["autoCreateDomain"] = json!(own);
        }
        let own = own.map_or("absent".to_owned(), |own| own.to_string());
        Self { name: format!("{own}-{}", known.0), effective, spec, known }
    }

    fn domain(&self) -> String {
        format!("{}.example", self.name)
    }

    fn path(&self) -> String {
        format!("{GROUPS}{}/", self.name)
    }

    fn manifest(&self) -> String {
        resource("Group", &self.name, &self.spec)
    }

    fn with_domain(&self) -> String {
        let mut spec = self.spec.clone();
        spec["defaultDomain"] = json!(self.domain());
        resource("Group", &self.name, &spec)
    }

    /// The domain, as far down as it is known, and the platform's own setting, which is never to decide.
    fn seed(&self, world: &World) {
        world.platform.edit(|state| {
            state.settings.auto_create.group_default_domain = !self.effective;
            // Groups get only domains that are assigned to them.
            state.settings.assumptions.default_domain_must_be_assigned = true;
            match self.known.0 {
                "system" => state.add_system_domain(&self.domain()),
                "tenant" => state.add_tenant_domain("Acme", &self.domain()),
                "group" => state.add_group_domain("Acme", &self.name, &self.domain()),
                _ => {}
            }
        });
    }

    /// Nothing is written about it, by nobody, until somebody else makes it known.
    async fn is_missing(&self, world: &World, place: &str, new: bool) {
        let group: Group = world.reason(&self.name, "Ready", "DomainNotFound").await;
        assert!(has(&group, "Reconciling") && !has(&group, "Stalled") && is_held(&group) != new, "{}", self.name);
        let said = message(&group, "Ready");
        for word in [&self.domain(), place, "spec.autoCreateDomain", "AUTO_CREATE.GROUP_DEFAULT_DOMAIN"] {
            assert!(said.contains(word), "{word} is not in: {said}");
        }
        assert_eq!(world.written_about(&self.domain()), [], "{}", self.name);
        world.platform.edit(|state| {
            let known = state.system_domains.contains(&self.domain());
            assert_eq!(known, self.known.0 != "nowhere", "the platform did not create it either");
            match new {
                true => state.add_tenant_domain("Acme", &self.domain()),
                false => state.add_group_domain("Acme", &self.name, &self.domain()),
            }
        });
        world.nudge::<Group>(&self.name).await;
    }

    async fn comes_true(&self, world: &World, new: bool) {
        let (level, steps, missing) = self.known;
        let steps: Vec<_> = steps.iter().map(|step| step.replace('G', &self.path())).collect();
        if let Some(place) = missing.filter(|_| !self.effective) {
            self.is_missing(world, place, new).await;
        }
        let group = world.group(&self.name).await;
        let steps = if self.effective { &steps[..] } else { &steps[steps.len() - 1..] };
        let written = world.written_about(&self.domain());
        assert_eq!(written.iter().map(|(call, _)| call).collect::<Vec<_>>(), steps.iter().collect::<Vec<_>>());
        let mut body = json!({"defaultDomain": self.domain(), "autoCreateDomain": self.effective});
        for (call, sent) in &written[..written.len() - 1] {
            let expected = if call.starts_with("POST") {
                json!({"domain": self.domain()})
            } else {
                json!({"domains": [self.domain()]})
            };
            assert_eq!(*sent, expected, "{call}");
        }
        if new {
            assert_eq!(
                written.last().unwrap().1,
                json!({"groupId": self.name, "groupName": "G", "defaultDomain": self.domain(),
                    "autoCreateDomain": self.effective})
            );
        } else {
            assert_eq!(written.last().unwrap().1, body);
        }
        let status = group.conditions();
        assert_eq!(status.observed.unwrap().values()["defaultDomain"], json!(self.domain()));
        let created = status.auto_created.map(|created| created.domains).unwrap_or_default();
        let created_on_the_way = self.effective && ["nowhere", "system"].contains(&level);
        let expected = if created_on_the_way { vec![self.domain()] } else { vec![] };
        assert_eq!(created, expected, "{}", self.name);
        if self.effective && level == "nowhere" {
            world.told(&self.name, "DomainCreated").await;
        }

        // A correction says it too, and needs no preparation.
        world.platform.edit(|state| {
            let attributes = &mut state.group_mut("Acme", &self.name).unwrap().attributes;
            attributes.insert("defaultDomain".into(), json!("sip.example.net"));
        });
        world.looked::<Group>(&self.name).await;
        let now = world.written_about(&self.domain());
        assert_eq!(now[written.len()..], [(format!("PUT {}", self.path()), body.take())]);
    }
}

/// Every rule with a domain that is known so far down.
fn cases(known: &'static [Known]) -> impl Iterator<Item = (bool, Vec<Case>)> {
    let of = |setting: bool| {
        let rules = RULES.into_iter().filter(move |(_, s, _)| *s == setting);
        rules.flat_map(|(own, _, effective)| known.iter().map(move |known| Case::new(own, effective, *known))).collect()
    };
    [true, false].into_iter().map(move |setting| (setting, of(setting)))
}

/// The platform's own setting is one for all groups: those for whom ours says yes come first.
fn one_after_the_other(cases: &[Case]) -> [Vec<&Case>; 2] {
    [true, false].map(|effective| cases.iter().filter(|case| case.effective == effective).collect())
}

#[tokio::test]
async fn a_new_group_gets_its_domain_as_the_spec_or_else_the_settings_say() {
    for (setting, cases) in cases(&CREATE) {
        let world = with_acme(&format!("AUTO_CREATE: {{GROUP_DEFAULT_DOMAIN: {setting}}}")).await;
        for cases in one_after_the_other(&cases) {
            cases.iter().for_each(|case| case.seed(&world));
            world.apply(&cases.iter().map(|case| case.with_domain()).collect::<String>());
            for case in cases {
                case.comes_true(&world, true).await;
            }
        }
    }
}

#[tokio::test]
async fn a_group_that_is_there_gets_its_domain_as_the_spec_or_else_the_settings_say() {
    for (setting, cases) in cases(&UPDATE) {
        let world = with_acme(&format!("AUTO_CREATE: {{GROUP_DEFAULT_DOMAIN: {setting}}}")).await;
        world.apply(&cases.iter().map(Case::manifest).collect::<String>());
        for case in &cases {
            world.group(&case.name).await;
        }
        for cases in one_after_the_other(&cases) {
            cases.iter().for_each(|case| case.seed(&world));
            world.apply(&cases.iter().map(|case| case.with_domain()).collect::<String>());
            for case in cases {
                case.comes_true(&world, false).await;
            }
        }
    }
}

#[tokio::test]
async fn switched_off_a_group_that_is_there_keeps_its_domain() {
    let world = with_acme("AUTO_CREATE: {}").await;
    world.apply(&hq("userLimit: 5"));
    world.group("hq").await;
    world.apply(&hq("userLimit: 6, defaultDomain: new.example"));
    world.reason::<Group>("hq", "Ready", "DomainNotFound").await;
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
}

#[tokio::test]
async fn an_account_that_is_no_system_admin_is_told_what_it_lacks_and_nothing_else_is_written() {
    let world = with_acme(ON).await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.platform.edit(|state| state.add_account("admin", Account::tenant_admin("pw", "Acme")));
    world.apply(&credentials("admin", "pw"));
    world.has_credentials(2).await;
    world.platform.clear_journal();
    world.apply(
        &(hq("defaultDomain: new.example")
            + &manifest("Group", "new", "tenantId: Acme, groupName: New, defaultDomain: new.example")),
    );
    for (name, is_there) in [("hq", true), ("new", false)] {
        let group: Group = world.reason(name, "Ready", "Denied").await;
        assert!(has(&group, "Stalled"));
        assert!(message(&group, "Ready").contains("needs System Admin"), "{}", message(&group, "Ready"));
        let status = group.conditions();
        assert!(status.auto_created.is_none());
        assert_eq!(status.ownership.is_some(), is_there);
        world.told(name, "Denied").await;
    }
    assert_eq!(world.writes(), ["POST /system/domains/"; 2], "each asked once");
    assert!(world.platform.edit(|state| !state.system_domains.contains("new.example")));
    // What somebody else created the account may use.
    world.platform.edit(|state| state.add_tenant_domain("Acme", "new.example"));
    for name in ["hq", "new"] {
        world.looked::<Group>(name).await;
    }
    assert_eq!(
        world.writes()[2..],
        ["PUT /tenants/Acme/groups/HQ/domains/", "PUT /tenants/Acme/groups/HQ/", "POST /tenants/Acme/groups/"]
    );
}

#[tokio::test]
async fn a_domain_that_was_created_before_the_group_failed_is_not_created_twice() {
    let world = with_acme(ON).await;
    world.platform.inject(Fault::status(503).on("POST", GROUPS));
    world.apply(&hq("defaultDomain: new.example"));
    let group = world.group("hq").await;
    assert_eq!(world.bodies("POST", "/system/domains/").len(), 1);
    assert_eq!(world.bodies("POST", GROUPS).len(), 2);
    assert_eq!(group.status.unwrap().auto_created.unwrap().domains, ["new.example"]);
}

#[tokio::test]
async fn groups_that_need_the_same_new_domain_at_once_all_get_it() {
    let world = with_acme(ON).await;
    let names = ["a", "b", "c", "d"];
    let spec = "tenantId: Acme, groupName: G, defaultDomain: new.example";
    world.apply(&names.map(|name| manifest("Group", name, spec)).concat());
    for name in names {
        world.group(name).await;
    }
    assert_eq!(world.bodies("POST", GROUPS).len(), 4);
}

#[tokio::test]
async fn the_domain_of_a_tenant_is_never_created() {
    let world = World::with(Wish { settings: Some(ON), ..Wish::default() }).await;
    world.apply(&acme("defaultDomain: new.example"));
    let tenant: Tenant = world.reason("acme", "Ready", "Invalid").await;
    assert!(message(&tenant, "Ready").contains("domain new.example is unknown"), "{}", message(&tenant, "Ready"));
    assert_eq!(world.writes(), ["POST /tenants/"]);
}

#[tokio::test]
async fn a_domain_that_is_declared_in_another_case_is_the_one_that_is_there() {
    let world = with_acme(ON).await;
    world.platform.edit(|state| state.add_system_domain("sip.acme.example"));
    let group = |name: &str, domain: &str| {
        manifest("Group", name, &format!("tenantId: Acme, groupName: G, defaultDomain: {domain}"))
    };
    world.apply(&group("a", "SIP.ACME.example"));
    world.group("a").await;
    assert_eq!(world.writes(), ["PUT /tenants/Acme/domains/", "POST /tenants/Acme/groups/"]);
    assert_eq!(world.bodies("PUT", "/tenants/Acme/domains/"), [json!({"domains": ["sip.acme.example"]})]);
    assert_eq!(world.bodies("POST", GROUPS)[0]["defaultDomain"], "sip.acme.example");
    // Neither another look nor another case is a reason to write, nor a correction to spell it in another way.
    world.apply(&group("a", "Sip.Acme.Example"));
    world.looked::<Group>("a").await;
    assert_eq!(world.writes().len(), 2, "{}", world.story());
    world.platform.edit(|state| {
        let attributes = &mut state.group_mut("Acme", "a").unwrap().attributes;
        attributes.insert("defaultDomain".into(), json!("sip.example.net"));
    });
    world.looked::<Group>("a").await;
    assert_eq!(world.bodies("PUT", &format!("{GROUPS}a/"))[0]["defaultDomain"], "sip.acme.example");
    let known = world.platform.edit(|state| state.system_domains.clone());
    assert_eq!(known.iter().filter(|domain| domain.eq_ignore_ascii_case("sip.acme.example")).count(), 1, "{known:?}");
}
