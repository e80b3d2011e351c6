//! Who can log in, what he may do, and the sessions that are open (platform contract, 1.2 to 1.4).

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::reply::{Reply, forbidden};

/// `profile.user_level` of a Group Admin.
pub const GROUP_ADMIN: u8 = 8;
/// `profile.user_level` of a Tenant Admin.
pub const TENANT_ADMIN: u8 = 12;
/// `profile.user_level` of a System Admin.
pub const SYSTEM_ADMIN: u8 = 16;

/// An account of the platform.
#[derive(Clone, Debug, Serialize)]
pub struct Account {
    /// Its password.
    #[serde(skip)]
    pub password: String,
    /// 0 End User, 4 Department, 8 Group, 12 Tenant, 16 System Admin.
    pub user_level: u8,
    /// The tenant it is bound to, below System level.
    pub tenant: Option<String>,
    /// The group it is bound to, below Tenant level.
    pub group: Option<String>,
    /// A restricted account: it sees only what references this reseller.
    pub reseller: Option<String>,
    /// Door B answers its login with a second factor to give instead of tokens.
    pub two_factor: bool,
    /// Bad passwords since the last good one.
    pub bad_passwords: u32,
    /// No password is good any more.
    pub locked: bool,
}

impl Account {
    /// A System Admin.
    pub fn system(password: &str) -> Account {
        Account {
            password: password.to_owned(),
            user_level: SYSTEM_ADMIN,
            tenant: None,
            group: None,
            reseller: None,
            two_factor: false,
            bad_passwords: 0,
            locked: false,
        }
    }

    /// A Tenant Admin: anything at system level is refused to him.
    pub fn tenant_admin(password: &str, tenant: &str) -> Account {
        Account { user_level: TENANT_ADMIN, tenant: Some(tenant.to_owned()), ..Account::system(password) }
    }

    /// A Group Admin.
    pub fn group_admin(password: &str, tenant: &str, group: &str) -> Account {
        let group = Some(group.to_owned());
        Account { user_level: GROUP_ADMIN, group, ..Account::tenant_admin(password, tenant) }
    }

    /// A restricted System Admin: he sees only what references this reseller.
    pub fn restricted_to(password: &str, reseller: &str) -> Account {
        Account { reseller: Some(reseller.to_owned()), ..Account::system(password) }
    }

    /// `ids` and `profile` of a login's answer.
    pub(super) fn profile(&self, username: &str) -> Value {
        let mut ids = Map::new();
        for (key, id) in [("tenant_id", &self.tenant), ("group_id", &self.group)] {
            if let Some(id) = id {
                ids.insert(key.to_owned(), json!(id));
            }
        }
        if self.user_level == 0 {
            ids.insert("user_id".to_owned(), json!(username));
        }
        let mut profile = json!({"user_level": self.user_level, "is_first_login": false});
        if self.reseller.is_some() {
            profile["access_type"] = json!(1);
        }
        json!({"ids": ids, "profile": profile})
    }

    pub(super) fn needs_system(&self) -> Result<(), Reply> {
        if self.user_level >= SYSTEM_ADMIN { Ok(()) } else { Err(forbidden("needs System Admin")) }
    }

    pub(super) fn needs_tenant(&self, tenant: &str) -> Result<(), Reply> {
        if self.user_level >= SYSTEM_ADMIN {
            return Ok(());
        }
        if self.user_level >= TENANT_ADMIN && self.tenant.as_deref() == Some(tenant) {
            return Ok(());
        }
        Err(forbidden("needs Tenant Admin of this tenant"))
    }

    pub(super) fn needs_group(&self, tenant: &str, group: &str) -> Result<(), Reply> {
        let own = self.tenant.as_deref() == Some(tenant) && self.group.as_deref() == Some(group);
        if self.user_level >= GROUP_ADMIN && own {
            return Ok(());
        }
        self.needs_tenant(tenant).map_err(|_| forbidden("needs Group Admin of this group"))
    }
}

/// The open sessions: which token stands for which user name.
#[derive(Debug)]
pub(super) struct Sessions {
    /// `sessionid` cookies of door A.
    pub(super) cookies: BTreeMap<String, String>,
    pub(super) access: BTreeMap<String, String>,
    pub(super) refresh: BTreeMap<String, String>,
    /// Logins of door B that wait for their second factor.
    pub(super) second_factor: BTreeMap<String, String>,
    issued: u64,
    /// Keeps the tokens of one simulator from being good at another.
    seed: u64,
}

impl Default for Sessions {
    fn default() -> Sessions {
        Sessions {
            cookies: BTreeMap::new(),
            access: BTreeMap::new(),
            refresh: BTreeMap::new(),
            second_factor: BTreeMap::new(),
            issued: 0,
            seed: RandomState::new().build_hasher().finish(),
        }
    }
}

impl Sessions {
    pub(super) fn token(&mut self, kind: &str) -> String {
        self.issued += 1;
        format!("{kind}-{:016x}-{}", self.seed, self.issued)
    }

    pub(super) fn expire(&mut self) {
        self.cookies.clear();
        self.access.clear();
        self.second_factor.clear();
    }
}
