//! Names and ids as whoever writes a spec chooses them: what is called for them stays in its place, whatever a proxy in between
//! decodes, resolves or cuts.

use apio_operator::{
    api::text::{is_id, visible},
    engine::{
        check_group::Part,
        facts::Query,
        failure::Cause,
        ids::{Key, Level},
    },
};
use percent_encoding::percent_decode_str;

use super::{
    draw::Draw,
    platform::{Given, asked},
    told::is_seen,
};

/// A question with a drawn id.
pub fn target(draw: &mut Draw<'_>) {
    let id = |draw: &mut Draw<'_>| draw.word(&["Acme", "HQ", "..", ".", "a b", "%2e%2e"]).chars().take(120).collect();
    let [tenant, group]: [String; 2] = [id(draw), id(draw)];
    let (query, path) = match draw.below(6) {
        0 => (Query::Object(Key::Tenant(tenant.clone())), vec!["tenants", &tenant]),
        1 => {
            let path = vec!["tenants", &*tenant, "groups", &*group];
            (Query::Object(Key::Group(tenant.clone(), group.clone())), path)
        }
        2 => (Query::Object(Key::Reseller(tenant.clone())), vec!["local", "resellers", &tenant]),
        3 => {
            let path = vec!["tenants", &*tenant, "groups", &*group, "domains"];
            (Query::Domains(Level::Group(tenant.clone(), group.clone())), path)
        }
        4 => {
            let path = vec!["tenants", &*tenant, "groups", &*group, "services", "ivrs"];
            (Query::Count(tenant.clone(), group.clone(), Part::Ivrs), path)
        }
        _ => (Query::Groups(tenant.clone()), vec!["tenants", &tenant, "groups"]),
    };
    let (answer, called) = asked(&query, Given::yes("{}"));
    let failure = answer.unwrap_err();
    // It quotes the path, which is as long as the ids.
    is_seen(&failure.to_string());
    let are_ids = path.iter().all(|segment| is_id(segment));
    assert_eq!(called.len(), usize::from(are_ids), "{path:?}: {called:?}");
    assert_eq!(failure.cause == Cause::Rejected, !are_ids, "{path:?}: {failure:?}");
    for url in called {
        assert!(url.query().is_none() && url.fragment().is_none(), "{url}");
        let segments: Vec<_> = url.path_segments().unwrap().collect();
        let decoded: Vec<_> = segments.iter().map(|one| percent_decode_str(one).decode_utf8().unwrap()).collect();
        assert_eq!(decoded, [&["api", "v1"], &path[..], &[""]].concat(), "{url}");
        stays(url.path(), path.len());
    }
    for id in [&tenant, &group] {
        let shown = visible(id);
        assert_eq!(visible(&shown), shown, "{id:?}");
        assert!(!shown.chars().any(char::is_control), "{id:?}");
    }
}

/// It has as many segments however often it is decoded and with backslashes as slashes, and none is resolved away, cut short to
/// one that is, or trimmed.
fn stays(path: &str, depth: usize) {
    let mut path = path.to_owned();
    for _ in 0..3 {
        let Ok(decoded) = percent_decode_str(&path).decode_utf8().map(|decoded| decoded.replace('\\', "/")) else {
            return;
        };
        path = decoded;
        let segments: Vec<_> = path.trim_end_matches('/').split('/').skip(1).collect();
        assert_eq!(segments.len(), 2 + depth, "{path:?}");
        for segment in segments {
            let before = segment.split(';').next().unwrap();
            assert!(!["", ".", ".."].contains(&before) && segment.trim() == segment, "{path:?}");
            assert!(!segment.chars().any(char::is_control), "{path:?}");
        }
    }
}
